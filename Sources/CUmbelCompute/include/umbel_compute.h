// Kernels of neural networks on validated shapes. None allocates, fails or keeps state. For one instruction set every
// result depends on its inputs alone, not on how work is cut; between sets the last bits differ. Each kernel has a plain
// twin, `…_reference`, that the tests hold it to.
//
// They go to the set that umbel_kernels_chosen() names at the first call, and stay with it: one network, one set.
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "umbel_kernels.h"

// What 32 bits of a factor hold: a number of f32, or two of bf16 with neighbouring inner indices, the first in the low
// half. Sums are f32 in either case.
enum umbel_unit { UMBEL_NUMBERS = 0, UMBEL_PAIRS = 1 };

// Weights lie in panels of so many outputs: for each unit of the inner dimension its 64 columns, filled up with zeros.
enum { UMBEL_WEIGHT_COLUMNS = 64 };

// MARK: Packing

// A panel of up to 64 outputs of a weight (outputs, inputs, positions) in f32, for an inner dimension that goes through
// the inputs of position after position. Of pairs, odd numbers of inputs are filled up with a zero.
void umbel_pack_panel(void *panel, const float *weight, size_t outputs, size_t inputs, size_t positions,
                      enum umbel_unit unit);
void umbel_pack_panel_reference(void *panel, const float *weight, size_t outputs, size_t inputs, size_t positions,
                                enum umbel_unit unit);

// The same panel of a weight (outputs, inputs) as it is stored, in f32, bf16 or f16; `weight` needs no alignment.
void umbel_turn_panel(void *panel, const void *weight, enum umbel_float_format format, size_t outputs, size_t inputs,
                      enum umbel_unit unit);
void umbel_turn_panel_reference(void *panel, const void *weight, enum umbel_float_format format, size_t outputs,
                                size_t inputs, enum umbel_unit unit);

// Rows of f32 numbers to pairs of neighbouring columns; (columns + 1) / 2 units a row.
void umbel_pack_columns(uint32_t *out, size_t out_stride, const float *in, size_t in_stride, size_t rows, size_t columns);
void umbel_pack_columns_reference(uint32_t *out, size_t out_stride, const float *in, size_t in_stride, size_t rows,
                                  size_t columns);

// Rows of f32 numbers to pairs of neighbouring rows; (rows + 1) / 2 rows of `columns` units.
void umbel_pack_rows(uint32_t *out, size_t out_stride, const float *in, size_t in_stride, size_t rows, size_t columns);
void umbel_pack_rows_reference(uint32_t *out, size_t out_stride, const float *in, size_t in_stride, size_t rows,
                               size_t columns);

// MARK: Products

// Units of the inner dimension that are gone through at once at most: a panel's part, 80 KiB, stays in the second cache for all
// rows.
enum { UMBEL_INNER_UNITS = 320 };

// The next part of an inner dimension of which `left` units are left: all parts are about as long, and none is longer than the first.
static inline size_t umbel_inner_part(size_t left) {
    const size_t parts = (left + UMBEL_INNER_UNITS - 1) / UMBEL_INNER_UNITS;
    return parts < 2 ? left : (left + parts - 1) / parts;
}

struct umbel_panel_product {
    float *out;  // (rows, columns)
    size_t out_stride;
    const void *left;  // (rows, inner) in units
    size_t left_stride;
    const void *panels;
    size_t panel_stride;  // units from panel to panel
    size_t rows, inner, columns;
    const float *bias;      // (columns); NULL for none
    const float *residual;  // (rows, columns); NULL for none
    size_t residual_stride;
    // What is brought into the second cache meanwhile, for products to come; NULL for the panels that are next.
    const void *ahead;
    size_t ahead_bytes;
    enum umbel_unit unit;
};

// out = left · panels + bias + residual
void umbel_multiply_panels(const struct umbel_panel_product *product);
void umbel_multiply_panels_reference(const struct umbel_panel_product *product);

// MARK: Convolutions

// Of a picture (height, width, inner units a place) over zeros outside of it.
struct umbel_convolution {
    float *out;  // (out_height, out_width, columns), `out_stride` numbers from place to place
    size_t out_stride;
    const void *in;
    size_t height, width, inner;
    size_t kernel, stride, top, left;
    size_t out_height, out_width;
    const void *panels;  // kernel · kernel · inner units
    size_t panel_stride;
    size_t columns;
    const float *bias;
    const float *residual;  // as `out`
    enum umbel_unit unit;
};

// Results are computed for so many places at once at most.
enum { UMBEL_CONVOLVED_PLACES = 192 };

// The results of `places` places from `first` on, counted row after row.
void umbel_convolve(const struct umbel_convolution *convolution, size_t first, size_t places);
void umbel_convolve_reference(const struct umbel_convolution *convolution, size_t first, size_t places);

// As `umbel_convolve` for at most UMBEL_FEW_OUTPUTS columns, of numbers, with a weight (kernel · kernel, columns, inner)
// behind `panels`.
enum { UMBEL_FEW_OUTPUTS = 8 };

void umbel_convolve_few(const struct umbel_convolution *convolution, size_t first, size_t places);
void umbel_convolve_few_reference(const struct umbel_convolution *convolution, size_t first, size_t places);

// The inputs of `places` places from `first` on as rows of kernel · kernel · inner numbers, f32 only.
void umbel_gather(float *out, const struct umbel_convolution *convolution, size_t first, size_t places);
void umbel_gather_reference(float *out, const struct umbel_convolution *convolution, size_t first, size_t places);

