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

// The weights of a last key that has no neighbour.
INLINE void store_last_weight(float *products, size_t key, vf weight, enum umbel_unit unit) {
    if (unit == UMBEL_PAIRS) store_weights_of(products, key, weight, 0, unit);
    else store(products + key * QUERIES, weight);
}

// 2ˣ as exact as weights of the unit are.
INLINE vf weight_of(vf x, enum umbel_unit unit) { return unit == UMBEL_PAIRS ? rough_power(x) : weight_power(x); }

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
        const vf first = weight_of(load(products + k * QUERIES) - top, unit);
        const vf second = weight_of(load(products + (k + 1) * QUERIES) - top, unit);
        total += first;
        other_total += second;
        store_weights_of(products, k, first, second, unit);
    }
    if (k < keys) {
        const vf last = weight_of(load(products + k * QUERIES) - top, unit);
        total += last;
        store_last_weight(products, k, last, unit);
    }
    store(largest, top);
    store(sum, total + other_total);
    store(factor, change);
}

// MARK: Weights at once
//
// Once it is known of some keys how large products are, those of others become weights where they are summed, in registers:
// relative to what was the largest then. That may be left behind by far before sums of weights could overflow; where they
// come to `MOST`, the block is done again with its own largest product.

static const float MOST = 0x1p40f;

// What is known of a block of queries.
struct attended {
    float largest[QUERIES], sum[QUERIES], factor[QUERIES];
};

// Weights of up to six keys, an even number of them unless they are the last, and of one width of the tile.
INLINE void weigh_tile(const struct tile *tile, struct attended *attended, size_t column, int rows, enum umbel_unit unit) {
    vf sum[TILE_ROWS][TILE_VECTORS];
    UNROLLED for (int v = 0; v < TILE_VECTORS; v++) {
        const vf start = -load(attended->largest + column + v * LANES);
        UNROLLED for (int r = 0; r < rows; r++) sum[r][v] = start;
    }
    add_tile(sum, tile, 1, rows, TILE_VECTORS, unit);
    UNROLLED for (int v = 0; v < TILE_VECTORS; v++) {
        float *const total = attended->sum + column + v * LANES, *const weights = tile->out + v * LANES;
        UNROLLED for (int r = 0; r < rows; r++) sum[r][v] = weight_of(sum[r][v], unit);
        vf sums = load(total);
        UNROLLED for (int r = 0; r < rows; r++) sums += sum[r][v];
        store(total, sums);
        UNROLLED for (int r = 0; r + 2 <= rows; r += 2) store_weights_of(weights, r, sum[r][v], sum[r + 1][v], unit);
        if (rows % 2) store_last_weight(weights, rows - 1, sum[rows - 1][v], unit);
    }
}

#define DEFINE_WEIGHTS(NAME, UNIT)                                                                                       \
    static __attribute__((noinline)) void NAME(const struct tile *tile, struct attended *attended, size_t column,        \
                                               int rows) {                                                               \
        switch (rows) {                                                                                                  \
        case 1: weigh_tile(tile, attended, column, 1, UNIT); return;                                                     \
        case 2: weigh_tile(tile, attended, column, 2, UNIT); return;                                                     \
        case 3: weigh_tile(tile, attended, column, 3, UNIT); return;                                                     \
        case 4: weigh_tile(tile, attended, column, 4, UNIT); return;                                                     \
        case 5: weigh_tile(tile, attended, column, 5, UNIT); return;                                                     \
        default: weigh_tile(tile, attended, column, 6, UNIT); return;                                                    \
        }                                                                                                                \
    }

DEFINE_WEIGHTS(weigh_numbers, UMBEL_NUMBERS)
DEFINE_WEIGHTS(weigh_pairs, UMBEL_PAIRS)

// Asks for `rows` rows of so many units.
INLINE void ask_for(const uint32_t *units, size_t rows, size_t stride, size_t count) {
    for (size_t r = 0; r < rows; r++, units += stride) {
        for (const uint32_t *unit = units; unit < units + count; unit += 64 / sizeof *unit) __builtin_prefetch(unit, 0, 3);
    }
}

// Asks for keys behind `first`, of which the tile after the next one is made, and for values that belong to those of this one.
INLINE void ask_for_next(struct umbel_attention a, size_t first, size_t rows, size_t per_unit) {
    const size_t next = first + 2 * TILE_ROWS, left = next < a.seen ? a.seen - next : 0;
    ask_for((const uint32_t *)a.keys + next * a.key_stride, left < rows ? left : rows, a.key_stride, a.size / per_unit);
    ask_for((const uint32_t *)a.values + first / per_unit * a.value_stride, rows / per_unit, a.value_stride, a.size);
}

// The largest products of the first keys: enough of them to know how large products are.
INLINE void find_largest(const struct umbel_attention *a, float *products, const uint32_t *queries,
                         struct attended *attended, enum umbel_unit unit) {
    const size_t keys = a->seen < 2 * TILE_ROWS ? a->seen : 2 * TILE_ROWS;
    multiply_queries(products, (const uint32_t *)a->keys, a->key_stride, 1, keys, queries,
                     unit == UMBEL_PAIRS ? a->size / 2 : a->size, 0, 0, unit);
    for (size_t v = 0; v < QUERIES; v += LANES) {
        vf top = load(products + v);
        for (size_t k = 1; k < keys; k++) top = larger(load(products + k * QUERIES + v), top);
        store(attended->largest + v, top);
    }
}

