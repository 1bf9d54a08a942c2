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

// Bᵀd: `edge` inputs to as many points. What Toom and Cook divide by is divided by here: an adapter's weights are transformed at
// each use, and for few tiles that takes longer.
INLINE void input_points(vf *out, const vf *d, int edge) {
    if (edge == 4) {
        const vf half = d[2] * 0.5f;
        out[0] = d[0] - d[2];
        out[1] = multiply_add(d[1], 0.5f, half);
        out[2] = multiply_add(d[1], -0.5f, half);
        out[3] = d[3] - d[1];
        return;
    }
    const float near = 0.5f / (NEAR_SQUARE * (NEAR_SQUARE - FAR_SQUARE)), far = 0.5f / (FAR_SQUARE * (FAR_SQUARE - NEAR_SQUARE));
    const float product = NEAR_SQUARE * FAR_SQUARE, sum = NEAR_SQUARE + FAR_SQUARE;
    const vf near_even = multiply_add(d[2], -FAR_SQUARE * near, d[4] * near), near_odd = multiply_add(d[1], -FAR_SQUARE, d[3]);
    const vf far_even = multiply_add(d[2], -NEAR_SQUARE * far, d[4] * far), far_odd = multiply_add(d[1], -NEAR_SQUARE, d[3]);
    out[0] = multiply_add(d[2], -sum / product, multiply_add(d[4], 1 / product, d[0]));
    out[1] = multiply_add(near_odd, NEAR_POINT * near, near_even);
    out[2] = multiply_add(near_odd, -NEAR_POINT * near, near_even);
    out[3] = multiply_add(far_odd, FAR_POINT * far, far_even);
    out[4] = multiply_add(far_odd, -FAR_POINT * far, far_even);
    out[5] = multiply_add(d[1], product, multiply_add(d[3], -sum, d[5]));
}

