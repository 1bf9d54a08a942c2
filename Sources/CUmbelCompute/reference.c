// The kernels written for reading, sums in f64: what the tests hold every set to.
#include "umbel_compute.h"

#include <math.h>
#include <string.h>

static uint32_t rounded_bfloat(float x) {
    uint32_t u;
    memcpy(&u, &x, sizeof u);
    return (u + 0x7fff + ((u >> 16) & 1)) >> 16;
}

static float widened(uint32_t half) {
    const uint32_t u = half << 16;
    float x;
    memcpy(&x, &u, sizeof x);
    return x;
}

// a · b of a unit each.
static double unit_product(const void *a, const void *b, enum umbel_unit unit) {
    if (unit == UMBEL_NUMBERS) return (double)*(const float *)a * (double)*(const float *)b;
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (double)widened(x & 0xffff) * (double)widened(y & 0xffff) + (double)widened(x >> 16) * (double)widened(y >> 16);
}

// The number with an index among numbers or pairs.
static void put(void *out, size_t index, float x, enum umbel_unit unit) {
    if (unit == UMBEL_NUMBERS) ((float *)out)[index] = x;
    else ((uint16_t *)out)[index] = (uint16_t)rounded_bfloat(x);
}

static size_t units_of(size_t count, enum umbel_unit unit) { return unit == UMBEL_PAIRS ? (count + 1) / 2 : count; }

// One number of a panel.
static void put_weight(void *panel, size_t input, size_t column, float x, enum umbel_unit unit) {
    if (unit == UMBEL_NUMBERS) put(panel, input * UMBEL_WEIGHT_COLUMNS + column, x, unit);
    else put(panel, (input / 2 * UMBEL_WEIGHT_COLUMNS + column) * 2 + input % 2, x, unit);
}

void umbel_pack_panel_reference(void *panel, const float *weight, size_t outputs, size_t inputs, size_t positions,
                                enum umbel_unit unit) {
    const size_t units = units_of(inputs, unit) * UMBEL_WEIGHT_COLUMNS;
    memset(panel, 0, positions * units * sizeof(uint32_t));
    for (size_t p = 0; p < positions; p++) {
        for (size_t i = 0; i < inputs; i++) {
            for (size_t o = 0; o < outputs; o++) {
                put_weight((uint32_t *)panel + p * units, i, o, weight[(o * inputs + i) * positions + p], unit);
            }
        }
    }
}

void umbel_turn_panel_reference(void *panel, const void *weight, enum umbel_float_format format, size_t outputs,
                                size_t inputs, enum umbel_unit unit) {
    const size_t size = format == UMBEL_F32 ? 4 : 2;
    memset(panel, 0, units_of(inputs, unit) * UMBEL_WEIGHT_COLUMNS * sizeof(uint32_t));
    for (size_t o = 0; o < outputs; o++) {
        for (size_t i = 0; i < inputs; i++) {
            const void *const stored = (const char *)weight + (o * inputs + i) * size;
            put_weight(panel, i, o, umbel_widen_one_reference(stored, format), unit);
        }
    }
}

void umbel_pack_columns_reference(uint32_t *out, size_t out_stride, const float *in, size_t in_stride, size_t rows,
                                  size_t columns) {
    for (size_t r = 0; r < rows; r++) {
        memset(out + r * out_stride, 0, (columns + 1) / 2 * sizeof *out);
        for (size_t c = 0; c < columns; c++) put(out + r * out_stride, c, in[r * in_stride + c], UMBEL_PAIRS);
    }
}

void umbel_pack_rows_reference(uint32_t *out, size_t out_stride, const float *in, size_t in_stride, size_t rows,
                               size_t columns) {
    for (size_t r = 0; r < rows; r += 2) memset(out + r / 2 * out_stride, 0, columns * sizeof *out);
    for (size_t r = 0; r < rows; r++) {
        for (size_t c = 0; c < columns; c++) {
            put(out, (r / 2 * out_stride + c) * 2 + r % 2, in[r * in_stride + c], UMBEL_PAIRS);
        }
    }
}

void umbel_multiply_panels_reference(const struct umbel_panel_product *p) {
    for (size_t r = 0; r < p->rows; r++) {
        for (size_t c = 0; c < p->columns; c++) {
            const uint32_t *const left = (const uint32_t *)p->left + r * p->left_stride;
            const uint32_t *const right = (const uint32_t *)p->panels + c / UMBEL_WEIGHT_COLUMNS * p->panel_stride +
                                          c % UMBEL_WEIGHT_COLUMNS;
            double sum = p->bias ? (double)p->bias[c] : 0;
            if (p->residual) sum += (double)p->residual[r * p->residual_stride + c];
            for (size_t i = 0; i < p->inner; i++) sum += unit_product(left + i, right + i * UMBEL_WEIGHT_COLUMNS, p->unit);
            p->out[r * p->out_stride + c] = (float)sum;
        }
    }
}

