// The plain twins of the kernels, written for reading. The tests hold the kernels to them.
#include "umbel_kernels.h"

#include "comparison_sums.h"
#include "scalar_formats.h"

#pragma STDC FP_CONTRACT OFF

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

void umbel_multiply_add_reference(float *restrict y, size_t y_stride, const float *restrict a, size_t a_stride,
                                  const float *restrict b, size_t b_stride, size_t rows, size_t inner, size_t columns,
                                  float scale) {
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < columns; j++) {
            float sum = 0;
            for (size_t k = 0; k < inner; k++) sum = fmaf(a[i * a_stride + k], b[k * b_stride + j], sum);
            y[i * y_stride + j] = fmaf(scale, sum, y[i * y_stride + j]);
        }
    }
}

void umbel_add_multiple_reference(float *restrict y, const float *restrict x, float coefficient, float scale,
                                  size_t count) {
    for (size_t i = 0; i < count; i++) {
        const float product = coefficient * x[i];
        y[i] = fmaf(scale, product, y[i]);
    }
}

void umbel_scale_reference(float *y, float factor, size_t count) {
    for (size_t i = 0; i < count; i++) y[i] = factor * y[i];
}

void umbel_interpolate_reference(float *restrict y, const float *restrict start, float factor, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const float difference = y[i] - start[i];
        const float step = factor * difference;
        y[i] = start[i] + step;
    }
}

void umbel_transpose_reference(float *restrict out, const float *restrict in, size_t rows, size_t columns) {
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < columns; j++) out[j * rows + i] = in[i * columns + j];
    }
}

float umbel_largest_magnitude_reference(const float *x, size_t count) {
    float largest = 0;
    for (size_t i = 0; i < count; i++) {
        if (fabsf(x[i]) > largest) largest = fabsf(x[i]);
    }
    return largest;
}

double umbel_sum_of_squares_reference(const float *x, size_t count) {
    double sum[UMBEL_PARTIAL_SUMS] = {0};
    for (size_t i = 0; i < count; i++) sum[i % UMBEL_PARTIAL_SUMS] += (double)x[i] * (double)x[i];
    for (int half = UMBEL_PARTIAL_SUMS / 2; half > 0; half /= 2) {
        for (int j = 0; j < half; j++) sum[j] += sum[j + half];
    }
    return sum[0];
}

void umbel_add_f32_squares_reference(float *restrict sums, const float *restrict x, size_t stride, size_t rows,
                                     size_t columns) {
    for (size_t row = 0; row < rows; row++) {
        for (size_t j = 0; j < columns; j++) sums[j] = fmaf(x[row * stride + j], x[row * stride + j], sums[j]);
    }
}

static double row_squares(const float *x, size_t count) {
    double sums[UMBEL_SQUARE_LANES] = {0};
    for (size_t begin = 0; begin < count; begin += UMBEL_SQUARE_COLUMNS) {
        float squares[UMBEL_SQUARE_LANES] = {0};
        for (size_t i = begin; i < count && i < begin + UMBEL_SQUARE_COLUMNS; i++) {
            squares[i % UMBEL_SQUARE_LANES] = fmaf(x[i], x[i], squares[i % UMBEL_SQUARE_LANES]);
        }
        for (int j = 0; j < UMBEL_SQUARE_LANES; j++) sums[j] += (double)squares[j];
    }
    for (int half = UMBEL_SQUARE_LANES / 2; half > 0; half /= 2) {
        for (int j = 0; j < half; j++) sums[j] += sums[j + half];
    }
    return umbel_squares_hold(sums[0]) ? sums[0] : umbel_sum_of_squares_reference(x, count);
}

void umbel_compare_reference(struct umbel_comparison *out, const float *a, const float *b, const float *w,
                             size_t count) {
    double sums[SUMS][COMPARED] = {{0}};
    out->largest = 0;
    out->largest_index = 0;
    out->equal = 0;
    for (size_t i = 0; i < count; i++) {
        add_differences(sums, i % COMPARED, a[i], b[i], w[i]);
        if (a[i] == b[i]) out->equal++;
        const double distance = fabs((double)a[i] - (double)b[i]);
        if (distance > out->largest) {
            out->largest = distance;
            out->largest_index = i;
        }
    }
    finish_comparison(out, sums);
}

