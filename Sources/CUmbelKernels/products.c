// Matrix product for the small inner dimensions of adapters, and the elementwise passes around it.
//
// A block of four rows by 64 columns stays in registers while the inner index runs; what is left over at the edges
// takes the same sums one element at a time. Every element is fma(a[i], b[i], sum) from i = 0 up, starting at zero.
#include "umbel_kernels.h"

#include "clones.h"
#include <math.h>
#include <string.h>

typedef float lanes __attribute__((ext_vector_type(16)));
enum { LANES = 16, VECTORS = 4, BLOCK_COLUMNS = LANES * VECTORS, BLOCK_ROWS = 4 };

static inline __attribute__((always_inline)) void block(float *restrict out, size_t out_stride,
                                                        const float *restrict a, size_t a_stride,
                                                        const float *restrict b, size_t b_stride, int rows, int vectors,
                                                        size_t inner) {
    lanes sum[BLOCK_ROWS][VECTORS];
    for (int r = 0; r < rows; r++) {
        for (int v = 0; v < vectors; v++) sum[r][v] = 0;
    }
    for (size_t k = 0; k < inner; k++) {
        lanes right[VECTORS];
        for (int v = 0; v < vectors; v++) memcpy(&right[v], b + k * b_stride + v * LANES, sizeof(lanes));
        for (int r = 0; r < rows; r++) {
            const lanes left = a[r * a_stride + k];
            for (int v = 0; v < vectors; v++) sum[r][v] = __builtin_elementwise_fma(left, right[v], sum[r][v]);
        }
    }
    for (int r = 0; r < rows; r++) {
        for (int v = 0; v < vectors; v++) memcpy(out + r * out_stride + v * LANES, &sum[r][v], sizeof(lanes));
    }
}

UMBEL_CLONES void umbel_multiply(float *restrict out, size_t out_stride, const float *restrict a, size_t a_stride,
                                 const float *restrict b, size_t b_stride, size_t rows, size_t inner, size_t columns) {
    size_t j = 0;
    for (; j + BLOCK_COLUMNS <= columns; j += BLOCK_COLUMNS) {
        size_t i = 0;
        for (; i + BLOCK_ROWS <= rows; i += BLOCK_ROWS) {
            block(out + i * out_stride + j, out_stride, a + i * a_stride, a_stride, b + j, b_stride, BLOCK_ROWS, VECTORS,
                  inner);
        }
        for (; i < rows; i++) {
            block(out + i * out_stride + j, out_stride, a + i * a_stride, a_stride, b + j, b_stride, 1, VECTORS, inner);
        }
    }
    for (; j + LANES <= columns; j += LANES) {
        for (size_t i = 0; i < rows; i++) {
            block(out + i * out_stride + j, out_stride, a + i * a_stride, a_stride, b + j, b_stride, 1, 1, inner);
        }
    }
    for (; j < columns; j++) {
        for (size_t i = 0; i < rows; i++) {
            float sum = 0;
            for (size_t k = 0; k < inner; k++) sum = __builtin_fmaf(a[i * a_stride + k], b[k * b_stride + j], sum);
            out[i * out_stride + j] = sum;
        }
    }
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

UMBEL_CLONES void umbel_add_scaled(float *restrict y, const float *restrict x, float scale, size_t count) {
    for (size_t i = 0; i < count; i++) y[i] = __builtin_fmaf(scale, x[i], y[i]);
}

UMBEL_CLONES void umbel_multiply_elements(float *restrict y, const float *restrict x, size_t count) {
    for (size_t i = 0; i < count; i++) y[i] *= x[i];
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