static const uint32_t *input_of(const struct umbel_convolution *c, size_t place, size_t position) {
    const long row = (long)(place / c->out_width * c->stride + position / c->kernel) - (long)c->top;
    const long column = (long)(place % c->out_width * c->stride + position % c->kernel) - (long)c->left;
    if (row < 0 || row >= (long)c->height || column < 0 || column >= (long)c->width) return NULL;
    return (const uint32_t *)c->in + ((size_t)row * c->width + (size_t)column) * c->inner;
}

void umbel_convolve_reference(const struct umbel_convolution *c, size_t first, size_t places) {
    for (size_t place = first; place < first + places; place++) {
        for (size_t o = 0; o < c->columns; o++) {
            const size_t at = place * c->out_stride + o;
            double sum = (c->bias ? (double)c->bias[o] : 0) + (c->residual ? (double)c->residual[at] : 0);
            for (size_t position = 0; position < c->kernel * c->kernel; position++) {
                const uint32_t *const in = input_of(c, place, position);
                const uint32_t *const panel = (const uint32_t *)c->panels + o / UMBEL_WEIGHT_COLUMNS * c->panel_stride +
                                              o % UMBEL_WEIGHT_COLUMNS;
                for (size_t i = 0; in && i < c->inner; i++) {
                    sum += unit_product(in + i, panel + (position * c->inner + i) * UMBEL_WEIGHT_COLUMNS, c->unit);
                }
            }
            c->out[at] = (float)sum;
        }
    }
}

void umbel_convolve_few_reference(const struct umbel_convolution *c, size_t first, size_t places) {
    const size_t positions = c->kernel * c->kernel;
    for (size_t i = 0; i < places * c->columns; i++) {
        const size_t place = first + i / c->columns, o = i % c->columns, at = place * c->out_stride + o;
        double sum = (c->bias ? (double)c->bias[o] : 0) + (c->residual ? (double)c->residual[at] : 0);
        for (size_t n = 0; n < positions * c->inner; n++) {
            const float *const in = (const float *)input_of(c, place, n / c->inner);
            const size_t weight = (n / c->inner * c->columns + o) * c->inner + n % c->inner;
            if (in) sum += (double)in[n % c->inner] * (double)((const float *)c->panels)[weight];
        }
        c->out[at] = (float)sum;
    }
}

void umbel_gather_reference(float *out, const struct umbel_convolution *c, size_t first, size_t places) {
    for (size_t place = first; place < first + places; place++) {
        for (size_t position = 0; position < c->kernel * c->kernel; position++) {
            const float *const in = (const float *)input_of(c, place, position);
            for (size_t i = 0; i < c->inner; i++) *out++ = in ? in[i] : 0;
        }
    }
}

// The product of (x − q) over all of Winograd's finite points but one as coefficients of rising powers.
static void multiply_out(double *coefficients, const double *points, size_t count, size_t left_out) {
    coefficients[0] = 1;
    size_t degree = 0;
    for (size_t n = 0; n < count; n++) {
        if (n == left_out) continue;
        coefficients[++degree] = 0;
        for (size_t k = degree; k > 0; k--) coefficients[k] = coefficients[k - 1] - points[n] * coefficients[k];
        coefficients[0] *= -points[n];
    }
}

static double power(double x, size_t exponent) {
    double result = 1;
    while (exponent-- > 0) result *= x;
    return result;
}

// Winograd's matrices for so many results in one direction, from his points: polynomials are multiplied by their values at
// these, the last of which is infinity (Toom and Cook).
struct matrices {
    size_t edge;
    double inputs[36], weights[18], results[24];
};

static struct matrices matrices_of(size_t results) {
    static const double two[] = {0, 1, -1}, four[] = {0, 0.625, -0.625, 1.5, -1.5};
    const double *const points = results == 4 ? four : two;
    const size_t edge = results + 2, finite = edge - 1;
    struct matrices m = {edge, {0}, {0}, {0}};
    for (size_t p = 0; p < edge; p++) {
        multiply_out(m.inputs + p * edge, points, finite, p);
        for (size_t n = 0; n < finite && p < finite; n++) {
            for (size_t k = 0; k < edge && n != p; k++) m.inputs[p * edge + k] /= points[p] - points[n];
        }
        for (size_t k = 0; k < 3; k++) m.weights[p * 3 + k] = p < finite ? power(points[p], k) : k == 2;
        for (size_t k = 0; k < results; k++) m.results[k * edge + p] = p < finite ? power(points[p], k) : k + 1 == results;
    }
    return m;
}