float umbel_widen_one_reference(const void *in, enum umbel_float_format format) {
    uint16_t h;
    double d;
    float f;
    switch (format) {
    case UMBEL_F64: memcpy(&d, in, 8); return (float)d;
    case UMBEL_F32: memcpy(&f, in, 4); return f;
    case UMBEL_BF16: return float_of((uint32_t)load16(in, 0) << 16);
    case UMBEL_F8_E4M3: return from_f8(*(const uint8_t *)in, 4, 3, 0);
    case UMBEL_F8_E5M2: return from_f8(*(const uint8_t *)in, 5, 2, 1);
    case UMBEL_F16: break;
    }
    h = load16(in, 0);
    const int exponent = (h >> 10) & 31, mantissa = h & 1023;
    float value;
    if (exponent == 31) {
        value = mantissa ? NAN : INFINITY;
    } else if (exponent == 0) {
        value = ldexpf((float)mantissa, -24);
    } else {
        value = ldexpf((float)(mantissa | 1024), exponent - 25);
    }
    return h & 0x8000 ? -value : value;
}

// Nearest by search: the format's codes of one sign are ordered as their values are.
static uint32_t nearest_code(float magnitude, uint32_t infinity, float (*value)(uint32_t)) {
    uint32_t low = 0, high = infinity;
    while (high - low > 1) {
        const uint32_t middle = (low + high) / 2;
        if (value(middle) <= magnitude) low = middle; else high = middle;
    }
    const double below = (double)magnitude - (double)value(low);
    const double step = high == infinity ? (double)value(low) - (double)value(low - 1) : (double)value(high) - (double)value(low);
    if (below > step / 2 || (below == step / 2 && (low & 1))) return high;
    return low;
}

static float value_f16(uint32_t code) {
    const uint16_t h = (uint16_t)code;
    return umbel_widen_one_reference(&h, UMBEL_F16);
}

static float value_bf16(uint32_t code) { return float_of(code << 16); }

static float value_e4m3(uint32_t code) { return from_f8((uint8_t)code, 4, 3, 0); }

static float value_e5m2(uint32_t code) { return from_f8((uint8_t)code, 5, 2, 1); }

void umbel_narrow_one_reference(void *out, float in, enum umbel_float_format format) {
    const int negative = signbit(in) != 0;
    const float magnitude = fabsf(in);
    uint16_t wide;
    uint8_t narrow;
    const double d = in;
    switch (format) {
    case UMBEL_F64: memcpy(out, &d, 8); return;
    case UMBEL_F32: memcpy(out, &in, 4); return;
    case UMBEL_F16:
        wide = isnan(in) ? 0x7e00 : isinf(in) ? 0x7c00 : (uint16_t)nearest_code(magnitude, 0x7c00, value_f16);
        wide |= negative ? 0x8000 : 0;
        memcpy(out, &wide, 2);
        return;
    case UMBEL_BF16:
        wide = isnan(in)   ? (uint16_t)(((bits_of(in) >> 16) | 0x40) & 0x7fff)
               : isinf(in) ? 0x7f80
                           : (uint16_t)nearest_code(magnitude, 0x7f80, value_bf16);
        wide |= negative ? 0x8000 : 0;
        memcpy(out, &wide, 2);
        return;
    case UMBEL_F8_E4M3:
        narrow = isnan(in) || isinf(in) ? 0x7f : (uint8_t)nearest_code(magnitude, 0x7f, value_e4m3);
        break;
    case UMBEL_F8_E5M2:
        narrow = isnan(in) ? 0x7e : isinf(in) ? 0x7c : (uint8_t)nearest_code(magnitude, 0x7c, value_e5m2);
        break;
    default: return;
    }
    narrow |= negative ? 0x80 : 0;
    memcpy(out, &narrow, 1);
}

// MARK: Merging tiles

