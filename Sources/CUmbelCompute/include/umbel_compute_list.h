// Every kernel that a set implements: X(name, parameters, arguments). None returns anything.
#define UMBEL_COMPUTE_LIST(X)                                                                                            \
    X(pack_panel,                                                                                                        \
      (void *panel, const float *weight, size_t outputs, size_t inputs, size_t positions, enum umbel_unit unit),         \
      (panel, weight, outputs, inputs, positions, unit))                                                                 \
    X(turn_panel,                                                                                                        \
      (void *panel, const void *weight, enum umbel_float_format format, size_t outputs, size_t inputs,                   \
       enum umbel_unit unit),                                                                                            \
      (panel, weight, format, outputs, inputs, unit))                                                                    \
    X(pack_columns,                                                                                                      \
      (uint32_t *out, size_t out_stride, const float *in, size_t in_stride, size_t rows, size_t columns),                \
      (out, out_stride, in, in_stride, rows, columns))                                                                   \
    X(pack_rows,                                                                                                         \
      (uint32_t *out, size_t out_stride, const float *in, size_t in_stride, size_t rows, size_t columns),                \
      (out, out_stride, in, in_stride, rows, columns))                                                                   \
    X(multiply_panels, (const struct umbel_panel_product *product), (product))                                           \
    X(convolve, (const struct umbel_convolution *convolution, size_t first, size_t places), (convolution, first, places)) \
    X(convolve_few, (const struct umbel_convolution *convolution, size_t first, size_t places),                          \
      (convolution, first, places))                                                                                      \
    X(gather, (float *out, const struct umbel_convolution *convolution, size_t first, size_t places),                    \
      (out, convolution, first, places))                                                                                 \
    X(winograd_weight,                                                                                                   \
      (void *panel, size_t point_stride, const struct umbel_winograd_weights *weights, enum umbel_unit unit),            \
      (panel, point_stride, weights, unit))                                                                              \
    X(winograd_input,                                                                                                    \
      (void *out, size_t point_stride, const float *in, size_t channels, const struct umbel_winograd *shape,             \
       size_t first, size_t tiles, enum umbel_unit unit),                                                                \
      (out, point_stride, in, channels, shape, first, tiles, unit))                                                      \
    X(winograd_output,                                                                                                   \
      (float *out, const float *products, size_t point_stride, size_t channels, const struct umbel_winograd *shape,      \
       size_t first, size_t tiles, const float *bias, const float *residual),                                            \
      (out, products, point_stride, channels, shape, first, tiles, bias, residual))                                      \
    X(attend, (const struct umbel_attention *attention, float *scratch), (attention, scratch))                           \
    X(channel_sums, (double *sums, const float *x, size_t rows, size_t channels), (sums, x, rows, channels))             \
    X(scale_shift,                                                                                                       \
      (float *y, const float *x, const float *factors, const float *shifts, size_t rows, size_t channels, int silu),     \
      (y, x, factors, shifts, rows, channels, silu))                                                                     \
    X(normalise_rows,                                                                                                    \
      (float *y, const float *x, const float *factors, const float *shifts, size_t rows, size_t columns, float epsilon), \
      (y, x, factors, shifts, rows, columns, epsilon))                                                                   \
    X(activate, (float *x, size_t count, enum umbel_activation activation), (x, count, activation))                      \
    X(gate, (float *y, size_t y_stride, const float *x, size_t x_stride, size_t rows, size_t columns),                   \
      (y, y_stride, x, x_stride, rows, columns))
