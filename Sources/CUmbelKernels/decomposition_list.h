// The kernels of f64 decompositions that a set implements, as in kernel_list.h.
#define UMBEL_F64_KERNEL_LIST(X)                                                                                         \
    X(void, f64_multiply_add,                                                                                            \
      (double *restrict c, size_t c_stride, struct umbel_f64_matrix a, struct umbel_f64_matrix b, size_t rows,           \
       size_t inner, size_t columns, int negative, double *restrict workspace),                                          \
      (c, c_stride, a, b, rows, inner, columns, negative, workspace))                                                    \
    X(double, f64_dot, (const double *x, const double *y, size_t count), (x, y, count))                                  \
    X(void, f64_add_scaled, (double *restrict y, const double *restrict x, double scale, size_t count),                  \
      (y, x, scale, count))                                                                                              \
    X(void, f64_symmetric_rows,                                                                                          \
      (double *restrict products, double *restrict spread, const double *a, size_t stride, const double *v,              \
       size_t first, size_t last, size_t size),                                                                          \
      (products, spread, a, stride, v, first, last, size))                                                               \
    X(void, f64_count_below,                                                                                             \
      (int64_t *restrict counts, const double *restrict diagonal, const double *restrict squares, size_t size,           \
       const double *restrict shifts, double least),                                                                     \
      (counts, diagonal, squares, size, shifts, least))