static float element(const struct umbel_tile *tile, size_t row, size_t column) {
    const size_t place = row * tile->in_stride + column;
    return umbel_widen_one_reference((const char *)tile->in + place * format_bytes(tile->in_format), tile->in_format);
}

// Returns whether the number is below the limit.
static int put(const struct umbel_tile *tile, size_t row, size_t column, float y) {
    const size_t place = row * tile->out_stride + column;
    umbel_narrow_one_reference((char *)tile->out + place * format_bytes(tile->out_format), y, tile->out_format);
    return fabsf(y) < tile->limit;
}

static float product_element(const struct umbel_product *product, size_t row, size_t column) {
    const size_t panel = column / UMBEL_PANEL_COLUMNS, inside = column % UMBEL_PANEL_COLUMNS;
    float sum = 0;
    for (size_t k = 0; k < product->inner; k++) {
        const float right = product->panels[(panel * product->inner + k) * UMBEL_PANEL_COLUMNS + inside];
        sum = fmaf(product->left[row * product->left_stride + k], right, sum);
    }
    return sum;
}

// Runs over all elements with the number `x`; NEW is what takes its place.
#define EVERY_ELEMENT(NEW)                                                                                               \
    int fits = 1;                                                                                                        \
    for (size_t row = 0; row < tile->rows; row++) {                                                                      \
        for (size_t column = 0; column < tile->columns; column++) {                                                      \
            const float x = element(tile, row, column);                                                                  \
            fits &= put(tile, row, column, NEW);                                                                         \
        }                                                                                                                \
    }                                                                                                                    \
    return fits

int umbel_merge_product_reference(const struct umbel_tile *tile, const struct umbel_product *product, float scale) {
    EVERY_ELEMENT(fmaf(scale, product_element(product, row, column), x));
}

int umbel_merge_product_of_products_reference(const struct umbel_tile *tile, const struct umbel_product *first,
                                              const struct umbel_product *second, float scale) {
    EVERY_ELEMENT(fmaf(scale, product_element(first, row, column) * product_element(second, row, column), x));
}

int umbel_merge_product_scaled_columns_reference(const struct umbel_tile *tile, const struct umbel_product *product,
                                                 float scale, const float *factors) {
    EVERY_ELEMENT(fmaf(scale, product_element(product, row, column), x) * factors[column]);
}

static float magnitude_factor(const struct umbel_magnitudes *magnitudes, size_t row, double norm) {
    const double ratio = (double)magnitudes->values[row] / (norm + magnitudes->epsilon);
    return (float)(magnitudes->interpolates ? 1 + magnitudes->strength * (ratio - 1) : ratio);
}

int umbel_merge_normalised_reference(const struct umbel_tile *tile, const struct umbel_magnitudes *magnitudes) {
    const float *const start = tile->in;
#define FACTOR                                                                                                           \
    magnitude_factor(magnitudes, row,                                                                                    \
                     sqrt(row_squares(start + row * tile->in_stride, tile->columns)))
    EVERY_ELEMENT(x * FACTOR);
#undef FACTOR
}

int umbel_merge_product_normalised_reference(const struct umbel_tile *tile, const struct umbel_product *product,
                                             float scale, const struct umbel_magnitudes *magnitudes, float *scratch) {
    int fits = 1;
    for (size_t row = 0; row < tile->rows; row++) {
        for (size_t column = 0; column < tile->columns; column++) {
            scratch[column] = fmaf(scale, product_element(product, row, column), element(tile, row, column));
        }
        const float factor = magnitude_factor(magnitudes, row, sqrt(row_squares(scratch, tile->columns)));
        for (size_t column = 0; column < tile->columns; column++) fits &= put(tile, row, column, scratch[column] * factor);
    }
    return fits;
}

void umbel_add_product_squares_reference(float *sums, const struct umbel_tile *tile, const struct umbel_product *product,
                                         float scale) {
    for (size_t row = 0; row < tile->rows; row++) {
        for (size_t column = 0; column < tile->columns; column++) {
            const float y = fmaf(scale, product_element(product, row, column), element(tile, row, column));
            sums[column] = fmaf(y, y, sums[column]);
        }
    }
}

