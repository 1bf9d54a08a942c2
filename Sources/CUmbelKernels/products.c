// Matrix product for the small inner dimensions of adapters, and the elementwise passes around it.
//
// A block of a few rows and columns stays in registers while the inner index runs: wide blocks where there are columns for
// them, narrower and taller ones at the edge. Every element is fma(a[i], b[i], sum) from i = 0 up, starting at zero,
// whichever block it falls into.
#include "umbel_kernels.h"

#include "clones.h"
#include <math.h>
#include <string.h>

// One operand or result of a product and the distance of its rows.
struct input {
    const float *start;
    size_t stride;
};

struct output {
    float *start;
    size_t stride;
};

// Defines `block_N`, which computes `rows` rows of `vectors` times N columns: out = a·b, or with `scale`
// out += *scale · (a·b); and `strip_N`, which runs it down all rows, `height` at a time.
#define DEFINE_BLOCK(N, NAME)                                                                                            \
    typedef float lanes_##NAME __attribute__((ext_vector_type(N)));                                                      \
    static inline __attribute__((always_inline)) void block_##NAME(struct output out, struct input a, struct input b,    \
                                                                   int rows, int vectors, size_t inner,                  \
                                                                   const float *scale) {                                 \
        lanes_##NAME sum[8][4];                                                                                          \
        for (int r = 0; r < rows; r++) {                                                                                 \
            for (int v = 0; v < vectors; v++) sum[r][v] = 0;                                                             \
        }                                                                                                                \
        for (size_t k = 0; k < inner; k++) {                                                                             \
            lanes_##NAME right[4];                                                                                       \
            for (int v = 0; v < vectors; v++) memcpy(&right[v], b.start + k * b.stride + v * N, N * sizeof(float));      \
            for (int r = 0; r < rows; r++) {                                                                             \
                const lanes_##NAME left = a.start[r * a.stride + k];                                                     \
                for (int v = 0; v < vectors; v++) sum[r][v] = __builtin_elementwise_fma(left, right[v], sum[r][v]);      \
            }                                                                                                            \
        }                                                                                                                \
        for (int r = 0; r < rows; r++) {                                                                                 \
            for (int v = 0; v < vectors; v++) {                                                                          \
                float *const place = out.start + r * out.stride + v * N;                                                 \
                if (scale) {                                                                                             \
                    const lanes_##NAME factor = *scale;                                                                  \
                    lanes_##NAME before;                                                                                 \
                    memcpy(&before, place, N * sizeof(float));                                                           \
                    sum[r][v] = __builtin_elementwise_fma(factor, sum[r][v], before);                                    \
                }                                                                                                        \
                memcpy(place, &sum[r][v], N * sizeof(float));                                                            \
            }                                                                                                            \
        }                                                                                                                \
    }                                                                                                                    \
    static inline __attribute__((always_inline)) void strip_##NAME(struct output out, struct input a, struct input b,    \
                                                                   size_t rows, int height, int vectors, size_t inner,   \
                                                                   const float *scale) {                                 \
        size_t i = 0;                                                                                                    \
        for (; i + height <= rows; i += height) {                                                                        \
            block_##NAME(out, a, b, height, vectors, inner, scale);                                                      \
            out.start += height * out.stride;                                                                            \
            a.start += height * a.stride;                                                                                \
        }                                                                                                                \
        for (; i < rows; i++) {                                                                                          \
            block_##NAME(out, a, b, 1, vectors, inner, scale);                                                           \
            out.start += out.stride;                                                                                     \
            a.start += a.stride;                                                                                         \
        }                                                                                                                \
    }

DEFINE_BLOCK(16, sixteen)
DEFINE_BLOCK(4, four)
DEFINE_BLOCK(1, one)

static inline __attribute__((always_inline)) void product(struct output out, struct input a, struct input b, size_t rows,
                                                          size_t inner, size_t columns, const float *scale) {
    size_t j = 0;
    for (; j + 64 <= columns; j += 64, out.start += 64, b.start += 64) {
        strip_sixteen(out, a, b, rows, 4, 4, inner, scale);
    }
    for (; j + 16 <= columns; j += 16, out.start += 16, b.start += 16) {
        strip_sixteen(out, a, b, rows, 8, 1, inner, scale);
    }
    for (; j + 4 <= columns; j += 4, out.start += 4, b.start += 4) strip_four(out, a, b, rows, 8, 1, inner, scale);
    for (; j < columns; j++, out.start++, b.start++) strip_one(out, a, b, rows, 8, 1, inner, scale);
}

UMBEL_CLONES void umbel_multiply(float *restrict out, size_t out_stride, const float *restrict a, size_t a_stride,
                                 const float *restrict b, size_t b_stride, size_t rows, size_t inner, size_t columns) {
    product((struct output){out, out_stride}, (struct input){a, a_stride}, (struct input){b, b_stride}, rows, inner,
            columns, NULL);
}

UMBEL_CLONES void umbel_multiply_add(float *restrict y, size_t y_stride, const float *restrict a, size_t a_stride,
                                     const float *restrict b, size_t b_stride, size_t rows, size_t inner, size_t columns,
                                     float scale) {
    product((struct output){y, y_stride}, (struct input){a, a_stride}, (struct input){b, b_stride}, rows, inner, columns,
            &scale);
}

