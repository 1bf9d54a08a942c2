// The transformations of Winograd's convolutions: two results in a row or column come from the points 0, 1, −1, ∞ and four from
// 0, 5/8, −5/8, 3/2, −3/2, ∞. Of eighths these lose the fewest digits: less than half of what 1 and 2 would.
//
// An edge is the number of inputs, and of points, of a tile in one direction: 4 or 6.
#pragma once

enum { LARGEST_EDGE = 6 };

#define NEAR_POINT 0.625f
#define FAR_POINT 1.5f
#define NEAR_SQUARE (NEAR_POINT * NEAR_POINT)
#define FAR_SQUARE (FAR_POINT * FAR_POINT)

// Calls `transform` with the edges of that tile as constants.
#define FOR_EDGES(tile, transform, unit) \
    do { \
        if ((tile).rows == 4) transform(6, 6, unit); \
        else if ((tile).columns == 4) transform(4, 6, unit); \
        else transform(4, 4, unit); \
    } while (0)

// Bᵀd: `edge` inputs to as many points.
INLINE void input_points(vf *out, const vf *d, int edge) {
    if (edge == 4) {
        out[0] = d[2] - d[0];
        out[1] = d[2] + d[1];
        out[2] = d[2] - d[1];
        out[3] = d[3] - d[1];
        return;
    }
    const vf near_even = multiply_add(d[2], -FAR_SQUARE, d[4]), near_odd = multiply_add(d[1], -FAR_SQUARE, d[3]) * NEAR_POINT;
    const vf far_even = multiply_add(d[2], -NEAR_SQUARE, d[4]), far_odd = multiply_add(d[1], -NEAR_SQUARE, d[3]) * FAR_POINT;
    const float product = NEAR_SQUARE * FAR_SQUARE, sum = NEAR_SQUARE + FAR_SQUARE;
    out[0] = multiply_add(d[0], product, multiply_add(d[2], -sum, d[4]));
    out[1] = near_even + near_odd;
    out[2] = near_even - near_odd;
    out[3] = far_even + far_odd;
    out[4] = far_even - far_odd;
    out[5] = multiply_add(d[1], product, multiply_add(d[3], -sum, d[5]));
}

// Gg: three weights to `edge` points.
INLINE void weight_points(vf *out, const vf *g, int edge) {
    if (edge == 4) {
        out[0] = -g[0];
        out[1] = 0.5f * (g[0] + g[1] + g[2]);
        out[2] = 0.5f * (g[0] - g[1] + g[2]);
        out[3] = g[2];
        return;
    }
    const float near = 0.5f / (NEAR_SQUARE * (NEAR_SQUARE - FAR_SQUARE)), far = 0.5f / (FAR_SQUARE * (FAR_SQUARE - NEAR_SQUARE));
    const vf near_even = multiply_add(g[2], NEAR_SQUARE, g[0]) * near, near_odd = g[1] * (NEAR_POINT * near);
    const vf far_even = multiply_add(g[2], FAR_SQUARE, g[0]) * far, far_odd = g[1] * (FAR_POINT * far);
    out[0] = g[0] * (1 / (NEAR_SQUARE * FAR_SQUARE));
    out[1] = near_even + near_odd;
    out[2] = near_even - near_odd;
    out[3] = far_even + far_odd;
    out[4] = far_even - far_odd;
    out[5] = g[2];
}

// Aᵀp: `edge` points to edge − 2 results.
INLINE void results(vf *out, const vf *p, int edge) {
    if (edge == 4) {
        out[0] = p[0] + p[1] + p[2];
        out[1] = p[1] - p[2] + p[3];
        return;
    }
    const vf near_sum = p[1] + p[2], near_difference = (p[1] - p[2]) * NEAR_POINT;
    const vf far_sum = p[3] + p[4], far_difference = (p[3] - p[4]) * FAR_POINT;
    out[0] = p[0] + near_sum + far_sum;
    out[1] = near_difference + far_difference;
    out[2] = multiply_add(far_sum, FAR_SQUARE, near_sum * NEAR_SQUARE);
    out[3] = multiply_add(far_difference, FAR_SQUARE, multiply_add(near_difference, NEAR_SQUARE, p[5]));
}

INLINE void store_units(void *out, size_t number, vf x, size_t count, enum umbel_unit unit) {
    if (unit == UMBEL_PAIRS) store_bfloat((uint16_t *)out + number, x, count);
    else store_part((float *)out + number, x, count);
}

// The corner of a tile in the picture with its padding.
struct corner {
    size_t row, column;
};

