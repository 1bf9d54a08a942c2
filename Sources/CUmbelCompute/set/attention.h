// Attention without its matrix of weights: a block of queries lies across the registers and goes through the keys in blocks,
// with the largest product and the sum of weights so far (Milakov and Gimelshein, arXiv 1805.02867). Neither keys nor values
// are copied, and no head size is filled up.
#pragma once
#include "tiles.h"

enum { QUERIES = UMBEL_ATTENDED_QUERIES, KEYS = UMBEL_ATTENDED_KEYS, QUERY_VECTORS = QUERIES / LANES };

// out(rows, queries) (+)= left · right over `inner` units; rows of factors `row_step` units from each other, their units
// `step`.
INLINE void multiply_queries(float *out, const uint32_t *left, size_t row_step, size_t step, size_t rows,
                             const uint32_t *right, size_t inner, int adds, int apart, enum umbel_unit unit) {
    struct tile tile = {.out_stride = QUERIES, .step = step, .right_stride = QUERIES, .inner = inner,
                        .start_stride = QUERIES};
    for (size_t r = 0; r < rows; r += TILE_ROWS) {
        const int height = rows - r < TILE_ROWS ? (int)(rows - r) : TILE_ROWS;
        for (int i = 0; i < height; i++) tile.left[i] = left + (r + i) * row_step;
        for (size_t c = 0; c < QUERIES; c += TILE_COLUMNS) {
            tile.out = out + r * QUERIES + c;
            tile.start = adds ? tile.out : NULL;
            tile.right = right + c;
            whole_tile(&tile, height, unit, apart);
        }
    }
}

// (count, size) to (units, queries), times `factor`; queries that there are none of are zeros.
static void lay_queries(uint32_t *out, const struct umbel_attention *a, float factor) {
    memset(out, 0, a->size * QUERIES * sizeof *out);
    for (size_t j = 0; j < a->count; j++) {
        const float *const query = a->queries + j * a->query_stride;
        for (size_t i = 0; i < a->size; i++) {
            const float x = query[i] * factor;
            if (a->unit == UMBEL_PAIRS) {
                out[i / 2 * QUERIES + j] |= round_one_bfloat(x) << (i % 2 * 16);
            } else {
                memcpy(out + i * QUERIES + j, &x, sizeof x);
            }
        }
    }
}

// Takes out what lies behind a query's own place.
static void mask_keys(float *products, size_t first, size_t keys, size_t place) {
    for (size_t k = 0; k < keys; k++) {
        for (size_t j = 0; j < QUERIES && place + j < first + k; j++) products[k * QUERIES + j] = -INFINITY;
    }
}

// One register of queries: products to weights relative to the largest so far, in place.
INLINE void weigh(float *products, size_t keys, float *largest, float *sum, float *factor, enum umbel_unit unit) {
    vf top = load(largest);
    for (size_t k = 0; k < keys; k++) top = __builtin_elementwise_max(top, load(products + k * QUERIES));
    const vf change = weight_power(load(largest) - top);
    vf total = load(sum) * change;
    for (size_t k = 0; k < keys; k++) {
        const vf weight = weight_power(load(products + k * QUERIES) - top);
        total += weight;
        if (unit == UMBEL_NUMBERS) {
            store(products + k * QUERIES, weight);
        } else if (k % 2 == 0) {
            store(products + k / 2 * QUERIES, (vf)(((vu)weight + 0x8000) >> 16));
        } else {
            float *const pair = products + k / 2 * QUERIES;
            store(pair, (vf)((vu)load(pair) | (((vu)weight + 0x8000) & 0xffff0000)));
        }
    }
    store(largest, top);
    store(sum, total);
    store(factor, change);
}

INLINE void attend(const struct umbel_attention *a, float *scratch, enum umbel_unit unit) {
    float *const queries = scratch, *const out = scratch + a->size * QUERIES, *const products = out + a->size * QUERIES;
    _Alignas(64) float largest[QUERIES], sum[QUERIES], factor[QUERIES];
    for (size_t j = 0; j < QUERIES; j++) largest[j] = -INFINITY, sum[j] = 0;
    memset(out, 0, a->size * QUERIES * sizeof *out);
    lay_queries((uint32_t *)queries, a, a->scale * 0x1.715476p0f);
    const size_t last = a->place + a->count;
    const size_t seen = last < a->seen ? last : a->seen;
    const size_t per_unit = unit == UMBEL_PAIRS ? 2 : 1;
    for (size_t k = 0; k < seen; k += KEYS) {
        const size_t keys = seen - k < KEYS ? seen - k : KEYS;
        multiply_queries(products, (const uint32_t *)a->keys + k * a->key_stride, a->key_stride, 1, keys,
                         (const uint32_t *)queries, a->size / per_unit, 0, 0, unit);
        if (k + keys > a->place + 1) mask_keys(products, k, keys, a->place);
        for (size_t v = 0; v < QUERIES; v += LANES) weigh(products + v, keys, largest + v, sum + v, factor + v, unit);
        for (size_t i = 0; i < a->size; i++) {
            for (size_t v = 0; v < QUERIES; v += LANES) {
                store(out + i * QUERIES + v, load(out + i * QUERIES + v) * load(factor + v));
            }
        }
        multiply_queries(out, (const uint32_t *)a->values + k / per_unit * a->value_stride, 1, a->value_stride, a->size,
                         (const uint32_t *)products, (keys + per_unit - 1) / per_unit, 1, 1, unit);
    }
    for (size_t j = 0; j < a->count; j++) {
        const float share = 1 / sum[j];
        for (size_t i = 0; i < a->size; i++) a->out[j * a->query_stride + i] = out[i * QUERIES + j] * share;
    }
}

static void set_attend(const struct umbel_attention *attention, float *scratch) {
    if (attention->unit == UMBEL_PAIRS) attend(attention, scratch, UMBEL_PAIRS);
    else attend(attention, scratch, UMBEL_NUMBERS);
}
