// Kernels on validated shapes. None allocates, fails or keeps state. Every result element depends on its inputs alone:
// sums run over the inner dimension in index order with fused multiply-add, so neither vector width, nor how rows are
// cut into tiles, nor the CPU changes a bit. Each kernel has a plain twin, `…_reference`, that the tests hold it to.
//
// They are compiled once for each of several instruction sets. The first call chooses the fastest that the CPU has, or
// the one that the environment variable UMBEL_KERNELS names.
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

// The sets that run on this CPU, the fastest first: avx512_bf16, avx512, avx2, neon, plain. NULL behind the last.
const char *umbel_kernels_available(size_t index);

// The set that calls go to.
const char *umbel_kernels_chosen(void);

// Sends all further calls to a set, from any thread. Returns 0, and changes nothing, for one that does not run here.
int umbel_kernels_choose(const char *name);

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

enum { UMBEL_PARTIAL_SUMS = 32 };

// Sum of squares in f64: UMBEL_PARTIAL_SUMS partial sums by index modulo their number, then halves added to halves.
double umbel_sum_of_squares(const float *x, size_t count);
double umbel_sum_of_squares_reference(const float *x, size_t count);

// The sum of squares of a row whose norm is replaced: in f32 by fused multiply-adds, then in f64. A row's columns are taken in
// runs of UMBEL_SQUARE_COLUMNS; a run has an f32 sum for each place modulo UMBEL_SQUARE_LANES, of 16 terms that is; these are
// added in as many f64 sums from run to run, and at last halves to halves.
//
// No term is negative, and each of n additions is off by 2⁻²⁴ of its sum at most, so an f32 sum by less than 2⁻²⁰ of it, and
// the root of them all by half of that. Since the errors of the many sums are independent, they are in fact below what the factor
// of a row is rounded by as an f32.
enum { UMBEL_SQUARE_LANES = 16, UMBEL_SQUARE_COLUMNS = 256 };

// Whether such a sum can be used: none of the f32 sums overflowed, and squares too small for an f32 do not count. Else the
// numbers are squared again in f64: `umbel_sum_of_squares`.
static inline int umbel_squares_hold(double sum) { return sum >= 0x1p-80 && sum < 0x1p127; }

// sums[j] += x[row·stride + j]² in f64, row after row, for `columns` columns.
void umbel_add_squares(double *restrict sums, const float *restrict x, size_t stride, size_t rows, size_t columns);

// sums[j] = fma(x, x, sums[j]) of x[row·stride + j], row after row, for `columns` columns.
void umbel_add_f32_squares(float *restrict sums, const float *restrict x, size_t stride, size_t rows, size_t columns);
void umbel_add_f32_squares_reference(float *restrict sums, const float *restrict x, size_t stride, size_t rows,
                                     size_t columns);

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

// MARK: Merging tiles
//
// A tile is consecutive rows of a weight, read in one format and written in another or the same: one pass over memory.
// `in` and `out` may be the same place if the formats are the same. Those that return
// something return 1 if every result is below `limit` in magnitude before it is rounded, else 0 (NaN is not below); what was
// written is of no use then.

// Products read their right side in panels of this many columns: panel p holds columns 64·p … of every inner row one
// after the other, filled up with zeros.
enum { UMBEL_PANEL_COLUMNS = 64 };

// So many rows are computed together.
enum { UMBEL_BLOCK_ROWS = 6 };

struct umbel_tile {
    const void *in;
    void *out;
    enum umbel_float_format in_format, out_format;
    size_t rows, columns;
    size_t in_stride, out_stride;  // from row to row, in elements
    float limit;
    int past_caches;  // nobody reads the result soon
};

// left(rows, inner) · right(inner, columns), the right side in panels.
struct umbel_product {
    const float *left;
    size_t left_stride;
    const float *panels;
    size_t inner;
};

// y = x: widened, compared with the limit, rounded.
int umbel_convert(const struct umbel_tile *tile);

// y = fma(scale, left · right, x)
int umbel_merge_product(const struct umbel_tile *tile, const struct umbel_product *product, float scale);
int umbel_merge_product_reference(const struct umbel_tile *tile, const struct umbel_product *product, float scale);

