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

INLINE float sum_of(vf x) {
    float numbers[LANES], sum = 0;
    store(numbers, x);
    for (size_t i = 0; i < LANES; i++) sum += numbers[i];
    return sum;
}

// Outputs and places that are summed together.
enum { FEW_OUTPUTS = 4, FEW_PLACES = 4 };

// A part of the inputs of some places at one kernel position, times the weights of some outputs.
INLINE void add_few(vf sum[FEW_PLACES][FEW_OUTPUTS], const uint32_t *const *in, const float *weights, size_t stride,
                    size_t inner, int places, int outputs) {
    for (size_t k = 0; k < inner; k += LANES) {
        vf across[FEW_OUTPUTS];
        UNROLLED for (int o = 0; o < outputs; o++) across[o] = load_part(weights + o * stride + k, inner - k);
        UNROLLED for (int p = 0; p < places; p++) {
            const vf x = load_part((const float *)in[p] + k, inner - k);
            UNROLLED for (int o = 0; o < outputs; o++) sum[p][o] = multiply_add(x, across[o], sum[p][o]);
        }
    }
}

// With the inputs across the registers, which so few outputs would leave empty.
INLINE void convolve_few(const struct umbel_convolution *c, size_t first, size_t output, int places, int outputs) {
    vf sum[FEW_PLACES][FEW_OUTPUTS];
    UNROLLED for (int p = 0; p < places; p++) {
        UNROLLED for (int o = 0; o < outputs; o++) sum[p][o] = 0;
    }
    for (size_t position = 0; position < c->kernel * c->kernel; position++) {
        const uint32_t *inputs[FEW_PLACES], *part[FEW_PLACES];
        for (int p = 0; p < places; p++) inputs[p] = input_at(c, first + p, position);
        const float *const weights = (const float *)c->panels + (position * c->columns + output) * c->inner;
        for (size_t k = 0; k < c->inner; k += INNER_UNITS) {
            for (int p = 0; p < places; p++) part[p] = inputs[p] ? inputs[p] + k : zeros;
            const size_t inner = c->inner - k < INNER_UNITS ? c->inner - k : INNER_UNITS;
            add_few(sum, part, weights + k, c->inner, inner, places, outputs);
        }
    }
    UNROLLED for (int p = 0; p < places; p++) {
        UNROLLED for (int o = 0; o < outputs; o++) {
            const size_t at = (first + p) * c->out_stride + output + o;
            const float start = (c->bias ? c->bias[output + o] : 0) + (c->residual ? c->residual[at] : 0);
            c->out[at] = start + sum_of(sum[p][o]);
        }
    }
}

INLINE void convolve_few_at(const struct umbel_convolution *c, size_t first, int places) {
    size_t o = 0;
    for (; o + FEW_OUTPUTS <= c->columns; o += FEW_OUTPUTS) convolve_few(c, first, o, places, FEW_OUTPUTS);
    if (o + 3 == c->columns) convolve_few(c, first, o, places, 3);
    else for (; o < c->columns; o++) convolve_few(c, first, o, places, 1);
}

static void set_convolve_few(const struct umbel_convolution *c, size_t first, size_t places) {
    size_t place = 0;
    for (; place + FEW_PLACES <= places; place += FEW_PLACES) convolve_few_at(c, first + place, FEW_PLACES);
    for (; place < places; place++) convolve_few_at(c, first + place, 1);
}

static void set_gather(float *out, const struct umbel_convolution *c, size_t first, size_t places) {
    for (size_t i = 0; i < places; i++) {
        for (size_t position = 0; position < c->kernel * c->kernel; position++, out += c->inner) {
            const uint32_t *const in = input_at(c, first + i, position);
            for (size_t k = 0; k < c->inner; k++) memcpy(out + k, in ? in + k : zeros, sizeof *out);
        }
    }
}
