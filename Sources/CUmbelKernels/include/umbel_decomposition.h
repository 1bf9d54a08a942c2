// Kernels of f64 decompositions, on validated shapes. None allocates, fails or keeps state. As with the products of
// umbel_kernels.h the order of every sum is fixed by the shapes alone, so neither vector width nor the CPU changes a bit.
// Each kernel has a plain twin, `…_reference`, that the tests hold it to.
#pragma once
#include <stddef.h>
#include <stdint.h>

// A read-only matrix of f64: element (i, j) is start[i * row_stride + j * column_stride].
struct umbel_f64_matrix {
    const double *start;
    size_t row_stride;
    size_t column_stride;
};

enum {
    // Numbers of the workspace of umbel_f64_multiply_add for a result of that many rows and columns at most.
    UMBEL_F64_TILE_ROWS = 128,
    UMBEL_F64_TILE_COLUMNS = 256,
    UMBEL_F64_TILE_DEPTH = 192,
    UMBEL_F64_WORKSPACE = (UMBEL_F64_TILE_ROWS + UMBEL_F64_TILE_COLUMNS) * UMBEL_F64_TILE_DEPTH,
    // Shifts that umbel_f64_count_below takes at once.
    UMBEL_F64_SHIFTS = 16,
};

// c(rows, columns) = fma(±a(i, k), b(k, j), c(i, j)) for k from 0 up; minus where `negative`. At most one tile.
void umbel_f64_multiply_add(double *restrict c, size_t c_stride, struct umbel_f64_matrix a, struct umbel_f64_matrix b,
                            size_t rows, size_t inner, size_t columns, int negative, double *restrict workspace);
void umbel_f64_multiply_add_reference(double *restrict c, size_t c_stride, struct umbel_f64_matrix a,
                                      struct umbel_f64_matrix b, size_t rows, size_t inner, size_t columns, int negative);

// Σ x[i]·y[i]: 32 partial sums of fused multiply-adds by index modulo 32, then added in a fixed tree.
double umbel_f64_dot(const double *x, const double *y, size_t count);
double umbel_f64_dot_reference(const double *x, const double *y, size_t count);

// y[i] = fma(scale, x[i], y[i])
void umbel_f64_add_scaled(double *restrict y, const double *restrict x, double scale, size_t count);
void umbel_f64_add_scaled_reference(double *restrict y, const double *restrict x, double scale, size_t count);

// x[i] = x[i] * factor
void umbel_f64_scale(double *x, double factor, size_t count);

// Divides a vector by its norm, which is returned: first by its largest magnitude, so that no square overflows. A vector
// of zeros stays what it is.
double umbel_f64_normalise(double *x, size_t count);

// The share of the rows first..<last in y = A·v, A symmetric of `size` with its upper triangle stored: products[i] is what
// row i gives from the diagonal on, and spread[j] += A(i, j)·v[j's row] what it gives to the rows j below. Rows go in
// fours from `first` on; each row's sum has eight partial sums by column modulo eight, added in a fixed tree.
void umbel_f64_symmetric_rows(double *restrict products, double *restrict spread, const double *a, size_t stride,
                              const double *v, size_t first, size_t last, size_t size);
void umbel_f64_symmetric_rows_reference(double *restrict products, double *restrict spread, const double *a,
                                        size_t stride, const double *v, size_t first, size_t last, size_t size);

// counts[s] = how many eigenvalues of the symmetric tridiagonal matrix are below shifts[s]: the negative pivots of
// T − shift (Sturm's sequence). `squares` are those of the off-diagonal; a pivot smaller than `least` becomes −least.
void umbel_f64_count_below(int64_t *restrict counts, const double *restrict diagonal, const double *restrict squares,
                           size_t size, const double *restrict shifts, double least);
void umbel_f64_count_below_reference(int64_t *restrict counts, const double *restrict diagonal,
                                     const double *restrict squares, size_t size, const double *restrict shifts,
                                     double least);

// T − shift = P·L·U with exchange of neighbouring rows, for a symmetric tridiagonal T. Scalar on every CPU.
// `factors` has 4·size numbers: the diagonals of U (three) and the multipliers of L; `exchanged` size bytes. A pivot
// smaller than `least` becomes ±least.
void umbel_f64_factor_tridiagonal(double *restrict factors, uint8_t *restrict exchanged, const double *restrict diagonal,
                                  const double *restrict beside, size_t size, double shift, double least);

// out[i] = factor · in[i], rounded to nearest even by the last step, which is exact from f32 to f64 where factor is a
// power of two that leaves no subnormal.
void umbel_f64_from_f32(double *restrict out, const float *restrict in, double factor, size_t count);
void umbel_f64_to_f32(float *restrict out, const double *restrict in, double factor, size_t count);

// Solves P·L·U·x = b in place.
void umbel_f64_solve_tridiagonal(double *restrict b, const double *restrict factors, const uint8_t *restrict exchanged,
                                 size_t size);