// Element `column` of a row of W that was read into `x`, projected.
static float projection_element(const struct umbel_projection *projection, const float *x, size_t columns, size_t column) {
    const size_t kernel = projection->kernel;
    float sum = 0;
    for (size_t k = 0; k < projection->inner; k++) {
        float projected = 0;
        for (size_t i = 0; i < columns / kernel; i++) {
            projected = fmaf(x[i * kernel + column % kernel], projection->right[i * projection->right_stride + k], projected);
        }
        const size_t panel = column / UMBEL_PANEL_COLUMNS, inside = column % UMBEL_PANEL_COLUMNS;
        sum = fmaf(projected, projection->panels[(panel * projection->inner + k) * UMBEL_PANEL_COLUMNS + inside], sum);
    }
    return sum;
}

int umbel_merge_generalised_reference(const struct umbel_tile *tile, const struct umbel_product *sum,
                                      const struct umbel_projection *projection, float scale, float *scratch) {
    int fits = 1;
    for (size_t row = 0; row < tile->rows; row++) {
        for (size_t column = 0; column < tile->columns; column++) scratch[column] = element(tile, row, column);
        for (size_t column = 0; column < tile->columns; column++) {
            const float change = product_element(sum, row, column) +
                                 projection_element(projection, scratch, tile->columns, column);
            fits &= put(tile, row, column, fmaf(scale, change, scratch[column]));
        }
    }
    return fits;
}

int umbel_merge_stored_reference(const struct umbel_tile *tile, const void *values, size_t stride,
                                 enum umbel_float_format format, float scale) {
    const char *const start = values;
    EVERY_ELEMENT(
        fmaf(scale, umbel_widen_one_reference(start + (row * stride + column) * format_bytes(format), format), x));
}

int umbel_merge_scaled_rows_reference(const struct umbel_tile *tile, const float *factors) {
    EVERY_ELEMENT(x * factors[row]);
}

int umbel_merge_scaled_columns_reference(const struct umbel_tile *tile, const float *factors) {
    EVERY_ELEMENT(x * factors[column]);
}

int umbel_merge_kronecker_reference(const struct umbel_tile *tile, const struct umbel_kronecker *product, float scale,
                                    float *outer_row) {
    (void)outer_row;
    const struct umbel_kronecker p = *product;
#define OUTER p.outer[(p.first_row + row) / p.inner_rows * p.outer_columns + column / p.inner_columns]
#define INNER p.inner[(p.first_row + row) % p.inner_rows * p.inner_stride + column % p.inner_columns]
    EVERY_ELEMENT(fmaf(scale, OUTER * INNER, x));
#undef OUTER
#undef INNER
}

int umbel_merge_rotated_reference(const struct umbel_tile *tile, size_t size, const float *rotations, const float *factors,
                                  float *panel) {
    int fits = 1;
    for (size_t first = 0; first < tile->rows; first += size, rotations += size * size) {
        for (size_t column = 0; column < tile->columns; column++) {
            for (size_t row = 0; row < size; row++) panel[row] = element(tile, first + row, column);
            for (size_t row = 0; row < size; row++) {
                float sum = 0;
                for (size_t k = 0; k < size; k++) sum = fmaf(rotations[row * size + k], panel[k], sum);
                fits &= put(tile, first + row, column, factors ? sum * factors[first + row] : sum);
            }
        }
    }
    return fits;
}

int umbel_merge_rotated_rows_reference(const struct umbel_tile *tile, const uint32_t *rows, size_t size, size_t blocks,
                                       const float *rotations, const float *factors, float *panel) {
    int fits = 1;
    for (size_t block = 0; block < blocks; block++, rows += size, rotations += size * size) {
        for (size_t column = 0; column < tile->columns; column++) {
            for (size_t k = 0; k < size; k++) panel[k] = element(tile, rows[k], column);
            for (size_t i = 0; i < size; i++) {
                float sum = 0;
                for (size_t k = 0; k < size; k++) sum = fmaf(rotations[i * size + k], panel[k], sum);
                fits &= put(tile, rows[i], column, factors ? sum * factors[rows[i]] : sum);
            }
        }
    }
    return fits;
}