// Weights of keys `first` …; returns 0, and has changed no sums, if products are too large for that.
INLINE int weigh_block(struct umbel_attention a, float *weights, const uint32_t *queries, size_t first, size_t keys,
                       struct attended *attended, enum umbel_unit unit) {
    const size_t per_unit = unit == UMBEL_PAIRS ? 2 : 1;
    _Alignas(64) float before[QUERIES];
    memcpy(before, attended->sum, sizeof before);
    struct tile tile = {.out_stride = QUERIES, .step = 1, .right_stride = QUERIES, .inner = a.size / per_unit,
                        .ahead = (const char *)queries};
    for (size_t k = 0; k < keys;) {
        const size_t left = keys - k;
        // No tile of one or two rows is left: they take as long as larger ones.
        const size_t rows = left == 7 || left == 8 ? 4 : left < TILE_ROWS ? left : TILE_ROWS;
        for (size_t r = 0; r < rows; r++) tile.left[r] = (const uint32_t *)a.keys + (first + k + r) * a.key_stride;
        ask_for_next(a, first + k, rows, per_unit);
        for (size_t c = 0; c < QUERIES; c += TILE_COLUMNS) {
            tile.out = weights + k / per_unit * QUERIES + c;
            tile.right = queries + c;
            if (unit == UMBEL_PAIRS) weigh_pairs(&tile, attended, c, (int)rows);
            else weigh_numbers(&tile, attended, c, (int)rows);
        }
        k += rows;
    }
    int fits = 1;
    for (size_t j = 0; j < QUERIES; j++) fits &= attended->sum[j] < MOST;
    if (!fits) memcpy(attended->sum, before, sizeof before);
    return fits;
}

// Weights of keys `first` … with their largest known before, and `out` relative to that.
INLINE void weigh_anew(const struct umbel_attention *a, float *products, const uint32_t *queries, float *out, size_t first,
                       size_t keys, struct attended *attended, enum umbel_unit unit) {
    multiply_queries(products, (const uint32_t *)a->keys + first * a->key_stride, a->key_stride, 1, keys, queries,
                     unit == UMBEL_PAIRS ? a->size / 2 : a->size, 0, 0, unit);
    if (first + keys > a->place + 1) mask_keys(products, first, keys, a->place);
    for (size_t v = 0; v < QUERIES; v += LANES) {
        weigh(products + v, keys, attended->largest + v, attended->sum + v, attended->factor + v, unit);
    }
    for (size_t i = 0; i < a->size; i++) {
        for (size_t v = 0; v < QUERIES; v += LANES) {
            store(out + i * QUERIES + v, load(out + i * QUERIES + v) * load(attended->factor + v));
        }
    }
}

INLINE void attend(const struct umbel_attention *a, float *scratch, enum umbel_unit unit) {
    float *const queries = scratch, *const out = scratch + a->size * QUERIES, *const products = out + a->size * QUERIES;
    _Alignas(64) struct attended attended;
    for (size_t j = 0; j < QUERIES; j++) attended.largest[j] = -INFINITY, attended.sum[j] = 0;
    lay_queries((uint32_t *)queries, (uint32_t *)out, a, a->scale * 0x1.715476p0f, unit);
    memset(out, 0, a->size * QUERIES * sizeof *out);
    const size_t last = a->place + a->count;
    const size_t seen = last < a->seen ? last : a->seen;
    const size_t per_unit = unit == UMBEL_PAIRS ? 2 : 1;
    for (size_t k = 0; k < seen; k += KEYS) {
        const size_t keys = seen - k < KEYS ? seen - k : KEYS;
        const int masked = k + keys > a->place + 1;
        if (k == 0 && !masked) find_largest(a, products, (const uint32_t *)queries, &attended, unit);
        if (masked || !weigh_block(*a, products, (const uint32_t *)queries, k, keys, &attended, unit)) {
            weigh_anew(a, products, (const uint32_t *)queries, out, k, keys, &attended, unit);
        }
        multiply_queries(out, (const uint32_t *)a->values + k / per_unit * a->value_stride, 1, a->value_stride, a->size,
                         (const uint32_t *)products, (keys + per_unit - 1) / per_unit, 1, 1, unit);
    }
    for (size_t i = 0; i < a->size; i++) {
        for (size_t v = 0; v < QUERIES; v += LANES) {
            store(out + i * QUERIES + v, load(out + i * QUERIES + v) / load(attended.sum + v));
        }
    }
    exchange_axes((uint32_t *)a->out, a->out_stride, (const uint32_t *)out, QUERIES, a->size, a->count);
}

static void set_attend(const struct umbel_attention *attention, float *scratch) {
    if (attention->unit == UMBEL_PAIRS) attend(attention, scratch, UMBEL_PAIRS);
    else attend(attention, scratch, UMBEL_NUMBERS);
}
