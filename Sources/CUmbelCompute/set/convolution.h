// Convolutions as products of the inputs at each kernel position with the weights there. Nothing is copied: the rows of a
// product may be anywhere.
#pragma once
#include "products.h"

// What lies outside of a picture.
static const uint32_t zeros[UMBEL_INNER_UNITS];

// Row and column of the input that the first kernel position of a place sees, counted from the corner of the padding.
struct place {
    size_t row, column;
};

INLINE struct place place_at(const struct umbel_convolution *c, size_t index) {
    return (struct place){index / c->out_width * c->stride, index % c->out_width * c->stride};
}

// The units that a place has at a kernel position; NULL outside of the picture.
INLINE const uint32_t *input_at(const struct umbel_convolution *c, struct place place, struct place position) {
    // What is before the picture wraps to something large.
    const size_t row = place.row + position.row - c->top, column = place.column + position.column - c->left;
    if (row >= c->height || column >= c->width) return NULL;
    return (const uint32_t *)c->in + (row * c->width + column) * c->inner;
}

// Some places times one panel, whose first `columns` are wanted.
INLINE void convolve_panel(const struct umbel_convolution *c, size_t first, const struct place *where, size_t places,
                           size_t column, size_t columns) {
    const uint32_t *inputs[UMBEL_CONVOLVED_PLACES], *left[UMBEL_CONVOLVED_PLACES];
    float *const out = c->out + first * c->out_stride + column;
    struct addend addend = {c->residual ? c->residual + first * c->out_stride + column : NULL, c->out_stride,
                            c->bias ? c->bias + column : NULL};
    const uint32_t *panel = (const uint32_t *)c->panels + column / UMBEL_WEIGHT_COLUMNS * c->panel_stride;
    for (size_t position = 0; position < c->kernel * c->kernel; position++) {
        const struct place at = {position / c->kernel, position % c->kernel};
        for (size_t i = 0; i < places; i++) inputs[i] = input_at(c, where[i], at);
        for (size_t k = 0, inner; k < c->inner; k += inner) {
            inner = umbel_inner_part(c->inner - k);
            for (size_t i = 0; i < places; i++) left[i] = inputs[i] ? inputs[i] + k : zeros;
            const uint32_t *const next = panel + inner * UMBEL_WEIGHT_COLUMNS;
            multiply_part(out, c->out_stride, left, places, panel, next_part(next, places, columns), inner, columns, addend,
                          c->unit);
            addend = (struct addend){out, c->out_stride, NULL};
            panel = next;
        }
    }
}

static void set_convolve(const struct umbel_convolution *c, size_t first, size_t places) {
    struct place where[UMBEL_CONVOLVED_PLACES];
    for (size_t i = 0; i < places; i++) where[i] = place_at(c, first + i);
    for (size_t column = 0; column < c->columns; column += UMBEL_WEIGHT_COLUMNS) {
        const size_t rest = c->columns - column;
        convolve_panel(c, first, where, places, column, rest < UMBEL_WEIGHT_COLUMNS ? rest : UMBEL_WEIGHT_COLUMNS);
    }
}

// Half and half, so that no sum waits for all before it.
INLINE float sum_of(vf x) {
    float numbers[LANES];
    store(numbers, x);
    UNROLLED for (int half = LANES / 2; half > 0; half /= 2) {
        UNROLLED for (int i = 0; i < half; i++) numbers[i] += numbers[i + half];
    }
    return numbers[0];
}

// Outputs and places that are summed together.
enum { FEW_OUTPUTS = 4, FEW_PLACES = 6 };

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
    struct place where[FEW_PLACES];
    for (int p = 0; p < places; p++) where[p] = place_at(c, first + p);
    for (size_t position = 0; position < c->kernel * c->kernel; position++) {
        const struct place at = {position / c->kernel, position % c->kernel};
        const uint32_t *inputs[FEW_PLACES], *part[FEW_PLACES];
        for (int p = 0; p < places; p++) inputs[p] = input_at(c, where[p], at);
        const float *const weights = (const float *)c->panels + (position * c->columns + output) * c->inner;
        for (size_t k = 0; k < c->inner; k += UMBEL_INNER_UNITS) {
            for (int p = 0; p < places; p++) part[p] = inputs[p] ? inputs[p] + k : zeros;
            const size_t inner = c->inner - k < UMBEL_INNER_UNITS ? c->inner - k : UMBEL_INNER_UNITS;
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

// A copy that is not a call: what a place sees in one row of the picture is a few numbers.
INLINE void copy_units(float *out, const uint32_t *in, size_t count) {
    size_t i = 0;
    for (; i + 4 <= count; i += 4) memcpy(out + i, in + i, 4 * sizeof *out);
    for (; i < count; i++) memcpy(out + i, in + i, sizeof *out);
}

static void set_gather(float *out, const struct umbel_convolution *c, size_t first, size_t places) {
    for (size_t i = 0; i < places; i++) {
        const struct place where = place_at(c, first + i);
        for (size_t row = 0; row < c->kernel; row++) {
            // Where the whole row of the kernel is inside of the picture, its units lie behind each other.
            const uint32_t *const start = input_at(c, where, (struct place){row, 0});
            if (start && input_at(c, where, (struct place){row, c->kernel - 1})) {
                copy_units(out, start, c->kernel * c->inner);
                out += c->kernel * c->inner;
                continue;
            }
            for (size_t column = 0; column < c->kernel; column++, out += c->inner) {
                const uint32_t *const in = input_at(c, where, (struct place){row, column});
                for (size_t k = 0; k < c->inner; k++) memcpy(out + k, in ? in + k : zeros, sizeof *out);
            }
        }
    }
}
