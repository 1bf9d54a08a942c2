// Products with the weight itself: its projection, and the sum of a product and a projection added while the rows that were
// projected are still in cache.

enum { PROJECTED_LINES = UMBEL_PROJECTED_LINES };

// Adds some inputs of `count` lines to their projections. A line is what one kernel position has of a row; from one to the
// next it is `next` numbers, and `step` from one input to the next. As many as the CPU can work on at a time, and addresses
// that differ by constants: with a pointer for each there are not enough registers.
INLINE void project_lines(float *out, const float *x, size_t next, size_t step, int count, const float *right, size_t stride,
                          size_t inputs) {
    for (size_t column = 0; column < stride; column += LANES) {
        vf sum[PROJECTED_LINES];
        UNROLLED for (int l = 0; l < count; l++) sum[l] = load_f32(out + l * stride + column);
        const float *across = right + column, *factor = x;
        for (size_t i = 0; i < inputs; i++, across += stride, factor += step) {
            const vf factors = load_f32(across);
            UNROLLED for (int l = 0; l < count; l++) {
                sum[l] = __builtin_elementwise_fma((vf)factor[l * next], factors, sum[l]);
            }
        }
        UNROLLED for (int l = 0; l < count; l++) store_f32(out + l * stride + column, sum[l]);
    }
}

// The same of any number of lines.
INLINE void project_all(float *out, const float *x, size_t next, size_t step, size_t lines, const float *right,
                        size_t stride, size_t inputs) {
    size_t first = 0;
#define LINES(COUNT)                                                                                                     \
    for (; first + COUNT <= lines; first += COUNT) {                                                                     \
        project_lines(out + first * stride, x + first * next, next, step, COUNT, right, stride, inputs);                 \
    }
    LINES(PROJECTED_LINES)
    LINES(9)
    LINES(3)
    LINES(1)
#undef LINES
}

// The projection of a block of rows as the left side of a product that changes with the column: line k of a row has a number
// for each kernel position, which repeat until a register can be read from any of them.
struct lines {
    const float *start;
    size_t inner, length;
};

