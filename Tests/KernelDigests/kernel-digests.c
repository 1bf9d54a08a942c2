// Prints a digest of what every kernel makes of fixed numbers, one line for each kernel, for the set that UMBEL_KERNELS
// names: equal lines mean equal bits. Run by deploy/test-kernel-sets, natively and on an emulated ARM.
//
// A kernel that is in the list of a set and not here does not compile. No input makes a NaN, of which the bits are the
// CPU's affair.
#include "decomposition_list.h"
#include "kernel_list.h"
#include "umbel_decomposition.h"
#include "umbel_kernels.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// MARK: Numbers and digests

static uint64_t state;

static uint64_t next(void) {
    state += 0x9e3779b97f4a7c15;
    uint64_t mixed = state;
    mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9;
    mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111eb;
    return mixed ^ mixed >> 31;
}

static double number(void) { return (double)(int64_t)next() * 0x1p-63; }

static float *floats(size_t count) {
    float *const x = aligned_alloc(64, (count * sizeof *x + 63) / 64 * 64);
    for (size_t i = 0; i < count; i++) x[i] = (float)number();
    return x;
}

static double *doubles(size_t count) {
    double *const x = aligned_alloc(64, (count * sizeof *x + 63) / 64 * 64);
    for (size_t i = 0; i < count; i++) x[i] = number();
    return x;
}

static uint64_t digest;

static void add(const void *bytes, size_t count) {
    for (size_t i = 0; i < count; i++) digest = (digest ^ ((const uint8_t *)bytes)[i]) * 0x100000001b3;
}

static void add_floats(const float *x, size_t count) { add(x, count * sizeof *x); }
static void add_doubles(const double *x, size_t count) { add(x, count * sizeof *x); }

// What is taken is not given back: the program is short.

enum { ROWS = 13, INNER = 21, COLUMNS = 150, COUNT = 1003 };

static const enum umbel_float_format formats[] = {UMBEL_F64,  UMBEL_F32,     UMBEL_F16,
                                                  UMBEL_BF16, UMBEL_F8_E4M3, UMBEL_F8_E5M2};
static const size_t format_bytes[] = {8, 4, 2, 2, 1, 1};
enum { FORMATS = sizeof formats / sizeof *formats };

// MARK: Elementwise

static void digest_widen(void) {
    for (int f = 0; f < FORMATS; f++) {
        uint8_t stored[COUNT * 8];
        const float *const x = floats(COUNT);
        float out[COUNT];
        umbel_narrow(stored, x, COUNT, formats[f]);
        umbel_widen(out, stored, COUNT, formats[f]);
        add_floats(out, COUNT);
    }
}

static void digest_narrow(void) {
    for (int f = 0; f < FORMATS; f++) {
        uint8_t stored[COUNT * 8] = {0};
        float *const x = floats(COUNT);
        // All magnitudes, subnormals and what is too large included.
        for (size_t i = 0; i < COUNT; i++) {
            uint32_t bits = (uint32_t)next();
            if ((bits & 0x7f800000) == 0x7f800000) bits &= 0x807fffff;
            memcpy(x + i, &bits, 4);
            if (i % 2) x[i] = (float)number();
        }
        umbel_narrow(stored, x, COUNT, formats[f]);
        add(stored, COUNT * format_bytes[f]);
    }
}

static void digest_add_scaled(void) {
    float *const y = floats(COUNT);
    umbel_add_scaled(y, floats(COUNT), 0.3f, COUNT);
    add_floats(y, COUNT);
}

static void digest_multiply_elements(void) {
    float *const y = floats(COUNT);
    umbel_multiply_elements(y, floats(COUNT), COUNT);
    add_floats(y, COUNT);
}

static void digest_add_multiple(void) {
    float *const y = floats(COUNT);
    umbel_add_multiple(y, floats(COUNT), 0.7f, 0.3f, COUNT);
    add_floats(y, COUNT);
}

static void digest_scale(void) {
    float *const y = floats(COUNT);
    umbel_scale(y, 0.3f, COUNT);
    add_floats(y, COUNT);
}

static void digest_interpolate(void) {
    float *const y = floats(COUNT);
    umbel_interpolate(y, floats(COUNT), 0.3f, COUNT);
    add_floats(y, COUNT);
}

static void digest_transpose(void) {
    float out[ROWS * COLUMNS];
    umbel_transpose(out, floats(ROWS * COLUMNS), ROWS, COLUMNS);
    add_floats(out, ROWS * COLUMNS);
}

// MARK: Sums