// y = fma(scale, (left₁ · right₁) ⊙ (left₂ · right₂), x)
int umbel_merge_product_of_products(const struct umbel_tile *tile, const struct umbel_product *first,
                                    const struct umbel_product *second, float scale);
int umbel_merge_product_of_products_reference(const struct umbel_tile *tile, const struct umbel_product *first,
                                              const struct umbel_product *second, float scale);

// y = fma(scale, left · right, x) · factors[column], the sum rounded before
int umbel_merge_product_scaled_columns(const struct umbel_tile *tile, const struct umbel_product *product, float scale,
                                       const float *factors);
int umbel_merge_product_scaled_columns_reference(const struct umbel_tile *tile, const struct umbel_product *product,
                                                 float scale, const float *factors);

// What replaces the norm n of row r, in f64: the row is multiplied by values[r] / (n + epsilon), or, if it interpolates, by
// 1 + strength · (values[r] / (n + epsilon) − 1), as f32.
struct umbel_magnitudes {
    const float *values;  // one for each row of the tile
    double epsilon, strength;
    int interpolates;
};

// y = x · factor of its row, n = √ of the sum of squares above. `in` is f32 and aligned.
int umbel_merge_normalised(const struct umbel_tile *tile, const struct umbel_magnitudes *magnitudes);
int umbel_merge_normalised_reference(const struct umbel_tile *tile, const struct umbel_magnitudes *magnitudes);

// Numbers of scratch that the next one needs for rows of so many columns: a block of rows, filled up to whole panels.
static inline size_t umbel_normalised_scratch(size_t columns) {
    return UMBEL_BLOCK_ROWS * ((columns + UMBEL_PANEL_COLUMNS - 1) / UMBEL_PANEL_COLUMNS * UMBEL_PANEL_COLUMNS);
}

// The same of x = fma(scale, left · right, what is read).
int umbel_merge_product_normalised(const struct umbel_tile *tile, const struct umbel_product *product, float scale,
                                   const struct umbel_magnitudes *magnitudes, float *scratch);
int umbel_merge_product_normalised_reference(const struct umbel_tile *tile, const struct umbel_product *product,
                                             float scale, const struct umbel_magnitudes *magnitudes, float *scratch);

// sums[column] = fma(y, y, sums[column]) of y = fma(scale, left · right, x), row after row. The tile is only read: `out` may
// be NULL.
void umbel_add_product_squares(float *sums, const struct umbel_tile *tile, const struct umbel_product *product,
                               float scale);
void umbel_add_product_squares_reference(float *sums, const struct umbel_tile *tile, const struct umbel_product *product,
                                         float scale);

// The weight times a matrix on its input axis, for each kernel position, times another: element (o, j) is
// Σₖ p[o·kernel + j mod kernel, k] · panels[k, j] with p[o·kernel + t, k] = Σᵢ x[o, i·kernel + t] · right[i, k], both in
// index order.
struct umbel_projection {
    const float *right;   // columns / kernel rows of right_stride numbers
    size_t right_stride;  // from row to row
    const float *panels;
    size_t inner, kernel;
};

// Rows that share the widest registers while they are projected: fewer take as long.
enum { UMBEL_PROJECTED_LANES = 16 };

// So many rows of the weight are projected together: enough for each of `right`'s numbers to serve several registers, few
// enough to be in the second-level cache when they are read again.
static inline size_t umbel_projected_rows(size_t kernel) {
    return (kernel == 1 ? 3 : 1) * UMBEL_PROJECTED_LANES;
}

// Columns of the weight that are widened and projected together, of whole inputs.
static inline size_t umbel_projected_columns(size_t kernel) { return kernel == 1 ? UMBEL_PANEL_COLUMNS : 32 * kernel; }

// Columns of the second product that are computed together: as many registers as begin at each kernel position, and panels.
static inline size_t umbel_spread_columns(size_t kernel) {
    size_t columns = UMBEL_PANEL_COLUMNS;
    while (columns % kernel != 0) columns += UMBEL_PANEL_COLUMNS;
    return columns;
}

// Numbers of a row's projection onto a rank, one for each kernel position and what a register may read behind them, in
// whole registers.
static inline size_t umbel_line_length(size_t kernel) { return (kernel + 30) / 16 * 16; }

// Numbers from one row's projection to the next if there is one kernel position.
static inline size_t umbel_projected_stride(size_t inner) { return (inner + 15) / 16 * 16; }