INLINE struct corner corner_of(const struct umbel_winograd *w, size_t tile) {
    return (struct corner){tile / w->tiles_across * w->tile.rows, tile % w->tiles_across * w->tile.columns};
}

// Where each row and column of a tile's inputs begins, for one tile; NULL outside of the picture.
INLINE void find_inputs(const float *inputs[LARGEST_EDGE][LARGEST_EDGE], const float *in, size_t channels,
                        const struct umbel_winograd *w, size_t tile, int rows, int columns) {
    const struct corner corner = corner_of(w, tile);
    for (int i = 0; i < rows; i++) {
        for (int j = 0; j < columns; j++) {
            const size_t row = corner.row + i - w->top, column = corner.column + j - w->left;
            // What is before the picture has wrapped to something large.
            inputs[i][j] = row < w->height && column < w->width ? in + (row * w->width + column) * channels : NULL;
        }
    }
}

INLINE void transform_inputs(void *out, size_t point_stride, const float *in, size_t channels,
                             const struct umbel_winograd *w, size_t first, size_t tiles, int rows, int columns,
                             enum umbel_unit unit) {
    const size_t units = unit == UMBEL_PAIRS ? (channels + 1) / 2 : channels;
    const float *inputs[LARGEST_EDGE][LARGEST_EDGE];
    for (size_t t = 0; t < tiles; t++) {
        find_inputs(inputs, in, channels, w, first + t, rows, columns);
        uint32_t *const place = (uint32_t *)out + t * units;
        for (size_t c = 0; c < channels; c += LANES) {
            vf across[LARGEST_EDGE][LARGEST_EDGE], down[LARGEST_EDGE], points[LARGEST_EDGE];
            UNROLLED for (int i = 0; i < rows; i++) {
                vf d[LARGEST_EDGE];
                UNROLLED for (int j = 0; j < columns; j++) {
                    d[j] = inputs[i][j] ? load_part(inputs[i][j] + c, channels - c) : 0;
                }
                input_points(across[i], d, columns);
            }
            UNROLLED for (int j = 0; j < columns; j++) {
                UNROLLED for (int i = 0; i < rows; i++) down[i] = across[i][j];
                input_points(points, down, rows);
                UNROLLED for (int i = 0; i < rows; i++) {
                    store_units(place + (i * columns + j) * point_stride, c, points[i], channels - c, unit);
                }
            }
        }
    }
}

static void set_winograd_input(void *out, size_t point_stride, const float *in, size_t channels,
                               const struct umbel_winograd *shape, size_t first, size_t tiles, enum umbel_unit unit) {
#define TRANSFORM(rows, columns, unit) \
    transform_inputs(out, point_stride, in, channels, shape, first, tiles, rows, columns, unit)
    if (unit == UMBEL_PAIRS) FOR_EDGES(shape->tile, TRANSFORM, UMBEL_PAIRS);
    else FOR_EDGES(shape->tile, TRANSFORM, UMBEL_NUMBERS);
#undef TRANSFORM
}

// All points of some outputs' weights, of nine rows of a panel's numbers.
INLINE void weights_at_points(vf *points, const float *numbers, int rows, int columns) {
    vf across[3][LARGEST_EDGE], down[3], column[LARGEST_EDGE];
    UNROLLED for (int r = 0; r < 3; r++) {
        vf g[3];
        UNROLLED for (int c = 0; c < 3; c++) g[c] = load(numbers + (3 * r + c) * UMBEL_WEIGHT_COLUMNS);
        weight_points(across[r], g, columns);
    }
    UNROLLED for (int j = 0; j < columns; j++) {
        UNROLLED for (int r = 0; r < 3; r++) down[r] = across[r][j];
        weight_points(column, down, rows);
        UNROLLED for (int r = 0; r < rows; r++) points[r * columns + j] = column[r];
    }
}

// So many inputs are transformed together: their numbers are whole cache lines of each output's weights.
enum { TRANSFORMED_INPUTS = PACKED_NUMBERS };