// Gg: three weights to `edge` points.
INLINE void weight_points(vf *out, const vf *g, int edge) {
    out[0] = g[0];
    out[edge - 1] = g[2];
    if (edge == 4) {
        const vf even = g[0] + g[2];
        out[1] = even + g[1];
        out[2] = even - g[1];
        return;
    }
    const vf near_even = multiply_add(g[2], NEAR_SQUARE, g[0]), far_even = multiply_add(g[2], FAR_SQUARE, g[0]);
    out[1] = multiply_add(g[1], NEAR_POINT, near_even);
    out[2] = multiply_add(g[1], -NEAR_POINT, near_even);
    out[3] = multiply_add(g[1], FAR_POINT, far_even);
    out[4] = multiply_add(g[1], -FAR_POINT, far_even);
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

// One column of the points of some outputs' weights for one input. What two columns share is computed once, if both are asked for.
INLINE void weights_at_column(vf *points, const vf g[9], int column, int rows, int columns) {
    vf down[3];
    UNROLLED for (int r = 0; r < 3; r++) {
        vf across[LARGEST_EDGE];
        weight_points(across, g + 3 * r, columns);
        down[r] = across[column];
    }
    weight_points(points, down, rows);
}

// Words of each of LANES outputs that are turned over together: the weights of LANES inputs in f32, of twice as many in 16 bits.
enum { TURNED_WEIGHTS = 9 * LANES };

// `bytes` of each of `outputs` rows, `stride` bytes from one to the next, as words with the outputs across; the rest is zeros.
INLINE void turn_weights(vu words[TURNED_WEIGHTS], const char *rows, size_t stride, size_t outputs, size_t bytes) {
    for (size_t w = 0; w < TURNED_WEIGHTS; w += LANES) {
        const size_t before = w * sizeof(uint32_t);
        vu square[LANES], padded[LANES];
        const char *from = rows + before;
        size_t step = stride;
        if (outputs < LANES || before + sizeof *words > bytes) {
            const size_t left = bytes > before ? bytes - before : 0;
            memset(padded, 0, sizeof padded);
            for (size_t o = 0; o < outputs && o < LANES; o++) {
                memcpy(&padded[o], from + o * stride, left < sizeof *words ? left : sizeof *words);
            }
            from = (const char *)padded;
            step = sizeof *padded;
        }
        UNROLLED for (size_t o = 0; o < LANES; o++) {
            square[o] = (vu)load(from + o * step);
            __builtin_prefetch(rows + before + o * stride + TURNED_WEIGHTS * sizeof(uint32_t), 0, 2);
        }
        turn_square(square);
        UNROLLED for (size_t o = 0; o < LANES; o++) words[w + o] = square[o];
    }
}

// The weights of the first or second of two inputs.
INLINE void weights_of(vf g[9], const vu *words, int second, enum umbel_float_format format) {
    UNROLLED for (int p = 0; p < 9; p++) {
        const int number = 9 * second + p;
        g[p] = format == UMBEL_F32 ? (vf)words[number] : number_of(words[number / 2], number % 2, format);
    }
}

// Two inputs' weights at all points, stored column after column: all of them at once would be more than there are registers.
INLINE void transform_two(uint32_t *out, size_t point_stride, const vu *words, int has_second, int rows, int columns,
                          enum umbel_float_format format, enum umbel_unit unit) {
    vf g[2][9], points[2][LARGEST_EDGE];
    UNROLLED for (int second = 0; second < 2; second++) weights_of(g[second], words, second, format);
    UNROLLED for (int j = 0; j < columns; j++) {
        UNROLLED for (int second = 0; second < 2; second++) weights_at_column(points[second], g[second], j, rows, columns);
        UNROLLED for (int i = 0; i < rows; i++) {
            uint32_t *const point = out + (i * columns + j) * point_stride;
            if (unit == UMBEL_PAIRS) {
                store(point, (vf)pair_of(points[0][i], points[1][i]));
                continue;
            }
            store(point, points[0][i]);
            if (has_second) store(point + UMBEL_WEIGHT_COLUMNS, points[1][i]);
        }
    }
}

INLINE void transform_turned(uint32_t *out, size_t point_stride, const vu *words, size_t inputs, int rows, int columns,
                             enum umbel_float_format format, enum umbel_unit unit) {
    for (size_t i = 0; i < inputs; i += 2) {
        transform_two(out, point_stride, words, i + 1 < inputs, rows, columns, format, unit);
        words += format == UMBEL_F32 ? 18 : 9;
        out += unit == UMBEL_PAIRS ? UMBEL_WEIGHT_COLUMNS : 2 * UMBEL_WEIGHT_COLUMNS;
    }
}

INLINE void transform_weights(uint32_t *panel, size_t point_stride, const struct umbel_winograd_weights *weights, int rows,
                              int columns, enum umbel_unit unit) {
    const size_t size = weights->format == UMBEL_F32 ? 4 : 2, together = LANES * 4 / size;
    vu words[TURNED_WEIGHTS];
    for (size_t input = 0; input < weights->inputs; input += together) {
        const size_t count = weights->inputs - input < together ? weights->inputs - input : together;
        uint32_t *const out = panel + input / (unit == UMBEL_PAIRS ? 2 : 1) * UMBEL_WEIGHT_COLUMNS;
        for (size_t o = 0; o < UMBEL_WEIGHT_COLUMNS; o += LANES) {
            const size_t skipped = o < weights->outputs ? o : weights->outputs;
            const char *const start = (const char *)weights->start + (skipped * weights->stride + 9 * input) * size;
            turn_weights(words, start, weights->stride * size, weights->outputs - skipped, 9 * count * size);
            switch (weights->format) {
            case UMBEL_BF16: transform_turned(out + o, point_stride, words, count, rows, columns, UMBEL_BF16, unit); break;
            case UMBEL_F16: transform_turned(out + o, point_stride, words, count, rows, columns, UMBEL_F16, unit); break;
            default: transform_turned(out + o, point_stride, words, count, rows, columns, UMBEL_F32, unit);
            }
        }
    }
}

static void set_winograd_weight(void *panel, size_t point_stride, const struct umbel_winograd_weights *weights,
                                enum umbel_unit unit) {
#define TRANSFORM(rows, columns, unit) transform_weights(panel, point_stride, weights, rows, columns, unit)
    if (unit == UMBEL_PAIRS) FOR_EDGES(weights->tile, TRANSFORM, UMBEL_PAIRS);
    else FOR_EDGES(weights->tile, TRANSFORM, UMBEL_NUMBERS);
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