// Numbers of scratch that `umbel_merge_generalised` needs for rows of so many columns; its plain twin widens a row into it.
static inline size_t umbel_generalised_scratch(const struct umbel_projection *projection, size_t columns) {
    const size_t kernel = projection->kernel, inner = projection->inner;
    const size_t left = kernel == 1 ? umbel_projected_stride(inner) : inner * umbel_line_length(kernel);
    const size_t size = umbel_projected_rows(kernel) * (umbel_projected_columns(kernel) + kernel * inner + left) +
                        UMBEL_BLOCK_ROWS * umbel_spread_columns(kernel);
    return size < columns ? columns : size;
}

// y = fma(scale, sum + projection of x, x), the two products added before.
int umbel_merge_generalised(const struct umbel_tile *tile, const struct umbel_product *sum,
                            const struct umbel_projection *projection, float scale, float *scratch);
int umbel_merge_generalised_reference(const struct umbel_tile *tile, const struct umbel_product *sum,
                                      const struct umbel_projection *projection, float scale, float *scratch);

// out(size, size) = (I + Q)·(I − Q)⁻¹ by Gauss–Jordan elimination with row exchange, each step rounded. `scratch` holds
// 2 · size² numbers. Returns 0 if I − Q is singular.
int umbel_cayley(double *out, const double *q, size_t size, double *scratch);

// y = fma(scale, values, x), `values` of the tile's size in any format, `stride` elements from row to row.
int umbel_merge_stored(const struct umbel_tile *tile, const void *values, size_t stride, enum umbel_float_format format,
                       float scale);
int umbel_merge_stored_reference(const struct umbel_tile *tile, const void *values, size_t stride,
                                 enum umbel_float_format format, float scale);

// y = x · factors[row], or x · factors[column].
int umbel_merge_scaled_rows(const struct umbel_tile *tile, const float *factors);
int umbel_merge_scaled_rows_reference(const struct umbel_tile *tile, const float *factors);
int umbel_merge_scaled_columns(const struct umbel_tile *tile, const float *factors);
int umbel_merge_scaled_columns_reference(const struct umbel_tile *tile, const float *factors);

// outer ⊗ inner: element (o, j) is outer[o div inner_rows, j div inner_columns] · inner[o mod inner_rows, j mod
// inner_columns]. Each row of `inner` is followed by itself again until inner_stride ≥ inner_columns +
// UMBEL_PANEL_COLUMNS.
struct umbel_kronecker {
    const float *outer;
    size_t outer_columns;
    const float *inner;
    size_t inner_rows, inner_columns, inner_stride;
    size_t first_row;  // of the whole weight, where the tile begins
};

// y = fma(scale, outer · inner rounded, x). `outer_row` is scratch of `columns` numbers.
int umbel_merge_kronecker(const struct umbel_tile *tile, const struct umbel_kronecker *product, float scale,
                          float *outer_row);
int umbel_merge_kronecker_reference(const struct umbel_tile *tile, const struct umbel_kronecker *product, float scale,
                                    float *outer_row);

// Each block of `size` rows: y = (rotations[block](size, size) · x) ⊙ factors[row]; NULL for no factors. The tile has a
// multiple of `size` rows; `panel` is scratch of size · UMBEL_PANEL_COLUMNS numbers.
int umbel_merge_rotated(const struct umbel_tile *tile, size_t size, const float *rotations, const float *factors,
                        float *panel);
int umbel_merge_rotated_reference(const struct umbel_tile *tile, size_t size, const float *rotations, const float *factors,
                                  float *panel);

// For each block of `size` rows, which may lie anywhere in the tile, and its rotation: row rows[i] of y =
// (Σₖ rotation[i, k] · row rows[k] of x) · factors[rows[i]]; NULL for no factors. No row is in two blocks. `panel` is scratch
// of size · UMBEL_PANEL_COLUMNS numbers.
int umbel_merge_rotated_rows(const struct umbel_tile *tile, const uint32_t *rows, size_t size, size_t blocks,
                             const float *rotations, const float *factors, float *panel);
int umbel_merge_rotated_rows_reference(const struct umbel_tile *tile, const uint32_t *rows, size_t size, size_t blocks,
                                       const float *rotations, const float *factors, float *panel);
