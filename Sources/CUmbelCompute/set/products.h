// Products with weights in panels.
#pragma once
#include "tiles.h"

// What the rows of a product add to: nothing, or what a bias and a residual are, or what is there.
struct addend {
    const float *start;
    size_t stride;
    const float *bias;
};

// Of products so short, writing takes as long as multiplying: lines that no cache has are waited for.
enum { SHORT_INNER_UNITS = 64, LINE_NUMBERS = 16 };

// Asks for the lines of some rows that will be written.
INLINE void expect_tile(const float *out, size_t out_stride, size_t rows) {
    for (size_t r = 0; r < rows && r < TILE_ROWS; r++) {
        for (int n = 0; n < TILE_COLUMNS; n += LINE_NUMBERS) __builtin_prefetch(out + r * out_stride + n, 1);
    }
}

// What comes into the second cache while a product is computed: so many bytes from there on for each unit of each tile. The CPU
// itself would ask for it only when it is needed.
struct ahead {
    const char *start;
    size_t step;
};

INLINE size_t tiles_of(size_t rows, size_t columns) {
    const size_t across = columns < TILE_COLUMNS ? (columns + LANES - 1) / LANES : columns / TILE_COLUMNS;
    return (rows + TILE_ROWS - 1) / TILE_ROWS * across;
}

// The part of a panel that is next: weights come from memory once a layer.
INLINE struct ahead next_part(const uint32_t *next, size_t rows, size_t columns) {
    return (struct ahead){(const char *)next, UMBEL_WEIGHT_COLUMNS * sizeof *next / tiles_of(rows, columns)};
}

// Rows by their first units times one part of a panel, whose first `columns` are wanted.
INLINE void multiply_part(float *out, size_t out_stride, const uint32_t *const *left, size_t rows, const uint32_t *panel,
                          struct ahead ahead, size_t inner, size_t columns, struct addend addend, enum umbel_unit unit) {
    struct tile tile = {.out_stride = out_stride, .step = 1, .right_stride = UMBEL_WEIGHT_COLUMNS, .inner = inner,
                        .start_stride = addend.stride, .ahead = ahead.start, .ahead_step = ahead.step};
    for (size_t c = 0; c < columns;) {
        const int whole = columns - c >= TILE_COLUMNS;
        tile.right = panel + c;
        tile.bias = addend.bias ? addend.bias + c : NULL;
        for (size_t r = 0; r < rows; r += TILE_ROWS) {
            const int height = rows - r < TILE_ROWS ? (int)(rows - r) : TILE_ROWS;
            for (int i = 0; i < height; i++) tile.left[i] = left[r + i];
            tile.out = out + r * out_stride + c;
            tile.start = addend.start ? addend.start + r * addend.stride + c : NULL;
            if (inner < SHORT_INNER_UNITS && whole && rows - r > TILE_ROWS) {
                expect_tile(tile.out + TILE_ROWS * out_stride, out_stride, rows - r - TILE_ROWS);
            }
            if (whole) whole_tile(&tile, height, unit, 0); else narrow_tile(&tile, height, columns - c, unit);
            tile.ahead += inner * tile.ahead_step;
        }
        c += whole ? TILE_COLUMNS : LANES;
    }
}

// So many rows are multiplied at once: their part of the inner dimension stays in the second cache for all panels.
enum { PRODUCT_ROWS = 96 };

// Some rows and one panel from its first unit to the last: their results stay in the first caches meanwhile.
INLINE void multiply_panel(const struct umbel_panel_product *p, size_t row, size_t rows, size_t column,
                           struct ahead *ahead, enum umbel_unit unit) {
    const uint32_t *left[PRODUCT_ROWS];
    float *const out = p->out + row * p->out_stride + column;
    struct addend addend = {p->residual ? p->residual + row * p->residual_stride + column : NULL, p->residual_stride,
                            p->bias ? p->bias + column : NULL};
    const size_t columns = p->columns - column < UMBEL_WEIGHT_COLUMNS ? p->columns - column : UMBEL_WEIGHT_COLUMNS;
    const uint32_t *panel = (const uint32_t *)p->panels + column / UMBEL_WEIGHT_COLUMNS * p->panel_stride;
    size_t k = 0;
    do {
        const size_t inner = umbel_inner_part(p->inner - k);
        for (size_t i = 0; i < rows; i++) left[i] = (const uint32_t *)p->left + (row + i) * p->left_stride + k;
        const uint32_t *const next = panel + inner * UMBEL_WEIGHT_COLUMNS;
        const struct ahead part = ahead->start ? *ahead : next_part(next, rows, columns);
        multiply_part(out, p->out_stride, left, rows, panel, part, inner, columns, addend, unit);
        if (ahead->start) ahead->start += inner * tiles_of(rows, columns) * ahead->step;
        addend = (struct addend){out, p->out_stride, NULL};
        panel = next;
        k += inner;
    } while (k < p->inner);
}

INLINE void multiply_panels(const struct umbel_panel_product *p, enum umbel_unit unit) {
    const size_t steps = tiles_of(p->rows, p->columns) * p->inner;
    struct ahead ahead = {p->ahead, steps > 0 ? p->ahead_bytes / steps : 0};
    for (size_t r = 0; r < p->rows; r += PRODUCT_ROWS) {
        const size_t rows = p->rows - r < PRODUCT_ROWS ? p->rows - r : PRODUCT_ROWS;
        for (size_t c = 0; c < p->columns; c += UMBEL_WEIGHT_COLUMNS) multiply_panel(p, r, rows, c, &ahead, unit);
    }
}

static void set_multiply_panels(const struct umbel_panel_product *product) {
    multiply_panels(product, product->unit);
}
