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
                        .start_stride = QUERIES, .ahead = (const char *)right};
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

// out(columns, rows) = in(rows, columns), units of 32 bits. Four by four in registers.
INLINE void exchange_axes(uint32_t *out, size_t out_stride, const uint32_t *in, size_t in_stride, size_t rows,
                          size_t columns) {
    typedef uint32_t four __attribute__((ext_vector_type(4)));
    size_t r = 0;
    for (; r + 4 <= rows; r += 4) {
        size_t c = 0;
        for (; c + 4 <= columns; c += 4) {
            four x[4];
            UNROLLED for (int i = 0; i < 4; i++) memcpy(&x[i], in + (r + i) * in_stride + c, sizeof x[i]);
            const four low = __builtin_shufflevector(x[0], x[1], 0, 4, 1, 5), low2 = __builtin_shufflevector(x[2], x[3], 0, 4, 1, 5);
            const four high = __builtin_shufflevector(x[0], x[1], 2, 6, 3, 7), high2 = __builtin_shufflevector(x[2], x[3], 2, 6, 3, 7);
            x[0] = __builtin_shufflevector(low, low2, 0, 1, 4, 5);
            x[1] = __builtin_shufflevector(low, low2, 2, 3, 6, 7);
            x[2] = __builtin_shufflevector(high, high2, 0, 1, 4, 5);
            x[3] = __builtin_shufflevector(high, high2, 2, 3, 6, 7);
            UNROLLED for (int i = 0; i < 4; i++) memcpy(out + (c + i) * out_stride + r, &x[i], sizeof x[i]);
        }
        for (; c < columns; c++) {
            for (int i = 0; i < 4; i++) out[c * out_stride + r + i] = in[(r + i) * in_stride + c];
        }
    }
    for (; r < rows; r++) {
        for (size_t c = 0; c < columns; c++) out[c * out_stride + r] = in[r * in_stride + c];
    }
}

// (count, size) to (units, queries), times `factor`; queries that there are none of are zeros. `rows` holds as many units.
INLINE void lay_queries(uint32_t *out, uint32_t *rows, const struct umbel_attention *a, float factor,
                        enum umbel_unit unit) {
    const size_t size = a->size, units = unit == UMBEL_PAIRS ? size / 2 : size;
    if (a->count < QUERIES) memset(out, 0, units * QUERIES * sizeof *out);
    for (size_t j = 0; j < a->count; j++) {
        const float *const query = a->queries + j * a->query_stride;
        for (size_t i = 0; i < size; i += LANES) {
            const vf x = load_part(query + i, size - i) * factor;
            if (unit == UMBEL_PAIRS) store_bfloat((uint16_t *)(rows + j * units) + i, x, size - i);
            else store_part((float *)rows + j * units + i, x, size - i);
        }
    }
    exchange_axes(out, QUERIES, rows, units, a->count, units);
}

// Takes out what lies behind a query's own place.
static void mask_keys(float *products, size_t first, size_t keys, size_t place) {
    for (size_t k = 0; k < keys; k++) {
        for (size_t j = 0; j < QUERIES && place + j < first + k; j++) products[k * QUERIES + j] = -INFINITY;
    }
}

// The weights of two neighbouring keys to where products are read next, in place of products that were read.
INLINE void store_weights_of(float *products, size_t key, vf first, vf second, enum umbel_unit unit) {
    if (unit == UMBEL_PAIRS) {
        // To nearest; ties do not matter to sums of positive numbers.
        store(products + key / 2 * QUERIES, (vf)(((vu)first + 0x8000) >> 16 | (((vu)second + 0x8000) & 0xffff0000)));
    } else {
        store(products + key * QUERIES, first);
        store(products + (key + 1) * QUERIES, second);
    }
}

// One register of queries: products to weights relative to the largest so far, in place. Two keys at a time, so that neither
// sum nor maximum waits for the one before.
INLINE void weigh(float *products, size_t keys, float *largest, float *sum, float *factor, enum umbel_unit unit) {
    const vf before = load(largest);
    vf top = before, other_top = before;
    size_t k = 0;
    for (; k + 2 <= keys; k += 2) {
        top = larger(load(products + k * QUERIES), top);
        other_top = larger(load(products + (k + 1) * QUERIES), other_top);
    }
    if (k < keys) top = larger(load(products + k * QUERIES), top);
    top = larger(top, other_top);
    const vf change = weight_power(before - top);
    vf total = load(sum) * change, other_total = 0;
    for (k = 0; k + 2 <= keys; k += 2) {
        const vf first = weight_power(load(products + k * QUERIES) - top);
        const vf second = weight_power(load(products + (k + 1) * QUERIES) - top);
        total += first;
        other_total += second;
        store_weights_of(products, k, first, second, unit);
    }
    if (k < keys) {
        const vf last = weight_power(load(products + k * QUERIES) - top);
        total += last;
        if (unit == UMBEL_PAIRS) store_weights_of(products, k, last, 0, unit);
        else store(products + k * QUERIES, last);
    }
    store(largest, top);
    store(sum, total + other_total);
    store(factor, change);
}

INLINE void attend(const struct umbel_attention *a, float *scratch, enum umbel_unit unit) {
    float *const queries = scratch, *const out = scratch + a->size * QUERIES, *const products = out + a->size * QUERIES;
    _Alignas(64) float largest[QUERIES], sum[QUERIES], factor[QUERIES];
    for (size_t j = 0; j < QUERIES; j++) largest[j] = -INFINITY, sum[j] = 0;
    lay_queries((uint32_t *)queries, (uint32_t *)out, a, a->scale * 0x1.715476p0f, unit);
    memset(out, 0, a->size * QUERIES * sizeof *out);
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
    for (size_t i = 0; i < a->size; i++) {
        for (size_t v = 0; v < QUERIES; v += LANES) {
            store(out + i * QUERIES + v, load(out + i * QUERIES + v) / load(sum + v));
        }
    }
    exchange_axes((uint32_t *)a->out, a->out_stride, (const uint32_t *)out, QUERIES, a->size, a->count);
}

static void set_attend(const struct umbel_attention *attention, float *scratch) {
    if (attention->unit == UMBEL_PAIRS) attend(attention, scratch, UMBEL_PAIRS);
    else attend(attention, scratch, UMBEL_NUMBERS);
}
