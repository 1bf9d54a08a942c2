// Products with the weight itself: its projection, and the sum of a product and a projection added while the rows that were
// projected are still in cache.

enum { PROJECTED_LINES = UMBEL_PROJECTED_LINES };

// A line is what one kernel position has of a row. `count` of them at a time, so that as many sums are under way as the CPU
// can work on; lines beyond the last are that one again, and not stored.
INLINE void project_lines(float *out, const float *x, size_t x_stride, size_t first, size_t lines, int count,
                          const struct umbel_projection *projection, size_t inner) {
    const size_t kernel = projection->kernel, stride = projection->right_stride;
    const float *line[PROJECTED_LINES];
    for (int l = 0; l < count; l++) {
        const size_t index = first + l < lines ? first + l : lines - 1;
        line[l] = x + index / kernel * x_stride + index % kernel;
    }
    for (size_t column = 0; column < stride; column += LANES) {
        vf sum[PROJECTED_LINES] = {0};
        const float *across = projection->right + column;
        for (size_t i = 0; i < inner * kernel; i += kernel, across += stride) {
            const vf factors = load_f32(across);
            UNROLLED for (int l = 0; l < count; l++) {
                const vf factor = line[l][i];
                sum[l] = __builtin_elementwise_fma(factor, factors, sum[l]);
            }
        }
        UNROLLED for (int l = 0; l < count; l++) {
            if (first + l < lines) store_f32(out + (first + l) * stride + column, sum[l]);
        }
    }
}

static void set_project(float *out, const float *x, size_t x_stride, size_t rows,
                        const struct umbel_projection *projection, size_t inner) {
    const size_t lines = rows * projection->kernel;
#define LINES(COUNT)                                                                                                     \
    for (size_t first = 0; first < lines; first += COUNT) {                                                              \
        project_lines(out, x, x_stride, first, lines, COUNT, projection, inner);                                         \
    }
    // A 3 × 3 kernel has nine to a row, and the last rows of a tile may be few.
    if (projection->kernel == 9) {
        LINES(9)
    } else if (lines <= PROJECTED_LINES / 2) {
        LINES(PROJECTED_LINES / 2)
    } else {
        LINES(PROJECTED_LINES)
    }
#undef LINES
}

// The projection of a block of rows as the left side of a product that changes with the column: line k of a row has a number
// for each kernel position, which repeat until a register can be read from any of them.
struct lines {
    const float *start;
    size_t inner, length;
};

INLINE void write_lines(float *out, const float *projected, size_t rows, const struct umbel_projection *projection) {
    const size_t kernel = projection->kernel, length = kernel + UMBEL_LINE_MARGIN, stride = projection->right_stride;
    for (size_t r = 0; r < rows; r++, projected += kernel * stride) {
        for (size_t k = 0; k < projection->inner; k++, out += length) {
            for (size_t i = 0; i < kernel; i++) out[i] = projected[i * stride + k];
            for (size_t i = kernel; i < length; i++) out[i] = out[i - kernel];
        }
    }
}

// A block of the product with such lines, whose registers begin at kernel position begin[v].
INLINE void line_sums(vf sum[BLOCK_ROWS][BLOCK_VECTORS], int rows, int vectors, struct lines lines, const size_t *begin,
                      struct input right) {
    for (int r = 0; r < rows; r++) {
        for (int v = 0; v < vectors; v++) sum[r][v] = 0;
    }
    for (size_t k = 0; k < lines.inner; k++) {
        vf across[BLOCK_VECTORS];
        for (int v = 0; v < vectors; v++) across[v] = load_f32(right.start + k * right.stride + v * LANES);
        for (int r = 0; r < rows; r++) {
            const float *const line = lines.start + (r * lines.inner + k) * lines.length;
            for (int v = 0; v < vectors; v++) {
                sum[r][v] = __builtin_elementwise_fma(load_f32(line + begin[v]), across[v], sum[r][v]);
            }
        }
    }
}