INLINE void transform_weights(uint32_t *panel, size_t point_stride, const float *weight, size_t outputs, size_t inputs,
                              int rows, int columns, enum umbel_unit unit) {
    float numbers[(TRANSFORMED_INPUTS + 1) * 9 * UMBEL_WEIGHT_COLUMNS] = {0};
    // Of all columns before any is stored: points lie far apart, and each is written in runs.
    vf points[UMBEL_WEIGHT_COLUMNS / LANES][LARGEST_EDGE * LARGEST_EDGE], others[LARGEST_EDGE * LARGEST_EDGE];
    const size_t width = unit == UMBEL_PAIRS ? 2 : 1;
    for (size_t first = 0; first < inputs; first += TRANSFORMED_INPUTS) {
        const size_t count = inputs - first < TRANSFORMED_INPUTS ? inputs - first : TRANSFORMED_INPUTS;
        for (size_t n = 0; n < 9 * count; n += PACKED_NUMBERS) {
            const size_t part = 9 * count - n < PACKED_NUMBERS ? 9 * count - n : PACKED_NUMBERS;
            turn_outputs(numbers + n * UMBEL_WEIGHT_COLUMNS, weight, outputs, 9 * inputs, 9 * first + n, part);
        }
        // Of pairs, the second half of the last unit may be nobody's.
        memset(numbers + 9 * count * UMBEL_WEIGHT_COLUMNS, 0, 9 * UMBEL_WEIGHT_COLUMNS * sizeof *numbers);
        for (size_t i = 0; i < count; i += width, panel += UMBEL_WEIGHT_COLUMNS) {
            const float *const input = numbers + i * 9 * UMBEL_WEIGHT_COLUMNS;
            for (size_t o = 0; o < UMBEL_WEIGHT_COLUMNS; o += LANES) {
                weights_at_points(points[o / LANES], input + o, rows, columns);
                if (width == 1) continue;
                weights_at_points(others, input + 9 * UMBEL_WEIGHT_COLUMNS + o, rows, columns);
                for (int p = 0; p < rows * columns; p++) {
                    vf *const pair = &points[o / LANES][p];
                    *pair = (vf)(round_bfloat(*pair) | round_bfloat(others[p]) << 16);
                }
            }
            for (int p = 0; p < rows * columns; p++) {
                for (size_t o = 0; o < UMBEL_WEIGHT_COLUMNS; o += LANES) {
                    store(panel + p * point_stride + o, points[o / LANES][p]);
                }
            }
        }
    }
}

static void set_winograd_weight(void *panel, size_t point_stride, const float *weight, size_t outputs, size_t inputs,
                                struct umbel_winograd_tile tile, enum umbel_unit unit) {
#define TRANSFORM(rows, columns, unit) transform_weights(panel, point_stride, weight, outputs, inputs, rows, columns, unit)
    if (unit == UMBEL_PAIRS) FOR_EDGES(tile, TRANSFORM, UMBEL_PAIRS);
    else FOR_EDGES(tile, TRANSFORM, UMBEL_NUMBERS);
#undef TRANSFORM
}

INLINE void transform_products(float *out, const float *products, size_t point_stride, size_t channels,
                               const struct umbel_winograd *w, size_t first, size_t tiles, const float *bias,
                               const float *residual, int rows, int columns) {
    for (size_t t = 0; t < tiles; t++) {
        const struct corner corner = corner_of(w, first + t);
        const float *const place = products + t * channels;
        for (size_t c = 0; c < channels; c += LANES) {
            const size_t left = channels - c;
            vf across[LARGEST_EDGE][LARGEST_EDGE - 2], down[LARGEST_EDGE], sums[LARGEST_EDGE - 2];
            UNROLLED for (int i = 0; i < rows; i++) {
                vf p[LARGEST_EDGE];
                UNROLLED for (int j = 0; j < columns; j++) p[j] = load_part(place + (i * columns + j) * point_stride + c, left);
                results(across[i], p, columns);
            }
            const vf start = bias ? load_part(bias + c, left) : 0;
            UNROLLED for (int j = 0; j < columns - 2; j++) {
                UNROLLED for (int i = 0; i < rows; i++) down[i] = across[i][j];
                results(sums, down, rows);
                UNROLLED for (int i = 0; i < rows - 2; i++) {
                    const size_t row = corner.row + i, column = corner.column + j;
                    if (row >= w->out_height || column >= w->out_width) continue;
                    const size_t at = (row * w->out_width + column) * channels + c;
                    const vf before = residual ? start + load_part(residual + at, left) : start;
                    store_part(out + at, sums[i] + before, left);
                }
            }
        }
    }
}

static void set_winograd_output(float *out, const float *products, size_t point_stride, size_t channels,
                                const struct umbel_winograd *shape, size_t first, size_t tiles, const float *bias,
                                const float *residual) {
#define TRANSFORM(rows, columns, _) \
    transform_products(out, products, point_stride, channels, shape, first, tiles, bias, residual, rows, columns)
    FOR_EDGES(shape->tile, TRANSFORM, );
#undef TRANSFORM
}