INLINE size_t common_divisor(size_t a, size_t b) {
    while (b) {
        const size_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

INLINE void write_lines(float *out, const float *projected, size_t rows, const struct umbel_projection *projection) {
    const size_t kernel = projection->kernel, length = kernel + UMBEL_LINE_MARGIN, stride = projection->right_stride;
    for (size_t r = 0; r < rows; r++, projected += kernel * stride) {
        for (size_t k = 0; k < projection->inner; k++, out += length) {
            for (size_t i = 0; i < kernel; i++) out[i] = projected[i * stride + k];
            for (size_t i = kernel; i < length; i++) out[i] = out[i - kernel];
        }
    }
}

// `vectors` registers of rows of the product with such lines, `apart` columns from each other: so far that all of them begin
// at the same kernel position, and need the same numbers of a line.
INLINE void line_sums(float *out, size_t stride, struct lines lines, size_t position, const float *const *across, int rows,
                      int vectors, size_t apart) {
    vf sum[BLOCK_ROWS][BLOCK_VECTORS];
    for (int r = 0; r < rows; r++) {
        for (int v = 0; v < vectors; v++) sum[r][v] = 0;
    }
    const float *line = lines.start + position;
    for (size_t k = 0; k < lines.inner; k++, line += lines.length) {
        vf right[BLOCK_VECTORS];
        for (int v = 0; v < vectors; v++) right[v] = load_f32(across[v] + k * PANEL);
        for (int r = 0; r < rows; r++) {
            const vf left = load_f32(line + r * lines.inner * lines.length);
            for (int v = 0; v < vectors; v++) sum[r][v] = __builtin_elementwise_fma(left, right[v], sum[r][v]);
        }
    }
    UNROLLED for (int r = 0; r < rows; r++) {
        for (int v = 0; v < vectors; v++) store_f32(out + r * stride + v * apart, sum[r][v]);
    }
}

// Columns `begin` to `end` of the product, as whole registers; they begin at the first kernel position.
INLINE void spread_lines(float *out, size_t stride, struct lines lines, const float *panels, size_t begin, size_t end,
                         size_t kernel, size_t apart, int rows) {
    for (size_t offset = 0; offset < apart; offset += LANES) {
        size_t column = begin + offset;
        while (column < end) {
            const float *across[BLOCK_VECTORS];
            int vectors = 0;
            for (size_t at = column; at < end && vectors < BLOCK_VECTORS; at += apart) {
                across[vectors++] = panels + at / PANEL * PANEL * lines.inner + at % PANEL;
            }
            float *const place = out + column - begin;
            if (vectors == BLOCK_VECTORS) {
                line_sums(place, stride, lines, offset % kernel, across, rows, BLOCK_VECTORS, apart);
            } else {
                for (int v = 0; v < vectors; v++) {
                    line_sums(place + v * apart, stride, lines, offset % kernel, across + v, rows, 1, apart);
                }
            }
            column += vectors * apart;
        }
    }
}

// A block of rows: what was projected and is added comes from first-level cache, some columns at a time.
static int generalise_rows(const struct umbel_tile *tile, const struct umbel_product *sum, struct lines lines,
                           const struct umbel_projection *projection, float scale, float *spread, int streaming) {
    const size_t kernel = projection->kernel, width = umbel_spread_columns(kernel);
    const size_t apart = kernel / common_divisor(kernel, LANES) * LANES;
    int fits = 1;
    for (size_t begin = 0; begin < tile->columns; begin += width) {
        const size_t end = begin + width < tile->columns ? begin + width : tile->columns;
        if (tile->rows == BLOCK_ROWS) {
            spread_lines(spread, width, lines, projection->panels, begin, end, kernel, apart, BLOCK_ROWS);
        } else {
            for (size_t row = 0; row < tile->rows; row++) {
                struct lines of_row = lines;
                of_row.start += row * lines.inner * lines.length;
                spread_lines(spread + row * width, width, of_row, projection->panels, begin, end, kernel, apart, 1);
            }
        }
        struct umbel_tile part = *tile;
        part.in = (const char *)tile->in + begin * format_bytes(tile->in_format);
        part.out = (char *)tile->out + begin * format_bytes(tile->out_format);
        part.columns = end - begin;
        struct umbel_product first = *sum;
        first.panels += begin * first.inner;
        const struct umbel_product second = {spread, width, NULL, 0};
        fits &= merge_products((struct merging){part, first, second, PLUS_STORED, scale, streaming, NULL});
    }
    return fits;
}

// Asks for the columns of each row that come after these.
INLINE void prefetch_columns(const struct umbel_tile *part, size_t left) {
    const size_t bytes = format_bytes(part->in_format), next = part->columns < left ? part->columns : left;
    const char *x = (const char *)part->in + bytes * part->columns;
    for (size_t row = 0; row < part->rows; row++, x += bytes * part->in_stride) {
        for (size_t line = 0; line < bytes * next; line += 64) __builtin_prefetch(x + line, 0, 3);
    }
}

// The rows of a tile widened and projected, so many columns at a time that they stay in the first-level cache.
INLINE void project_rows(const struct umbel_tile *tile, const struct umbel_projection *projection, float *projected,
                         float *wide) {
    const size_t kernel = projection->kernel, stride = projection->right_stride;
    const size_t width = umbel_projected_columns(kernel);
    memset(projected, 0, tile->rows * kernel * stride * sizeof(float));
    for (size_t column = 0; column < tile->columns; column += width) {
        struct umbel_tile part = *tile;
        part.in = (const char *)tile->in + column * format_bytes(tile->in_format);
        part.out = wide;
        part.columns = tile->columns - column < width ? tile->columns - column : width;
        part.out_format = UMBEL_F32;
        part.out_stride = width;
        part.past_caches = 0;
        set_convert(&part);
        prefetch_columns(&part, tile->columns - column - part.columns);
        const float *const right = projection->right + column / kernel * stride;
        const size_t inputs = part.columns / kernel;
        if (kernel == 1) {
            project_all(projected, wide, umbel_projected_columns(1), 1, tile->rows, right, stride, inputs);
        } else {
            for (size_t row = 0; row < tile->rows; row++) {
                project_all(projected + row * kernel * stride, wide + row * width, 1, kernel, kernel, right, stride, inputs);
            }
        }
    }
}

// A few rows at a time, which are read again where they lie to add the result.
static int set_merge_generalised(const struct umbel_tile *tile, const struct umbel_product *sum,
                                 const struct umbel_projection *projection, float scale, float *scratch) {
    const size_t kernel = projection->kernel, stride = projection->right_stride;
    const size_t step = kernel == 1 ? PROJECTED_LINES : BLOCK_ROWS;
    float *const wide = scratch, *const projected = wide + step * umbel_projected_columns(kernel);
    float *const line = projected + step * kernel * stride;
    float *const spread = line + BLOCK_ROWS * projection->inner * (kernel + UMBEL_LINE_MARGIN);
    const int streaming = streams(tile);
    int fits = 1;
    for (size_t row = 0; row < tile->rows; row += step) {
        struct umbel_tile part = *tile;
        part.rows = tile->rows - row < step ? tile->rows - row : step;
        part.in = (const char *)tile->in + row * tile->in_stride * format_bytes(tile->in_format);
        part.out = (char *)tile->out + row * tile->out_stride * format_bytes(tile->out_format);
        project_rows(&part, projection, projected, wide);
        const struct umbel_product first = {sum->left + row * sum->left_stride, sum->left_stride, sum->panels, sum->inner};
        if (kernel == 1) {
            const struct umbel_product second = {projected, stride, projection->panels, projection->inner};
            fits &= merge_products((struct merging){part, first, second, PLUS_SECOND, scale, streaming, NULL});
        } else {
            write_lines(line, projected, part.rows, projection);
            const struct lines lines = {line, projection->inner, kernel + UMBEL_LINE_MARGIN};
            fits &= generalise_rows(&part, &first, lines, projection, scale, spread, streaming);
        }
    }
    finish_streaming(streaming);
    return fits;
}