// MARK: Winograd's convolutions, 3 × 3 with stride 1
//
// Lavin and Gray, arXiv 1509.09308: tiles of m × n results are Aᵀ((G g Gᵀ) ⊙ (Bᵀ d B))A of (m + 2) · (n + 2) inputs d;
// A, B and G are those for m on the left and those for n on the right. ⊙ becomes a product of matrices for each of the
// (m + 2) · (n + 2) points: tiles × inputs times inputs × outputs.

// The results of a tile: 2 × 2, 2 × 4 or 4 × 4.
struct umbel_winograd_tile {
    size_t rows, columns;
};

struct umbel_winograd {
    struct umbel_winograd_tile tile;
    size_t height, width, top, left, out_height, out_width;
    size_t tiles_across;
};

// Weights of up to 64 outputs as they are stored, in f32, bf16 or f16: all of their inputs or some neighbouring ones.
struct umbel_winograd_weights {
    const void *start;  // (outputs, inputs, 9); needs no alignment
    enum umbel_float_format format;
    size_t stride;  // numbers from output to output
    size_t outputs, inputs;
    struct umbel_winograd_tile tile;
};

// A panel of them for all points, `point_stride` units from one to the next. Of pairs, odd numbers of inputs are filled up with a
// zero.
void umbel_winograd_weight(void *panel, size_t point_stride, const struct umbel_winograd_weights *weights,
                           enum umbel_unit unit);
void umbel_winograd_weight_reference(void *panel, size_t point_stride, const struct umbel_winograd_weights *weights,
                                     enum umbel_unit unit);

// For each point, `point_stride` units from one to the next, a row of the channels' units for each of `tiles` tiles from
// `first` on, of a picture (height, width, channels).
void umbel_winograd_input(void *out, size_t point_stride, const float *in, size_t channels,
                          const struct umbel_winograd *shape, size_t first, size_t tiles, enum umbel_unit unit);
void umbel_winograd_input_reference(void *out, size_t point_stride, const float *in, size_t channels,
                                    const struct umbel_winograd *shape, size_t first, size_t tiles,
                                    enum umbel_unit unit);

// From rows of `channels` products for each point and tile to places of the picture `out`, plus bias and residual (or
// NULL).
void umbel_winograd_output(float *out, const float *products, size_t point_stride, size_t channels,
                           const struct umbel_winograd *shape, size_t first, size_t tiles, const float *bias,
                           const float *residual);
void umbel_winograd_output_reference(float *out, const float *products, size_t point_stride, size_t channels,
                                     const struct umbel_winograd *shape, size_t first, size_t tiles, const float *bias,
                                     const float *residual);

// MARK: Attention

// So many queries are attended together at most, and so many keys are seen at once.
enum { UMBEL_ATTENDED_QUERIES = 64, UMBEL_ATTENDED_KEYS = 128 };

// softmax(scale · q · kᵀ) · v for one head; strides in units. Of pairs, `keys` pairs neighbouring columns and `values`
// neighbouring rows.
struct umbel_attention {
    float *out;
    size_t out_stride;
    const float *queries;
    size_t query_stride;
    const void *keys;
    size_t key_stride;
    const void *values;
    size_t value_stride;
    size_t count;  // queries
    size_t seen;   // keys
    size_t size;   // of the head; even, of pairs
    float scale;
    // The place of the first query among the keys if a query sees the keys up to its own place only; else ≥ seen.
    size_t place;
    enum umbel_unit unit;
};

// `scratch` holds (2 · size + UMBEL_ATTENDED_KEYS) · UMBEL_ATTENDED_QUERIES numbers, aligned to 64 bytes.
void umbel_attend(const struct umbel_attention *attention, float *scratch);
void umbel_attend_reference(const struct umbel_attention *attention, float *scratch);

// MARK: Normalisation

// sums[c] += Σ x, sums[channels + c] += Σ x² over rows, f32 within 32 rows and f64 between.
void umbel_channel_sums(double *sums, const float *x, size_t rows, size_t channels);
void umbel_channel_sums_reference(double *sums, const float *x, size_t rows, size_t channels);

// y = x · factors[c] + shifts[c], of which y · sigmoid(y) is taken if `silu`.
void umbel_scale_shift(float *y, const float *x, const float *factors, const float *shifts, size_t rows, size_t channels,
                       int silu);
void umbel_scale_shift_reference(float *y, const float *x, const float *factors, const float *shifts, size_t rows,
                                 size_t channels, int silu);

// y = (x − mean of its row) / √(variance + epsilon) · factors[c] + shifts[c]
void umbel_normalise_rows(float *y, const float *x, const float *factors, const float *shifts, size_t rows,
                          size_t columns, float epsilon);
void umbel_normalise_rows_reference(float *y, const float *x, const float *factors, const float *shifts, size_t rows,
                                    size_t columns, float epsilon);

// MARK: Functions of single numbers

enum umbel_activation {
    UMBEL_SILU = 0,        // x · sigmoid(x)
    UMBEL_GELU = 1,        // x · Φ(x)
    UMBEL_QUICK_GELU = 2,  // x · sigmoid(1.702 · x)
    UMBEL_RELU = 3,
    UMBEL_MISH = 4,  // x · tanh(log(1 + eˣ))
};

void umbel_activate(float *x, size_t count, enum umbel_activation activation);
void umbel_activate_reference(float *x, size_t count, enum umbel_activation activation);

// y(rows, columns) = the left half of each row of x(rows, 2 · columns) times gelu of the right half.
void umbel_gate(float *y, size_t y_stride, const float *x, size_t x_stride, size_t rows, size_t columns);
void umbel_gate_reference(float *y, size_t y_stride, const float *x, size_t x_stride, size_t rows, size_t columns);