// (i, j) of l · x · rᵀ, of `rows` and `columns` columns.
static double sandwiched(const double *l, size_t rows, const double *x, const double *r, size_t columns, size_t i,
                         size_t j) {
    double sum = 0;
    for (size_t a = 0; a < rows; a++) {
        for (size_t b = 0; b < columns; b++) sum += l[i * rows + a] * x[a * columns + b] * r[j * columns + b];
    }
    return sum;
}

void umbel_winograd_weight_reference(void *panel, size_t point_stride, const struct umbel_winograd_weights *weights,
                                     enum umbel_unit unit) {
    const struct matrices down = matrices_of(weights->tile.rows), across = matrices_of(weights->tile.columns);
    const size_t size = weights->format == UMBEL_F32 ? 4 : 2;
    for (size_t p = 0; p < down.edge * across.edge; p++) {
        uint32_t *const point = (uint32_t *)panel + p * point_stride;
        memset(point, 0, units_of(weights->inputs, unit) * UMBEL_WEIGHT_COLUMNS * sizeof *point);
        for (size_t o = 0; o < weights->outputs; o++) {
            for (size_t i = 0; i < weights->inputs; i++) {
                const char *const stored = (const char *)weights->start + (o * weights->stride + 9 * i) * size;
                double g[9];
                for (size_t n = 0; n < 9; n++) g[n] = (double)umbel_widen_one_reference(stored + n * size, weights->format);
                const double x = sandwiched(down.weights, 3, g, across.weights, 3, p / across.edge, p % across.edge);
                put_weight(point, i, o, (float)x, unit);
            }
        }
    }
}

void umbel_winograd_input_reference(void *out, size_t point_stride, const float *in, size_t channels,
                                    const struct umbel_winograd *w, size_t first, size_t tiles, enum umbel_unit unit) {
    const struct matrices down = matrices_of(w->tile.rows), across = matrices_of(w->tile.columns);
    const size_t points = down.edge * across.edge;
    for (size_t t = 0; t < tiles; t++) {
        const long top = (long)((first + t) / w->tiles_across * w->tile.rows) - (long)w->top;
        const long left = (long)((first + t) % w->tiles_across * w->tile.columns) - (long)w->left;
        for (size_t c = 0; c < channels; c++) {
            double d[36];
            for (size_t n = 0; n < points; n++) {
                const long row = top + (long)(n / across.edge), column = left + (long)(n % across.edge);
                const int inside = row >= 0 && row < (long)w->height && column >= 0 && column < (long)w->width;
                d[n] = inside ? (double)in[((size_t)row * w->width + (size_t)column) * channels + c] : 0;
            }
            for (size_t p = 0; p < points; p++) {
                const double x =
                    sandwiched(down.inputs, down.edge, d, across.inputs, across.edge, p / across.edge, p % across.edge);
                uint32_t *const row = (uint32_t *)out + p * point_stride + t * units_of(channels, unit);
                put(row, c, (float)x, unit);
                if (unit == UMBEL_PAIRS && c + 1 == channels && channels % 2) put(row, channels, 0, unit);
            }
        }
    }
}

void umbel_winograd_output_reference(float *out, const float *products, size_t point_stride, size_t channels,
                                     const struct umbel_winograd *w, size_t first, size_t tiles, const float *bias,
                                     const float *residual) {
    const struct matrices down = matrices_of(w->tile.rows), across = matrices_of(w->tile.columns);
    const size_t points = down.edge * across.edge, rows = w->tile.rows, columns = w->tile.columns;
    for (size_t t = 0; t < tiles; t++) {
        for (size_t c = 0; c < channels; c++) {
            double x[36];
            for (size_t p = 0; p < points; p++) x[p] = (double)products[p * point_stride + t * channels + c];
            for (size_t n = 0; n < rows * columns; n++) {
                const size_t row = (first + t) / w->tiles_across * rows + n / columns;
                const size_t column = (first + t) % w->tiles_across * columns + n % columns;
                if (row >= w->out_height || column >= w->out_width) continue;
                const size_t at = (row * w->out_width + column) * channels + c;
                const double start = (bias ? (double)bias[c] : 0) + (residual ? (double)residual[at] : 0);
                const double sum =
                    sandwiched(down.results, down.edge, x, across.results, across.edge, n / columns, n % columns);
                out[at] = (float)(start + sum);
            }
        }
    }
}