static void digest_sum_of_squares(void) {
    for (size_t count = 0; count < 200; count++) {
        const double sum = umbel_sum_of_squares(floats(count), count);
        add(&sum, sizeof sum);
    }
}

static void digest_add_squares(void) {
    double *const sums = doubles(COLUMNS);
    umbel_add_squares(sums, floats(ROWS * (COLUMNS + 3)), COLUMNS + 3, ROWS, COLUMNS);
    add_doubles(sums, COLUMNS);
}

static void digest_add_f32_squares(void) {
    float *const sums = floats(COLUMNS);
    umbel_add_f32_squares(sums, floats(ROWS * (COLUMNS + 3)), COLUMNS + 3, ROWS, COLUMNS);
    add_floats(sums, COLUMNS);
}

static void digest_all_below(void) {
    const int below[] = {umbel_all_below(floats(COUNT), 1, COUNT), umbel_all_below(floats(COUNT), 0.9f, COUNT)};
    add(below, sizeof below);
}

static void digest_largest_magnitude(void) {
    const float largest = umbel_largest_magnitude(floats(COUNT), COUNT);
    add(&largest, sizeof largest);
}

static void digest_compare(void) {
    struct umbel_comparison sums;
    memset(&sums, 0, sizeof sums);
    umbel_compare(&sums, floats(COUNT), floats(COUNT), floats(COUNT), COUNT);
    add(&sums, sizeof sums);
}

// MARK: Products

static void digest_multiply(void) {
    for (size_t columns = 1; columns <= COLUMNS; columns += 7) {
        float out[ROWS * COLUMNS] = {0};
        umbel_multiply(out, COLUMNS, floats(ROWS * INNER), INNER, floats(INNER * columns), columns, ROWS, INNER, columns);
        add_floats(out, ROWS * COLUMNS);
    }
}

static void digest_multiply_add(void) {
    float *const y = floats(ROWS * COLUMNS);
    umbel_multiply_add(y, COLUMNS, floats(ROWS * INNER), INNER, floats(INNER * COLUMNS), COLUMNS, ROWS, INNER, COLUMNS,
                       0.3f);
    add_floats(y, ROWS * COLUMNS);
}

static void digest_cayley(void) {
    for (size_t size = 1; size < 12; size++) {
        double *const out = doubles(size * size);
        const int exists = umbel_cayley(out, doubles(size * size), size, doubles(2 * size * size));
        add(&exists, sizeof exists);
        add_doubles(out, size * size);
    }
}

// MARK: Merging tiles

static struct umbel_product product(void) {
    const size_t panels = (COLUMNS + UMBEL_PANEL_COLUMNS - 1) / UMBEL_PANEL_COLUMNS;
    return (struct umbel_product){floats(ROWS * INNER), INNER, floats(panels * INNER * UMBEL_PANEL_COLUMNS), INNER};
}

// Runs `merge` from and to every format, with and without stores past the caches.
static void merge_tiles(int (*merge)(const struct umbel_tile *tile), size_t rows) {
    const size_t stride = 192;
    for (int in = 0; in < FORMATS; in++) {
        for (int out = 0; out < FORMATS; out++) {
            for (int past_caches = 0; past_caches < 2; past_caches++) {
                void *const stored = doubles(rows * stride), *const merged = doubles(rows * stride);
                memset(merged, 0, rows * stride * sizeof(double));
                umbel_narrow(stored, floats(rows * stride), rows * stride, formats[in]);
                // Of bf16, the limit that its own end is.
                const float limit = formats[out] == UMBEL_BF16 ? 0x1.ffp127f : 100;
                const struct umbel_tile tile = {stored,  merged, formats[in], formats[out], rows,
                                                COLUMNS, stride, stride,      limit,        past_caches};
                const int is_below = merge(&tile);
                add(&is_below, sizeof is_below);
                add(merged, rows * stride * format_bytes[out]);
            }
        }
    }
}

static void digest_convert(void) { merge_tiles(umbel_convert, ROWS); }

static int merged_product(const struct umbel_tile *tile) {
    const struct umbel_product first = product();
    return umbel_merge_product(tile, &first, 0.3f);
}
static void digest_merge_product(void) { merge_tiles(merged_product, ROWS); }

static int merged_product_of_products(const struct umbel_tile *tile) {
    const struct umbel_product first = product(), second = product();
    return umbel_merge_product_of_products(tile, &first, &second, 0.3f);
}
static void digest_merge_product_of_products(void) { merge_tiles(merged_product_of_products, ROWS); }

