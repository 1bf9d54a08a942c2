// Every kernel that a set implements: X(result, name, parameters, arguments).
#define UMBEL_KERNEL_LIST(X)                                                                                             \
    X(void, widen, (float *restrict out, const void *restrict in, size_t count, enum umbel_float_format format),         \
      (out, in, count, format))                                                                                          \
    X(void, narrow, (void *restrict out, const float *restrict in, size_t count, enum umbel_float_format format),        \
      (out, in, count, format))                                                                                          \
    X(void, multiply,                                                                                                    \
      (float *restrict out, size_t out_stride, const float *restrict a, size_t a_stride, const float *restrict b,        \
       size_t b_stride, size_t rows, size_t inner, size_t columns),                                                      \
      (out, out_stride, a, a_stride, b, b_stride, rows, inner, columns))                                                 \
    X(void, multiply_add,                                                                                                \
      (float *restrict y, size_t y_stride, const float *restrict a, size_t a_stride, const float *restrict b,            \
       size_t b_stride, size_t rows, size_t inner, size_t columns, float scale),                                         \
      (y, y_stride, a, a_stride, b, b_stride, rows, inner, columns, scale))                                              \
    X(void, add_scaled, (float *restrict y, const float *restrict x, float scale, size_t count), (y, x, scale, count))   \
    X(void, multiply_elements, (float *restrict y, const float *restrict x, size_t count), (y, x, count))                \
    X(void, add_multiple,                                                                                                \
      (float *restrict y, const float *restrict x, float coefficient, float scale, size_t count),                        \
      (y, x, coefficient, scale, count))                                                                                 \
    X(void, scale, (float *y, float factor, size_t count), (y, factor, count))                                           \
    X(void, interpolate, (float *restrict y, const float *restrict start, float factor, size_t count),                   \
      (y, start, factor, count))                                                                                         \
    X(void, transpose, (float *restrict out, const float *restrict in, size_t rows, size_t columns),                     \
      (out, in, rows, columns))                                                                                          \
    X(double, sum_of_squares, (const float *x, size_t count), (x, count))                                                \
    X(void, add_squares, (double *restrict sums, const float *restrict x, size_t stride, size_t rows, size_t columns),   \
      (sums, x, stride, rows, columns))                                                                                  \
    X(void, add_f32_squares,                                                                                             \
      (float *restrict sums, const float *restrict x, size_t stride, size_t rows, size_t columns),                       \
      (sums, x, stride, rows, columns))                                                                                  \
    X(int, all_below, (const float *x, float limit, size_t count), (x, limit, count))                                    \
    X(float, largest_magnitude, (const float *x, size_t count), (x, count))                                              \
    X(void, compare,                                                                                                     \
      (struct umbel_comparison * out, const float *a, const float *b, const float *w, size_t count),                     \
      (out, a, b, w, count))                                                                                             \
    X(int, convert, (const struct umbel_tile *tile), (tile))                                                             \
    X(int, merge_product, (const struct umbel_tile *tile, const struct umbel_product *product, float scale),             \
      (tile, product, scale))                                                                                            \
    X(int, merge_product_of_products,                                                                                    \
      (const struct umbel_tile *tile, const struct umbel_product *first, const struct umbel_product *second,             \
       float scale),                                                                                                     \
      (tile, first, second, scale))                                                                                      \
    X(int, merge_product_scaled_columns,                                                                                 \
      (const struct umbel_tile *tile, const struct umbel_product *product, float scale, const float *factors),           \
      (tile, product, scale, factors))                                                                                   \
    X(int, merge_normalised, (const struct umbel_tile *tile, const struct umbel_magnitudes *magnitudes),                 \
      (tile, magnitudes))                                                                                                \
    X(int, merge_product_normalised,                                                                                     \
      (const struct umbel_tile *tile, const struct umbel_product *product, float scale,                                  \
       const struct umbel_magnitudes *magnitudes, float *scratch),                                                       \
      (tile, product, scale, magnitudes, scratch))                                                                       \
    X(void, add_product_squares,                                                                                         \
      (float *sums, const struct umbel_tile *tile, const struct umbel_product *product, float scale),                    \
      (sums, tile, product, scale))                                                                                      \
    X(int, merge_generalised,                                                                                            \
      (const struct umbel_tile *tile, const struct umbel_product *sum, const struct umbel_projection *projection,        \
       float scale, float *scratch),                                                                                     \
      (tile, sum, projection, scale, scratch))                                                                             \
    X(int, cayley, (double *out, const double *q, size_t size, double *scratch), (out, q, size, scratch))                \
    X(int, merge_stored,                                                                                                 \
      (const struct umbel_tile *tile, const void *values, size_t stride, enum umbel_float_format format, float scale),   \
      (tile, values, stride, format, scale))                                                                             \
    X(int, merge_scaled_rows, (const struct umbel_tile *tile, const float *factors), (tile, factors))                    \
    X(int, merge_scaled_columns, (const struct umbel_tile *tile, const float *factors), (tile, factors))                 \
    X(int, merge_kronecker,                                                                                              \
      (const struct umbel_tile *tile, const struct umbel_kronecker *product, float scale, float *outer_row),             \
      (tile, product, scale, outer_row))                                                                                 \
    X(int, merge_rotated,                                                                                                \
      (const struct umbel_tile *tile, size_t size, const float *rotations, const float *factors, float *panel),          \
      (tile, size, rotations, factors, panel))                                                                                  \
    X(int, merge_rotated_rows,                                                                                          \
      (const struct umbel_tile *tile, const uint32_t *rows, size_t size, size_t blocks, const float *rotations,         \
       const float *factors, float *panel),                                                                             \
      (tile, rows, size, blocks, rotations, factors, panel))
