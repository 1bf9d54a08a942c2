// What decompositions need beside the kernels of the sets: loops that are the same on every CPU, and the plain twins.
#include "umbel_decomposition.h"

#include <math.h>

// Only what is written as fma is fused.
#pragma STDC FP_CONTRACT OFF

// MARK: Simple loops

void umbel_f64_scale(double *x, double factor, size_t count) {
    for (size_t i = 0; i < count; i++) x[i] *= factor;
}

double umbel_f64_normalise(double *x, size_t count) {
    double largest = 0;
    for (size_t i = 0; i < count; i++) largest = fabs(x[i]) > largest ? fabs(x[i]) : largest;
    if (!(largest > 0)) return 0;
    for (size_t i = 0; i < count; i++) x[i] /= largest;
    const double norm = sqrt(umbel_f64_dot(x, x, count));
    for (size_t i = 0; i < count; i++) x[i] /= norm;
    return norm * largest;
}

void umbel_f64_from_f32(double *restrict out, const float *restrict in, double factor, size_t count) {
    for (size_t i = 0; i < count; i++) out[i] = factor * (double)in[i];
}

void umbel_f64_to_f32(float *restrict out, const double *restrict in, double factor, size_t count) {
    for (size_t i = 0; i < count; i++) out[i] = (float)(factor * in[i]);
}

// MARK: Tridiagonal systems

static double kept_from_zero(double pivot, double least) {
    return fabs(pivot) < least ? copysign(least, pivot) : pivot;
}

void umbel_f64_factor_tridiagonal(double *restrict factors, uint8_t *restrict exchanged, const double *restrict diagonal,
                                  const double *restrict beside, size_t size, double shift, double least) {
    double *const pivots = factors, *const first = pivots + size, *const second = first + size;
    double *const multipliers = second + size;
    double pivot = diagonal[0] - shift, next = size > 1 ? beside[0] : 0;
    for (size_t i = 0; i + 1 < size; i++) {
        const double below = diagonal[i + 1] - shift, after = i + 2 < size ? beside[i + 1] : 0;
        exchanged[i] = fabs(pivot) < fabs(beside[i]);
        if (exchanged[i]) {
            pivots[i] = kept_from_zero(beside[i], least);
            first[i] = below;
            second[i] = after;
            multipliers[i] = pivot / pivots[i];
            pivot = next - multipliers[i] * below;
            next = -(multipliers[i] * after);
        } else {
            pivots[i] = kept_from_zero(pivot, least);
            first[i] = next;
            second[i] = 0;
            multipliers[i] = beside[i] / pivots[i];
            pivot = below - multipliers[i] * next;
            next = after;
        }
    }
    pivots[size - 1] = kept_from_zero(pivot, least);
    first[size - 1] = second[size - 1] = multipliers[size - 1] = 0;
    exchanged[size - 1] = 0;
}

void umbel_f64_solve_tridiagonal(double *restrict b, const double *restrict factors, const uint8_t *restrict exchanged,
                                 size_t size) {
    const double *const pivots = factors, *const first = pivots + size, *const second = first + size;
    const double *const multipliers = second + size;
    for (size_t i = 0; i + 1 < size; i++) {
        const double here = exchanged[i] ? b[i + 1] : b[i], below = exchanged[i] ? b[i] : b[i + 1];
        b[i] = here;
        b[i + 1] = below - multipliers[i] * here;
    }
    double after = 0, afterwards = 0;
    for (size_t i = size; i-- > 0;) {
        const double value = ((b[i] - first[i] * after) - second[i] * afterwards) / pivots[i];
        b[i] = value;
        afterwards = after;
        after = value;
    }
}

// MARK: Plain twins

void umbel_f64_multiply_add_reference(double *restrict c, size_t c_stride, struct umbel_f64_matrix a,
                                      struct umbel_f64_matrix b, size_t rows, size_t inner, size_t columns,
                                      int negative) {
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < columns; j++) {
            double sum = c[i * c_stride + j];
            for (size_t k = 0; k < inner; k++) {
                const double factor = a.start[i * a.row_stride + k * a.column_stride];
                sum = fma(negative ? -factor : factor, b.start[k * b.row_stride + j * b.column_stride], sum);
            }
            c[i * c_stride + j] = sum;
        }
    }
}

static double tree_sum_reference(const double sum[8]) {
    return ((sum[0] + sum[1]) + (sum[2] + sum[3])) + ((sum[4] + sum[5]) + (sum[6] + sum[7]));
}

double umbel_f64_dot_reference(const double *x, const double *y, size_t count) {
    double sum[32] = {0}, lanes[8];
    for (size_t i = 0; i < count; i++) sum[i % 32] = fma(x[i], y[i], sum[i % 32]);
    for (int lane = 0; lane < 8; lane++) {
        lanes[lane] = (sum[lane] + sum[8 + lane]) + (sum[16 + lane] + sum[24 + lane]);
    }
    return tree_sum_reference(lanes);
}

void umbel_f64_add_scaled_reference(double *restrict y, const double *restrict x, double scale, size_t count) {
    for (size_t i = 0; i < count; i++) y[i] = fma(scale, x[i], y[i]);
}

void umbel_f64_symmetric_rows_reference(double *restrict products, double *restrict spread, const double *a,
                                        size_t stride, const double *v, size_t first, size_t last, size_t size) {
    for (size_t row = first; row < last; row++) {
        double sum[8] = {0};
        sum[row % 8] = a[row * stride + row] * v[row];
        for (size_t j = row + 1; j < size; j++) {
            sum[j % 8] = fma(a[row * stride + j], v[j], sum[j % 8]);
            spread[j] = fma(a[row * stride + j], v[row], spread[j]);
        }
        products[row] = tree_sum_reference(sum);
    }
}

void umbel_f64_count_below_reference(int64_t *restrict counts, const double *restrict diagonal,
                                     const double *restrict squares, size_t size, const double *restrict shifts,
                                     double least) {
    for (int s = 0; s < UMBEL_F64_SHIFTS; s++) {
        double pivot = 1;
        counts[s] = 0;
        for (size_t i = 0; i < size; i++) {
            const double next = (diagonal[i] - shifts[s]) - (i > 0 ? squares[i - 1] : 0) / pivot;
            pivot = fabs(next) < least ? -least : next;
            counts[s] += pivot < 0;
        }
    }
}
