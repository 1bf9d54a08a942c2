// Products with the weight itself: its projection, and the sum of a product and a projection added while the rows that were
// projected are still in cache.

INLINE size_t common_divisor(size_t a, size_t b) {
    while (b) {
        const size_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

// Projections turned over to be the left side of a product, one row behind the other.
INLINE void write_rows(float *out, size_t stride, const float *sums, const struct projecting *projecting) {
    const size_t vectors = projecting->vectors, inner = projecting->projection->inner;
    for (size_t v = 0; v < vectors; v++) {
        for (size_t first = 0; first < inner; first += LANES) {
            vu x[LANES];
            UNROLLED for (size_t k = 0; k < LANES; k++) {
                const size_t column = first + k < inner ? first + k : inner - 1;
                x[k] = (vu)load_f32(sums + (column * vectors + v) * LANES);
            }
            exchange(x);
            UNROLLED for (size_t r = 0; r < LANES; r++) store_f32(out + (v * LANES + r) * stride + first, (vf)x[r]);
        }
    }
}

// The projection of a block of rows as the left side of a product that changes with the column: line k of a row has a number
// for each kernel position. Where a register holds all of them and the CPU can put them into any order, that is all; else
// they repeat until a register can be read from any of them.
struct lines {
    const float *start;
    size_t inner, length;
};

INLINE size_t line_length(size_t kernel) { return kernel <= ORDERED_LANES ? LANES : umbel_line_length(kernel); }

INLINE void write_lines(float *out, const float *sums, const struct projecting *projecting) {
    const size_t kernel = projecting->projection->kernel, inner = projecting->projection->inner;
    const size_t length = line_length(kernel), rows = row_vectors(&projecting->tile);
    for (size_t v = 0; v < rows; v++, out += LANES * inner * length) {
        for (size_t k = 0; k < inner; k++) {
            const float *const column = sums + (k * projecting->vectors + v) * LANES;
            size_t position = 0;
            for (size_t first = 0; first < length; first += LANES) {
                vu x[LANES];
                UNROLLED for (int t = 0; t < LANES; t++) {
                    x[t] = (vu)load_f32(column + position * rows * LANES);
                    if (++position == kernel) position = 0;
                }
                exchange(x);
                UNROLLED for (size_t r = 0; r < LANES; r++) store_f32(out + (r * inner + k) * length + first, (vf)x[r]);
            }
        }
    }
}

// The kernel positions of consecutive columns, the first at `position`.
INLINE vu kernel_positions(size_t position, size_t kernel) {
    vu positions;
    UNROLLED for (int lane = 0; lane < LANES; lane++) positions[lane] = lane;
    positions += (uint32_t)position;
    for (size_t largest = position + LANES - 1; largest >= kernel; largest -= kernel) {
        positions -= (vu)(positions >= (uint32_t)kernel) & (uint32_t)kernel;
    }
    return positions;
}

// Adds terms `begin` to `end` of `vectors` registers of rows of the product with such lines, `apart` columns from each other:
// so far that all of them begin at the same kernel position, and need the same numbers of a line.
INLINE void line_sums(float *out, size_t stride, struct lines lines, size_t position, const float *const *across, int rows,
                      int vectors, size_t apart, size_t begin, size_t end, size_t kernel, int ordered) {
    vf sum[BLOCK_ROWS][BLOCK_VECTORS];
    for (int r = 0; r < rows; r++) {
        for (int v = 0; v < vectors; v++) sum[r][v] = begin == 0 ? (vf)0 : load_f32(out + r * stride + v * apart);
    }
    const vu order = kernel_positions(position, kernel);
    const float *line = lines.start + begin * lines.length + (ordered ? 0 : position);
    for (size_t k = begin; k < end; k++, line += lines.length) {
        vf right[BLOCK_VECTORS];
        for (int v = 0; v < vectors; v++) right[v] = load_f32(across[v] + k * PANEL);
        for (int r = 0; r < rows; r++) {
            vf left = load_f32(line + r * lines.inner * lines.length);
            if (ordered) left = in_order(left, order);
            for (int v = 0; v < vectors; v++) sum[r][v] = __builtin_elementwise_fma(left, right[v], sum[r][v]);
        }
    }
    UNROLLED for (int r = 0; r < rows; r++) {
        for (int v = 0; v < vectors; v++) store_f32(out + r * stride + v * apart, sum[r][v]);
    }
}

// Lines of so many terms stay in the first-level cache while they meet all columns.
enum { KEPT_TERMS = 16 };

// Some terms of columns `begin` to `end` of the product, as whole registers; they begin at the first kernel position.
INLINE void spread_terms(float *out, size_t stride, struct lines lines, const float *panels, size_t begin, size_t end,
                         size_t kernel, size_t apart, int rows, size_t first, size_t last, int ordered) {
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
                line_sums(place, stride, lines, offset % kernel, across, rows, BLOCK_VECTORS, apart, first,
                          last, kernel, ordered);
            } else {
                for (int v = 0; v < vectors; v++) {
                    line_sums(place + v * apart, stride, lines, offset % kernel, across + v, rows, 1, apart, first,
                              last, kernel, ordered);
                }
            }
            column += vectors * apart;
        }
    }
}