static int merged_scaled_product(const struct umbel_tile *tile) {
    const struct umbel_product first = product();
    return umbel_merge_product_scaled_columns(tile, &first, 0.3f, floats(COLUMNS));
}
static void digest_merge_product_scaled_columns(void) { merge_tiles(merged_scaled_product, ROWS); }

static struct umbel_magnitudes magnitudes(void) {
    return (struct umbel_magnitudes){floats(ROWS), 0x1p-23, 0.7, next() % 2};
}

static int merged_normalised(const struct umbel_tile *tile) {
    const struct umbel_magnitudes replaced = magnitudes();
    struct umbel_tile wide = *tile;
    wide.in = floats(tile->rows * tile->in_stride);
    wide.in_format = UMBEL_F32;
    return umbel_merge_normalised(&wide, &replaced);
}
static void digest_merge_normalised(void) { merge_tiles(merged_normalised, ROWS); }

static int merged_normalised_product(const struct umbel_tile *tile) {
    const struct umbel_product first = product();
    const struct umbel_magnitudes replaced = magnitudes();
    return umbel_merge_product_normalised(tile, &first, 0.3f, &replaced, floats(umbel_normalised_scratch(COLUMNS)));
}
static void digest_merge_product_normalised(void) { merge_tiles(merged_normalised_product, ROWS); }

static int squared_product(const struct umbel_tile *tile) {
    const struct umbel_product first = product();
    float *const sums = floats(COLUMNS);
    umbel_add_product_squares(sums, tile, &first, 0.3f);
    add_floats(sums, COLUMNS);
    return 1;
}
static void digest_add_product_squares(void) { merge_tiles(squared_product, ROWS); }

static int merged_generalised(const struct umbel_tile *tile) {
    const struct umbel_product sum = product(), across = product();
    // 1 is a linear layer, 3 a kernel whose positions divide the columns.
    const size_t kernel = next() % 2 ? 1 : 3;
    const struct umbel_projection projection = {floats(COLUMNS / kernel * 32), 32, across.panels, INNER, kernel};
    return umbel_merge_generalised(tile, &sum, &projection, 0.3f, floats(umbel_generalised_scratch(&projection, COLUMNS)));
}
static void digest_merge_generalised(void) { merge_tiles(merged_generalised, ROWS); }

static int merged_stored(const struct umbel_tile *tile) {
    void *const values = doubles(tile->rows * COLUMNS);
    const enum umbel_float_format format = formats[next() % FORMATS];
    umbel_narrow(values, floats(tile->rows * COLUMNS), tile->rows * COLUMNS, format);
    return umbel_merge_stored(tile, values, COLUMNS, format, 0.3f);
}
static void digest_merge_stored(void) { merge_tiles(merged_stored, ROWS); }

static int merged_scaled_rows(const struct umbel_tile *tile) { return umbel_merge_scaled_rows(tile, floats(tile->rows)); }
static void digest_merge_scaled_rows(void) { merge_tiles(merged_scaled_rows, ROWS); }

static int merged_scaled_columns(const struct umbel_tile *tile) {
    return umbel_merge_scaled_columns(tile, floats(COLUMNS));
}
static void digest_merge_scaled_columns(void) { merge_tiles(merged_scaled_columns, ROWS); }

static int kronecker_of_period(const struct umbel_tile *tile, size_t period) {
    enum { INNER_ROWS = 5 };
    const size_t stride = period + UMBEL_PANEL_COLUMNS, numbers = COLUMNS / period;
    float *const inner = floats(INNER_ROWS * stride), outer_row[COLUMNS];
    for (size_t i = 0; i < INNER_ROWS * stride; i++) inner[i] = inner[i / stride * stride + i % stride % period];
    const struct umbel_kronecker factors = {floats(4 * numbers), numbers, inner, INNER_ROWS, period, stride, 3};
    return umbel_merge_kronecker(tile, &factors, 0.3f, outer_row);
}
static int merged_kronecker(const struct umbel_tile *tile) { return kronecker_of_period(tile, 25); }
static int merged_long_kronecker(const struct umbel_tile *tile) { return kronecker_of_period(tile, 75); }
static void digest_merge_kronecker(void) {
    merge_tiles(merged_kronecker, ROWS);
    merge_tiles(merged_long_kronecker, ROWS);
}