void umbel_multiply_reference(float *restrict out, size_t out_stride, const float *restrict a, size_t a_stride,
                              const float *restrict b, size_t b_stride, size_t rows, size_t inner, size_t columns) {
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < columns; j++) {
            float sum = 0;
            for (size_t k = 0; k < inner; k++) sum = fmaf(a[i * a_stride + k], b[k * b_stride + j], sum);
            out[i * out_stride + j] = sum;
        }
    }
}

void umbel_multiply_add_reference(float *restrict y, size_t y_stride, const float *restrict a, size_t a_stride,
                                  const float *restrict b, size_t b_stride, size_t rows, size_t inner, size_t columns,
                                  float scale) {
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < columns; j++) {
            float sum = 0;
            for (size_t k = 0; k < inner; k++) sum = fmaf(a[i * a_stride + k], b[k * b_stride + j], sum);
            y[i * y_stride + j] = fmaf(scale, sum, y[i * y_stride + j]);
        }
    }
}

UMBEL_CLONES void umbel_add_scaled(float *restrict y, const float *restrict x, float scale, size_t count) {
    for (size_t i = 0; i < count; i++) y[i] = __builtin_fmaf(scale, x[i], y[i]);
}

UMBEL_CLONES void umbel_multiply_elements(float *restrict y, const float *restrict x, size_t count) {
    for (size_t i = 0; i < count; i++) y[i] *= x[i];
}

UMBEL_CLONES void umbel_add_multiple(float *restrict y, const float *restrict x, float coefficient, float scale,
                                     size_t count) {
    for (size_t i = 0; i < count; i++) y[i] = __builtin_fmaf(scale, coefficient * x[i], y[i]);
}

void umbel_add_multiple_reference(float *restrict y, const float *restrict x, float coefficient, float scale,
                                  size_t count) {
    for (size_t i = 0; i < count; i++) {
        const float product = coefficient * x[i];
        y[i] = fmaf(scale, product, y[i]);
    }
}

UMBEL_CLONES void umbel_scale(float *y, float factor, size_t count) {
    for (size_t i = 0; i < count; i++) y[i] *= factor;
}

void umbel_scale_reference(float *y, float factor, size_t count) {
    for (size_t i = 0; i < count; i++) y[i] = factor * y[i];
}

UMBEL_CLONES void umbel_interpolate(float *restrict y, const float *restrict start, float factor, size_t count) {
    for (size_t i = 0; i < count; i++) y[i] = start[i] + factor * (y[i] - start[i]);
}

void umbel_interpolate_reference(float *restrict y, const float *restrict start, float factor, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const float difference = y[i] - start[i];
        const float step = factor * difference;
        y[i] = start[i] + step;
    }
}

UMBEL_CLONES void umbel_transpose(float *restrict out, const float *restrict in, size_t rows, size_t columns) {
    for (size_t j = 0; j < columns; j++) {
        for (size_t i = 0; i < rows; i++) out[j * rows + i] = in[i * columns + j];
    }
}

void umbel_transpose_reference(float *restrict out, const float *restrict in, size_t rows, size_t columns) {
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < columns; j++) out[j * rows + i] = in[i * columns + j];
    }
}

// The square of an f32 is exact in f64, so fused or not makes no difference here.
UMBEL_CLONES double umbel_sum_of_squares(const float *x, size_t count) {
    double sum[8] = {0};
    size_t i = 0;
    for (; i + 8 <= count; i += 8) {
        for (int lane = 0; lane < 8; lane++) sum[lane] += (double)x[i + lane] * (double)x[i + lane];
    }
    for (; i < count; i++) sum[i % 8] += (double)x[i] * (double)x[i];
    return ((sum[0] + sum[1]) + (sum[2] + sum[3])) + ((sum[4] + sum[5]) + (sum[6] + sum[7]));
}

double umbel_sum_of_squares_reference(const float *x, size_t count) {
    double sum[8] = {0};
    for (size_t i = 0; i < count; i++) sum[i % 8] += (double)x[i] * (double)x[i];
    return ((sum[0] + sum[1]) + (sum[2] + sum[3])) + ((sum[4] + sum[5]) + (sum[6] + sum[7]));
}

UMBEL_CLONES void umbel_add_squares(double *restrict sums, const float *restrict x, size_t count) {
    for (size_t i = 0; i < count; i++) sums[i] += (double)x[i] * (double)x[i];
}

// As integers, magnitudes are ordered as the numbers are, with infinity and NaN above all.
UMBEL_CLONES int umbel_all_below(const float *x, float limit, size_t count) {
    uint32_t bound, bad = 0;
    memcpy(&bound, &limit, 4);
    for (size_t i = 0; i < count; i++) {
        uint32_t u;
        memcpy(&u, x + i, 4);
        bad |= (u & 0x7fffffff) >= bound;
    }
    return !bad;
}

// Ordered as integers too; what is NaN counts as nothing.
UMBEL_CLONES float umbel_largest_magnitude(const float *x, size_t count) {
    uint32_t largest = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t u;
        memcpy(&u, x + i, 4);
        u &= 0x7fffffff;
        u = u > 0x7f800000 ? 0 : u;
        largest = u > largest ? u : largest;
    }
    float result;
    memcpy(&result, &largest, 4);
    return result;
}

float umbel_largest_magnitude_reference(const float *x, size_t count) {
    float largest = 0;
    for (size_t i = 0; i < count; i++) {
        if (fabsf(x[i]) > largest) largest = fabsf(x[i]);
    }
    return largest;
}
