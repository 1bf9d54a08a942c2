// Kernels on validated shapes. None allocates, fails or keeps state. Every result element depends on its inputs alone:
// sums run over the inner dimension in index order with fused multiply-add, so neither vector width, nor how rows are
// cut into tiles, nor the CPU changes a bit. Each kernel has a plain twin, `…_reference`, that the tests hold it to.
#pragma once
#include <stddef.h>
#include <stdint.h>

// Storage formats of the safetensors file format that hold floating-point numbers.
enum umbel_float_format {
    UMBEL_F64 = 0,
    UMBEL_F32 = 1,
    UMBEL_F16 = 2,
    UMBEL_BF16 = 3,
    UMBEL_F8_E4M3 = 4,  // no infinity; S.1111.111 is NaN
    UMBEL_F8_E5M2 = 5,
};

// out[i] = f32(in[i]) for count numbers stored as format; exact but for f64. `in` needs no alignment.
void umbel_widen(float *restrict out, const void *restrict in, size_t count, enum umbel_float_format format);

// out[i] = in[i] rounded to nearest, ties to even. Too large becomes infinity, or NaN where the format has none.
void umbel_narrow(void *restrict out, const float *restrict in, size_t count, enum umbel_float_format format);

// One number of each of the two directions, written for reading.
float umbel_widen_one_reference(const void *in, enum umbel_float_format format);
void umbel_narrow_one_reference(void *out, float in, enum umbel_float_format format);

// out(rows, columns) = a(rows, inner) · b(inner, columns); strides in elements. Overwrites out.
void umbel_multiply(float *restrict out, size_t out_stride, const float *restrict a, size_t a_stride,
                    const float *restrict b, size_t b_stride, size_t rows, size_t inner, size_t columns);
void umbel_multiply_reference(float *restrict out, size_t out_stride, const float *restrict a, size_t a_stride,
                              const float *restrict b, size_t b_stride, size_t rows, size_t inner, size_t columns);

// y(rows, columns) = fma(scale, a(rows, inner) · b(inner, columns), y): the product as above, then one fused sum.
void umbel_multiply_add(float *restrict y, size_t y_stride, const float *restrict a, size_t a_stride,
                        const float *restrict b, size_t b_stride, size_t rows, size_t inner, size_t columns,
                        float scale);
void umbel_multiply_add_reference(float *restrict y, size_t y_stride, const float *restrict a, size_t a_stride,
                                  const float *restrict b, size_t b_stride, size_t rows, size_t inner, size_t columns,
                                  float scale);

// y[i] = fma(scale, x[i], y[i])
void umbel_add_scaled(float *restrict y, const float *restrict x, float scale, size_t count);

// y[i] = y[i] * x[i]
void umbel_multiply_elements(float *restrict y, const float *restrict x, size_t count);

// y[i] = fma(scale, coefficient * x[i], y[i]), the product rounded before it is added.
void umbel_add_multiple(float *restrict y, const float *restrict x, float coefficient, float scale, size_t count);
void umbel_add_multiple_reference(float *restrict y, const float *restrict x, float coefficient, float scale,
                                  size_t count);

// y[i] = y[i] * factor
void umbel_scale(float *y, float factor, size_t count);
void umbel_scale_reference(float *y, float factor, size_t count);

// y[i] = start[i] + factor * (y[i] - start[i]), each step rounded.
void umbel_interpolate(float *restrict y, const float *restrict start, float factor, size_t count);
void umbel_interpolate_reference(float *restrict y, const float *restrict start, float factor, size_t count);

// out(columns, rows) = in(rows, columns) with the axes exchanged; for few columns.
void umbel_transpose(float *restrict out, const float *restrict in, size_t rows, size_t columns);
void umbel_transpose_reference(float *restrict out, const float *restrict in, size_t rows, size_t columns);

// Sum of squares in f64: eight partial sums by index modulo eight, then added in a fixed tree.
double umbel_sum_of_squares(const float *x, size_t count);
double umbel_sum_of_squares_reference(const float *x, size_t count);

// sums[j] += x[j]² in f64, for count columns: one row of a column-norm pass.
void umbel_add_squares(double *restrict sums, const float *restrict x, size_t count);

// 1 if |x[i]| < limit for every i; a NaN is not.
int umbel_all_below(const float *x, float limit, size_t count);

// The largest |x[i]|, NaN left out; 0 for none.
float umbel_largest_magnitude(const float *x, size_t count);
float umbel_largest_magnitude_reference(const float *x, size_t count);

// Sums over i in f64 of differences of f32 numbers: how far a and b are from each other and from w.
struct umbel_comparison {
    double squares_a;         // a²
    double squares_b;         // b²
    double squares_w;         // w²
    double squares_distance;  // (a − b)²
    double squares_change_a;  // (a − w)²
    double squares_change_b;  // (b − w)²
    double product;           // (a − w)·(b − w)
    double largest;           // the largest |a − b|, NaN left out
    size_t largest_index;     // its first place; 0 if largest is 0
    size_t equal;             // places where a = b
};

// Each sum has eight partial sums by index modulo eight, added in a fixed tree.
void umbel_compare(struct umbel_comparison *out, const float *a, const float *b, const float *w, size_t count);
void umbel_compare_reference(struct umbel_comparison *out, const float *a, const float *b, const float *w,
                             size_t count);
