// Products with weights in panels.
#pragma once
#include "tiles.h"

// Units of the inner dimension that are gone through at once: the panel's part, 64 KiB, stays in the second cache for all
// rows.
enum { INNER_UNITS = 256 };

// What the rows of a product add to: nothing, or what a bias and a residual are, or what is there.
struct addend {
    const float *start;
    size_t stride;
    const float *bias;
};

// Rows by their first units, all columns, one part of the inner dimension. `panels` begins at that part.
INLINE void multiply_rows(float *out, size_t out_stride, const uint32_t *const *left, size_t rows, const uint32_t *panels,
                          size_t panel_stride, size_t inner, size_t columns, struct addend addend,
                          enum umbel_unit unit) {
    struct tile tile = {.out_stride = out_stride, .step = 1, .right_stride = UMBEL_WEIGHT_COLUMNS, .inner = inner,
                        .start_stride = addend.stride};
    for (size_t c = 0; c < columns;) {
        const int whole = columns - c >= TILE_COLUMNS;
        tile.right = panels + c / UMBEL_WEIGHT_COLUMNS * panel_stride + c % UMBEL_WEIGHT_COLUMNS;
        tile.bias = addend.bias ? addend.bias + c : NULL;
        for (size_t r = 0; r < rows; r += TILE_ROWS) {
            const int height = rows - r < TILE_ROWS ? (int)(rows - r) : TILE_ROWS;
            for (int i = 0; i < height; i++) tile.left[i] = left[r + i];
            tile.out = out + r * out_stride + c;
            tile.start = addend.start ? addend.start + r * addend.stride + c : NULL;
            if (whole) whole_tile(&tile, height, unit, 0); else narrow_tile(&tile, height, columns - c, unit);
        }
        c += whole ? TILE_COLUMNS : LANES;
    }
}

// So many rows are multiplied at once: their part of the inner dimension stays in the second cache for all panels.
enum { PRODUCT_ROWS = 192 };

INLINE void multiply_panels(const struct umbel_panel_product *p, enum umbel_unit unit) {
    const uint32_t *left[PRODUCT_ROWS];
    for (size_t r = 0; r < p->rows; r += PRODUCT_ROWS) {
        const size_t rows = p->rows - r < PRODUCT_ROWS ? p->rows - r : PRODUCT_ROWS;
        float *const out = p->out + r * p->out_stride;
        const float *const residual = p->residual ? p->residual + r * p->residual_stride : NULL;
        struct addend addend = {residual, p->residual_stride, p->bias};
        size_t k = 0;
        do {
            const size_t inner = p->inner - k < INNER_UNITS ? p->inner - k : INNER_UNITS;
            for (size_t i = 0; i < rows; i++) left[i] = (const uint32_t *)p->left + (r + i) * p->left_stride + k;
            multiply_rows(out, p->out_stride, left, rows, (const uint32_t *)p->panels + k * UMBEL_WEIGHT_COLUMNS,
                          p->panel_stride, inner, p->columns, addend, unit);
            addend = (struct addend){out, p->out_stride, NULL};
            k += inner;
        } while (k < p->inner);
    }
}

static void set_multiply_panels(const struct umbel_panel_product *product) {
    multiply_panels(product, product->unit);
}