// The number of a query and a key as a product, and the number of a value.
static double key_product(const struct umbel_attention *a, size_t query, size_t key) {
    const uint32_t *const row = (const uint32_t *)a->keys + key * a->key_stride;
    double sum = 0;
    for (size_t i = 0; i < a->size; i++) {
        const double q = (double)a->queries[query * a->query_stride + i];
        const uint32_t *const unit = row + (a->unit == UMBEL_PAIRS ? i / 2 : i);
        sum += q * (a->unit == UMBEL_PAIRS ? (double)widened(*unit >> (i % 2 * 16) & 0xffff) : (double)*(const float *)unit);
    }
    return sum;
}

static double value_at(const struct umbel_attention *a, size_t key, size_t i) {
    if (a->unit == UMBEL_NUMBERS) return (double)((const float *)a->values)[key * a->value_stride + i];
    return (double)widened(((const uint32_t *)a->values)[key / 2 * a->value_stride + i] >> (key % 2 * 16) & 0xffff);
}

void umbel_attend_reference(const struct umbel_attention *a, float *scratch) {
    (void)scratch;
    for (size_t j = 0; j < a->count; j++) {
        const size_t seen = a->place + j + 1 < a->seen ? a->place + j + 1 : a->seen;
        double largest = -INFINITY, total = 0;
        for (size_t k = 0; k < seen; k++) largest = fmax(largest, key_product(a, j, k));
        for (size_t k = 0; k < seen; k++) total += exp((double)a->scale * (key_product(a, j, k) - largest));
        for (size_t i = 0; i < a->size; i++) {
            double sum = 0;
            for (size_t k = 0; k < seen; k++) {
                sum += exp((double)a->scale * (key_product(a, j, k) - largest)) * value_at(a, k, i);
            }
            a->out[j * a->out_stride + i] = (float)(sum / total);
        }
    }
}

void umbel_channel_sums_reference(double *sums, const float *x, size_t rows, size_t channels) {
    for (size_t i = 0; i < rows * channels; i++) {
        sums[i % channels] += (double)x[i];
        sums[channels + i % channels] += (double)x[i] * (double)x[i];
    }
}

void umbel_scale_shift_reference(float *y, const float *x, const float *factors, const float *shifts, size_t rows,
                                 size_t channels, int silu) {
    for (size_t i = 0; i < rows * channels; i++) {
        const double value = (double)x[i] * (double)factors[i % channels] + (double)shifts[i % channels];
        y[i] = (float)(silu ? value / (1 + exp(-value)) : value);
    }
}

void umbel_normalise_rows_reference(float *y, const float *x, const float *factors, const float *shifts, size_t rows,
                                    size_t columns, float epsilon) {
    for (size_t r = 0; r < rows; r++, x += columns, y += columns) {
        double mean = 0, variance = 0;
        for (size_t c = 0; c < columns; c++) mean += (double)x[c] / (double)columns;
        for (size_t c = 0; c < columns; c++) variance += ((double)x[c] - mean) * ((double)x[c] - mean) / (double)columns;
        for (size_t c = 0; c < columns; c++) {
            const double normal = ((double)x[c] - mean) / sqrt(variance + (double)epsilon);
            y[c] = (float)(normal * (double)factors[c] + (double)shifts[c]);
        }
    }
}

static double activated(double x, enum umbel_activation activation) {
    switch (activation) {
    case UMBEL_SILU: return x / (1 + exp(-x));
    case UMBEL_GELU: return 0.5 * x * erfc(-x * sqrt(0.5));
    case UMBEL_QUICK_GELU: return x / (1 + exp(-1.702 * x));
    case UMBEL_RELU: return fmax(x, 0);
    case UMBEL_MISH: return x * tanh(x > 30 ? x : log1p(exp(x)));
    }
    return x;
}

void umbel_activate_reference(float *x, size_t count, enum umbel_activation activation) {
    for (size_t i = 0; i < count; i++) x[i] = (float)activated((double)x[i], activation);
}

void umbel_gate_reference(float *y, size_t y_stride, const float *x, size_t x_stride, size_t rows, size_t columns) {
    for (size_t r = 0; r < rows; r++) {
        for (size_t c = 0; c < columns; c++) {
            const double gate = activated((double)x[r * x_stride + columns + c], UMBEL_GELU);
            y[r * y_stride + c] = (float)((double)x[r * x_stride + c] * gate);
        }
    }
}