struct generalising {
    struct umbel_tile tile;
    struct umbel_product sum;
    struct lines lines;
    const float *panels;
    float scale;
    int streaming;
};

static __attribute__((noinline)) void generalise_again(const struct generalising *merging, size_t column, const size_t *begin,
                                                       int rows, vu *largest);

INLINE void generalised_block(struct generalising merging, size_t row, size_t column, const size_t *begin, int rows,
                              enum umbel_float_format in, enum umbel_float_format out, int convert, vu *largest) {
    enum { VECTORS = BLOCK_VECTORS / 2 };
    const struct umbel_tile tile = merging.tile;
    const struct umbel_product first = merging.sum;
    struct lines lines = merging.lines;
    lines.start += row * lines.inner * lines.length;
    vf sum[BLOCK_ROWS][BLOCK_VECTORS], other[BLOCK_ROWS][BLOCK_VECTORS];
    const size_t count = tile.columns - column, panel = column / PANEL * PANEL, inside = column % PANEL;
    block_sums(sum, rows, VECTORS, (struct input){first.left + row * first.left_stride, first.left_stride},
               (struct input){first.panels + panel * first.inner + inside, PANEL}, first.inner);
    line_sums(other, rows, VECTORS, lines, begin, (struct input){merging.panels + panel * lines.inner + inside, PANEL});
    const vf factor = merging.scale;
    struct converted converted;
    nothing_converted(&converted);
    UNROLLED for (int r = 0; r < rows; r++) {
        const char *const x = (const char *)tile.in + (row + r) * tile.in_stride * format_bytes(in);
        char *const place = (char *)tile.out + (row + r) * tile.out_stride * format_bytes(out);
        vf y[BLOCK_VECTORS];
        load_part(y, VECTORS, x, column, count, in);
        for (int v = 0; v < VECTORS; v++) y[v] = __builtin_elementwise_fma(factor, sum[r][v] + other[r][v], y[v]);
        if (convert) {
            convert_row(&converted, r, y, VECTORS);
        } else {
            store_row(place, column, count, y, VECTORS, out, merging.streaming, largest);
        }
    }
    if (!convert) return;
    char *const place = (char *)tile.out + row * tile.out_stride * format_bytes(out) + 2 * column;
    store_converted(place, 2 * tile.out_stride, &converted, rows, VECTORS, merging.streaming);
    if (!all_ordinary(&converted)) {
        const struct generalising kept = merging;
        generalise_again(&kept, column, begin, rows, largest);
    }
}

// Rows from the tile's first on, on their way to bf16 without the CPU's own rounding.
static __attribute__((noinline)) void generalise_again(const struct generalising *merging, size_t column, const size_t *begin,
                                                       int rows, vu *largest) {
    for (int row = 0; row < rows; row++) {
        generalised_block(*merging, row, column, begin, 1, merging->tile.in_format, UMBEL_BF16, 0, largest);
    }
}

// At most a block of rows.
INLINE int generalise_rows(struct generalising merging, size_t kernel, enum umbel_float_format in,
                           enum umbel_float_format out, int converts) {
    enum { VECTORS = BLOCK_VECTORS / 2 };
    const struct umbel_tile tile = merging.tile;
    const size_t width = (size_t)VECTORS * LANES, step = width % kernel;
    size_t begin[VECTORS];
    for (int v = 0; v < VECTORS; v++) begin[v] = (size_t)v * LANES % kernel;
    vu largest = 0;
    for (size_t column = 0; column < tile.columns; column += width) {
        const int convert = converts && VECTORS % 2 == 0 && tile.columns - column >= width;
        if (tile.rows == BLOCK_ROWS) {
            generalised_block(merging, 0, column, begin, BLOCK_ROWS, in, out, convert, &largest);
        } else {
            for (size_t row = 0; row < tile.rows; row++) {
                generalised_block(merging, row, column, begin, 1, in, out, 0, &largest);
            }
        }
        for (int v = 0; v < VECTORS; v++) {
            begin[v] += step;
            if (begin[v] >= kernel) begin[v] -= kernel;
        }
    }
    finish_streaming(merging.streaming);
    return is_below(largest, tile.limit);
}