// All terms.
INLINE void spread_lines(float *out, size_t stride, struct lines lines, const float *panels, size_t begin, size_t end,
                         size_t kernel, size_t apart, int rows) {
    size_t first = 0;
    do {
        const size_t last = lines.inner - first < KEPT_TERMS ? lines.inner : first + KEPT_TERMS;
        if (kernel <= ORDERED_LANES) {
            spread_terms(out, stride, lines, panels, begin, end, kernel, apart, rows, first, last, 1);
        } else {
            spread_terms(out, stride, lines, panels, begin, end, kernel, apart, rows, first, last, 0);
        }
        first = last;
    } while (first < lines.inner);
}

// The product with lines, for all rows of a tile.
INLINE void spread_rows(float *spread, size_t stride, const struct umbel_tile *tile, struct lines lines,
                        const struct umbel_projection *projection, size_t begin) {
    const size_t kernel = projection->kernel, end = begin + tile->columns;
    const size_t apart = kernel / common_divisor(kernel, LANES) * LANES;
    size_t row = 0;
#define ROWS(COUNT)                                                                                                          for (; row + COUNT <= tile->rows; row += COUNT) {                                                                            const struct lines of_rows = {lines.start + row * lines.inner * lines.length, lines.inner, lines.length};                spread_lines(spread + row * stride, stride, of_rows, projection->panels, begin, end, kernel, apart, COUNT);          }
    ROWS(BLOCK_ROWS)
    ROWS(4)
    ROWS(1)
#undef ROWS
}

// Some rows: what was projected and is added comes from first-level cache, some columns and some rows at a time. The factors
// of these columns serve all rows before those of others are read.
static int generalise_rows(const struct umbel_tile *tile, const struct umbel_product *sum, struct lines lines,
                           const struct umbel_projection *projection, float scale, float *spread, int streaming) {
    const size_t width = umbel_spread_columns(projection->kernel);
    int fits = 1;
    for (size_t begin = 0; begin < tile->columns; begin += width) {
        for (size_t row = 0; row < tile->rows; row += BLOCK_ROWS) {
            struct umbel_tile part = *tile;
            part.rows = tile->rows - row < BLOCK_ROWS ? tile->rows - row : BLOCK_ROWS;
            part.columns = tile->columns - begin < width ? tile->columns - begin : width;
            part.in = (const char *)tile->in + (row * tile->in_stride + begin) * format_bytes(tile->in_format);
            part.out = (char *)tile->out + (row * tile->out_stride + begin) * format_bytes(tile->out_format);
            struct lines of_rows = lines;
            of_rows.start += row * lines.inner * lines.length;
            spread_rows(spread, width, &part, of_rows, projection, begin);
            const struct umbel_product first = {sum->left + row * sum->left_stride, sum->left_stride,
                                                sum->panels + begin * sum->inner, sum->inner};
            const struct umbel_product second = {spread, width, NULL, 0};
            fits &= merge_products((struct merging){part, first, second, PLUS_STORED, scale, streaming, NULL});
        }
    }
    return fits;
}

// A few rows at a time, which are read again where they lie to add the result.
static int set_merge_generalised(const struct umbel_tile *tile, const struct umbel_product *sum,
                                 const struct umbel_projection *projection, float scale, float *scratch) {
    const size_t kernel = projection->kernel, inner = projection->inner, step = umbel_projected_rows(kernel);
    float *const wide = scratch, *const sums = wide + step * umbel_projected_columns(kernel);
    float *const left = sums + step * kernel * inner;
    float *const spread = left + step * (kernel == 1 ? umbel_projected_stride(inner) : inner * umbel_line_length(kernel));
    const int streaming = streams(tile);
    int fits = 1;
    for (size_t row = 0; row < tile->rows; row += step) {
        struct umbel_tile part = *tile;
        part.rows = tile->rows - row < step ? tile->rows - row : step;
        part.in = (const char *)tile->in + row * tile->in_stride * format_bytes(tile->in_format);
        part.out = (char *)tile->out + row * tile->out_stride * format_bytes(tile->out_format);
        const struct projecting projecting = {part, projection, row_vectors(&part) * kernel};
        project(sums, wide, &projecting);
        const struct umbel_product first = {sum->left + row * sum->left_stride, sum->left_stride, sum->panels, sum->inner};
        if (kernel == 1) {
            const size_t stride = umbel_projected_stride(inner);
            write_rows(left, stride, sums, &projecting);
            const struct umbel_product second = {left, stride, projection->panels, inner};
            fits &= merge_products((struct merging){part, first, second, PLUS_SECOND, scale, streaming, NULL});
        } else {
            write_lines(left, sums, &projecting);
            const struct lines lines = {left, inner, line_length(kernel)};
            fits &= generalise_rows(&part, &first, lines, projection, scale, spread, streaming);
        }
    }
    finish_streaming(streaming);
    return fits;
}