static int merged_rotated(const struct umbel_tile *tile) {
    const size_t size = next() % 2 && tile->rows % 2 == 0 ? 2 : tile->rows;
    return umbel_merge_rotated(tile, size, floats(tile->rows * size), next() % 2 ? floats(tile->rows) : NULL,
                               floats(size * UMBEL_PANEL_COLUMNS));
}
static void digest_merge_rotated(void) { merge_tiles(merged_rotated, ROWS); }

static int merged_rotated_rows(const struct umbel_tile *tile) {
    static const uint32_t rows[] = {3, 0, 7, 12, 5, 1, 2, 9, 4, 6, 8, 10};
    const size_t size = next() % 2 ? 2 : 6;
    return umbel_merge_rotated_rows(tile, rows, size, 12 / size, floats(12 * size), next() % 2 ? floats(ROWS) : NULL,
                                    floats(size * UMBEL_PANEL_COLUMNS));
}
static void digest_merge_rotated_rows(void) { merge_tiles(merged_rotated_rows, ROWS); }

// MARK: Decompositions

static void digest_f64_multiply_add(void) {
    double *const c = doubles(40 * COLUMNS), *const workspace = doubles(UMBEL_F64_WORKSPACE);
    const struct umbel_f64_matrix a = {doubles(40 * 300), 1, 40}, b = {doubles(300 * COLUMNS), COLUMNS, 1};
    umbel_f64_multiply_add(c, COLUMNS, a, b, 37, 300, COLUMNS, 1, workspace);
    add_doubles(c, 40 * COLUMNS);
}

static void digest_f64_dot(void) {
    for (size_t count = 0; count < 200; count++) {
        const double sum = umbel_f64_dot(doubles(count), doubles(count), count);
        add(&sum, sizeof sum);
    }
}

static void digest_f64_add_scaled(void) {
    double *const y = doubles(COUNT);
    umbel_f64_add_scaled(y, doubles(COUNT), 0.3, COUNT);
    add_doubles(y, COUNT);
}

static void digest_f64_symmetric_rows(void) {
    double *const products = doubles(COLUMNS), *const spread = doubles(COLUMNS);
    umbel_f64_symmetric_rows(products, spread, doubles(COLUMNS * (COLUMNS + 3)), COLUMNS + 3, doubles(COLUMNS), 5, 131,
                             COLUMNS);
    add_doubles(products, COLUMNS);
    add_doubles(spread, COLUMNS);
}

static void digest_f64_count_below(void) {
    int64_t counts[UMBEL_F64_SHIFTS];
    double *const squares = doubles(COLUMNS);
    for (size_t i = 0; i < COLUMNS; i++) squares[i] *= squares[i];
    umbel_f64_count_below(counts, doubles(COLUMNS), squares, COLUMNS, doubles(UMBEL_F64_SHIFTS), 1e-300);
    add(counts, sizeof counts);
}

// Loops that no set has a version of.
static void digest_f64_loops(void) {
    double *const x = doubles(COUNT), *const factors = doubles(4 * COUNT), *const b = doubles(COUNT);
    uint8_t exchanged[COUNT];
    const double norm = umbel_f64_normalise(x, COUNT);
    add(&norm, sizeof norm);
    umbel_f64_scale(x, 0.3, COUNT);
    add_doubles(x, COUNT);
    umbel_f64_factor_tridiagonal(factors, exchanged, doubles(COUNT), doubles(COUNT), COUNT, 0.1, 1e-300);
    umbel_f64_solve_tridiagonal(b, factors, exchanged, COUNT);
    add_doubles(b, COUNT);
    float narrow[COUNT];
    umbel_f64_to_f32(narrow, x, 0.3, COUNT);
    add_floats(narrow, COUNT);
    umbel_f64_from_f32(x, narrow, 0.3, COUNT);
    add_doubles(x, COUNT);
}

// MARK: All of them

#define PRINT(RESULT, NAME, PARAMETERS, ARGUMENTS)                                                                       \
    state = 1;                                                                                                           \
    digest = 0xcbf29ce484222325;                                                                                         \
    digest_##NAME();                                                                                                     \
    printf("%016llx %s\n", (unsigned long long)digest, #NAME);

int main(int count, char **arguments) {
    if (count == 2 && strcmp(arguments[1], "--sets") == 0) {
        for (size_t i = 0; umbel_kernels_available(i); i++) puts(umbel_kernels_available(i));
        return 0;
    }
    fprintf(stderr, "%s\n", umbel_kernels_chosen());
    UMBEL_KERNEL_LIST(PRINT)
    UMBEL_F64_KERNEL_LIST(PRINT)
    PRINT(void, f64_loops, (void), ())
    return 0;
}