static int generalise_in_formats(struct generalising merging, size_t kernel) {
    const struct umbel_tile tile = merging.tile;
#define FORMATS(IN, OUT)                                                                                                 \
    if (tile.in_format == IN && tile.out_format == OUT) return generalise_rows(merging, kernel, IN, OUT, 0);
    if (tile.in_format == UMBEL_BF16 && converts(&tile)) return generalise_rows(merging, kernel, UMBEL_BF16, UMBEL_BF16, 1);
    if (tile.in_format == UMBEL_F32 && converts(&tile)) return generalise_rows(merging, kernel, UMBEL_F32, UMBEL_BF16, 1);
    FORMATS(UMBEL_F32, UMBEL_BF16)
    FORMATS(UMBEL_F32, UMBEL_F16)
    FORMATS(UMBEL_BF16, UMBEL_BF16)
    FORMATS(UMBEL_F16, UMBEL_F16)
    FORMATS(UMBEL_F32, UMBEL_F32)
#undef FORMATS
    return generalise_rows(merging, kernel, tile.in_format, tile.out_format, 0);
}

// Rows from `row` on widened and projected, as many at a time as there are lines to work on.
INLINE void project_rows(const struct umbel_tile *tile, size_t row, size_t rows, const struct umbel_projection *projection,
                         float *projected, float *wide) {
    const size_t step = umbel_projected_rows(projection->kernel);
    for (size_t begin = 0; begin < rows; begin += step) {
        struct umbel_tile part = *tile;
        part.in = (const char *)tile->in + (row + begin) * tile->in_stride * format_bytes(tile->in_format);
        part.rows = rows - begin < step ? rows - begin : step;
        part.out = wide;
        part.out_format = UMBEL_F32;
        part.out_stride = tile->columns;
        part.past_caches = 0;
        set_convert(&part);
        set_project(projected + begin * projection->kernel * projection->right_stride, wide, tile->columns, part.rows,
                    projection, tile->columns / projection->kernel);
    }
}

// A few rows at a time, which are read again where they lie to add the result.
static int set_merge_generalised(const struct umbel_tile *tile, const struct umbel_product *sum,
                                 const struct umbel_projection *projection, float scale, float *scratch) {
    const size_t kernel = projection->kernel, stride = projection->right_stride;
    const size_t step = kernel == 1 ? PROJECTED_LINES : BLOCK_ROWS;
    float *const wide = scratch, *const projected = wide + umbel_projected_rows(kernel) * tile->columns;
    float *const line = projected + step * kernel * stride;
    int fits = 1;
    for (size_t row = 0; row < tile->rows; row += step) {
        struct umbel_tile part = *tile;
        part.rows = tile->rows - row < step ? tile->rows - row : step;
        part.in = (const char *)tile->in + row * tile->in_stride * format_bytes(tile->in_format);
        part.out = (char *)tile->out + row * tile->out_stride * format_bytes(tile->out_format);
        project_rows(tile, row, part.rows, projection, projected, wide);
        const struct umbel_product first = {sum->left + row * sum->left_stride, sum->left_stride, sum->panels, sum->inner};
        if (kernel == 1) {
            const struct umbel_product second = {projected, stride, projection->panels, projection->inner};
            fits &= merge_products((struct merging){part, first, second, PLUS_SECOND, scale, streams(tile), NULL});
        } else {
            write_lines(line, projected, part.rows, projection);
            fits &= generalise_in_formats(
                (struct generalising){part, first, {line, projection->inner, kernel + UMBEL_LINE_MARGIN},
                                      projection->panels, scale, streams(tile)},
                kernel);
        }
    }
    return fits;
}
