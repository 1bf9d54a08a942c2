// The tile that every product is made of: up to six rows of factors, each broadcast, times some registers of columns. Six
// rows of four registers leave the CPU 24 independent sums, and of 32 registers one for the factor and four for the columns.
#pragma once

enum { TILE_ROWS = 6, TILE_COLUMNS = TILE_VECTORS * LANES };

// out(rows, columns) = start + bias + Σ left[r][i · step] · right[i · right_stride + column] over `inner` units; lengths in
// units of 32 bits.
struct tile {
    float *out;
    size_t out_stride;
    const uint32_t *left[TILE_ROWS];
    size_t step;
    const uint32_t *right;
    size_t right_stride;
    size_t inner;
    const float *start;  // NULL for zeros
    size_t start_stride;
    const float *bias;  // NULL for zeros
    // What is brought into the second cache meanwhile, for products to come: so many bytes from there on for each unit.
    const char *ahead;
    size_t ahead_step;
};

// Adds the products of a tile to `sum`.
INLINE void add_tile(vf sum[TILE_ROWS][TILE_VECTORS], const struct tile *tile, size_t step, int rows, int vectors,
                     enum umbel_unit unit) {
    const uint32_t *left[TILE_ROWS];
    UNROLLED for (int r = 0; r < rows; r++) left[r] = tile->left[r];
    const uint32_t *right = tile->right;
    const size_t inner = tile->inner, right_stride = tile->right_stride, ahead_step = tile->ahead_step;
    const char *ahead = tile->ahead;
    for (size_t i = 0; i < inner; i++, right += right_stride, ahead += ahead_step) {
        __builtin_prefetch(ahead, 0, 2);
        vf across[TILE_VECTORS];
        UNROLLED for (int v = 0; v < vectors; v++) across[v] = load(right + v * LANES);
        UNROLLED for (int r = 0; r < rows; r++) {
            const vf factor = (vf)(vu)left[r][i * step];
            UNROLLED for (int v = 0; v < vectors; v++) sum[r][v] = add_product(sum[r][v], factor, across[v], unit);
        }
    }
}

INLINE void compute_tile(const struct tile *tile, size_t step, int rows, int vectors, enum umbel_unit unit) {
    vf sum[TILE_ROWS][TILE_VECTORS];
    UNROLLED for (int r = 0; r < rows; r++) {
        UNROLLED for (int v = 0; v < vectors; v++) sum[r][v] = tile->bias ? load(tile->bias + v * LANES) : 0;
    }
    if (tile->start) {
        UNROLLED for (int r = 0; r < rows; r++) {
            UNROLLED for (int v = 0; v < vectors; v++) sum[r][v] += load(tile->start + r * tile->start_stride + v * LANES);
        }
    }
    add_tile(sum, tile, step, rows, vectors, unit);
    UNROLLED for (int r = 0; r < rows; r++) {
        UNROLLED for (int v = 0; v < vectors; v++) store(tile->out + r * tile->out_stride + v * LANES, sum[r][v]);
    }
}

INLINE void tile_of_vectors(const struct tile *tile, size_t step, int rows, int vectors, enum umbel_unit unit) {
    switch (rows) {
    case 1: compute_tile(tile, step, 1, vectors, unit); return;
    case 2: compute_tile(tile, step, 2, vectors, unit); return;
    case 3: compute_tile(tile, step, 3, vectors, unit); return;
    case 4: compute_tile(tile, step, 4, vectors, unit); return;
    case 5: compute_tile(tile, step, 5, vectors, unit); return;
    default: compute_tile(tile, step, 6, vectors, unit); return;
    }
}

// Each kind of tile is compiled once; a call of one costs a few of its hundreds of products.
#define DEFINE_TILE(NAME, STEP, VECTORS, UNIT)                                                                           \
    static __attribute__((noinline)) void NAME(const struct tile *tile, int rows) {                                      \
        tile_of_vectors(tile, STEP, rows, VECTORS, UNIT);                                                                \
    }

DEFINE_TILE(tile_numbers, 1, TILE_VECTORS, UMBEL_NUMBERS)
DEFINE_TILE(tile_pairs, 1, TILE_VECTORS, UMBEL_PAIRS)
DEFINE_TILE(narrow_tile_numbers, 1, 1, UMBEL_NUMBERS)
DEFINE_TILE(narrow_tile_pairs, 1, 1, UMBEL_PAIRS)
// Factors that lie `step` units from each other.
DEFINE_TILE(tile_apart_numbers, tile->step, TILE_VECTORS, UMBEL_NUMBERS)
DEFINE_TILE(tile_apart_pairs, tile->step, TILE_VECTORS, UMBEL_PAIRS)

INLINE void whole_tile(const struct tile *tile, int rows, enum umbel_unit unit, int apart) {
    if (unit == UMBEL_NUMBERS) {
        if (apart) tile_apart_numbers(tile, rows); else tile_numbers(tile, rows);
    } else {
        if (apart) tile_apart_pairs(tile, rows); else tile_pairs(tile, rows);
    }
}

// One register of columns, of which the first `columns` are wanted.
INLINE void narrow_tile(const struct tile *tile, int rows, size_t columns, enum umbel_unit unit) {
    float padded[TILE_ROWS][LANES];
    struct tile part = *tile;
    if (columns < LANES) {
        part.out = padded[0];
        part.out_stride = LANES;
        part.start = part.bias = NULL;
    }
    if (unit == UMBEL_NUMBERS) narrow_tile_numbers(&part, rows); else narrow_tile_pairs(&part, rows);
    if (columns >= LANES) return;
    for (int r = 0; r < rows; r++) {
        for (size_t c = 0; c < columns; c++) {
            const float bias = tile->bias ? tile->bias[c] : 0;
            const float start = tile->start ? tile->start[r * tile->start_stride + c] : 0;
            tile->out[r * tile->out_stride + c] = padded[r][c] + (bias + start);
        }
    }
}
