// Convolutions as products of the inputs at each kernel position with the weights there. Nothing is copied: the rows of a
// product may be anywhere.
#pragma once
#include "products.h"

// What lies outside of a picture.
static const uint32_t zeros[INNER_UNITS];

// The units at a kernel position of the place with an index; NULL outside of the picture.
INLINE const uint32_t *input_at(const struct umbel_convolution *c, size_t place, size_t position) {
    const size_t row = place / c->out_width * c->stride + position / c->kernel;
    const size_t column = place % c->out_width * c->stride + position % c->kernel;
    if (row < c->top || row - c->top >= c->height || column < c->left || column - c->left >= c->width) return NULL;
    return (const uint32_t *)c->in + ((row - c->top) * c->width + column - c->left) * c->inner;
}

static void set_convolve(const struct umbel_convolution *c, size_t first, size_t places) {
    const uint32_t *inputs[UMBEL_CONVOLVED_PLACES], *left[UMBEL_CONVOLVED_PLACES];
    float *const out = c->out + first * c->out_stride;
    struct addend addend = {c->residual ? c->residual + first * c->out_stride : NULL, c->out_stride, c->bias};
    for (size_t position = 0; position < c->kernel * c->kernel; position++) {
        for (size_t i = 0; i < places; i++) inputs[i] = input_at(c, first + i, position);
        for (size_t k = 0; k < c->inner; k += INNER_UNITS) {
            const size_t inner = c->inner - k < INNER_UNITS ? c->inner - k : INNER_UNITS;
            for (size_t i = 0; i < places; i++) left[i] = inputs[i] ? inputs[i] + k : zeros;
            const uint32_t *const panels =
                (const uint32_t *)c->panels + (position * c->inner + k) * UMBEL_WEIGHT_COLUMNS;
            multiply_rows(out, c->out_stride, left, places, panels, c->panel_stride, inner, c->columns, addend, c->unit);
            addend = (struct addend){out, c->out_stride, NULL};
        }
    }
}

static void set_gather(float *out, const struct umbel_convolution *c, size_t first, size_t places) {
    for (size_t i = 0; i < places; i++) {
        for (size_t position = 0; position < c->kernel * c->kernel; position++, out += c->inner) {
            const uint32_t *const in = input_at(c, first + i, position);
            for (size_t k = 0; k < c->inner; k++) memcpy(out + k, in ? in + k : zeros, sizeof *out);
        }
    }
}
