// Sums of a weight and a product whose rows or columns are scaled by norms of the result.

// The factor of a row of that norm.
INLINE float magnitude_factor(const struct umbel_magnitudes *magnitudes, size_t row, double norm) {
    const double ratio = (double)magnitudes->values[row] / (norm + magnitudes->epsilon);
    return magnitudes->interpolates ? (float)(1 + magnitudes->strength * (ratio - 1)) : (float)ratio;
}

// A group of columns of a row of f32 times a factor, into a row of the tile.
INLINE void scale_group(char *out, size_t column, size_t count, const float *x, float factor,
                        enum umbel_float_format format, int streaming, struct converted *converted, vu *largest) {
    vf y[BLOCK_VECTORS];
    load_part(y, BLOCK_VECTORS, x, column, count, UMBEL_F32);
    for (int v = 0; v < BLOCK_VECTORS; v++) y[v] *= factor;
    if (converted) {
        convert_row(converted, 0, y, BLOCK_VECTORS);
        store_converted(out + 2 * column, 0, converted, 1, BLOCK_VECTORS, streaming);
    } else {
        store_row(out, column, count, y, BLOCK_VECTORS, format, streaming, largest);
    }
}

// What is not whole, or was on its way to bf16 and needs more than the CPU's own rounding: columns from `column` on.
static __attribute__((noinline)) void scale_slowly(char *out, size_t column, size_t columns, const float *x, float factor,
                                                   enum umbel_float_format format, int streaming, vu *largest) {
    for (; column < columns; column += BLOCK_COLUMNS) {
        scale_group(out, column, columns - column, x, factor, format, streaming, NULL, largest);
    }
}

// A row of f32 times a factor.
INLINE void scale_row(const struct umbel_tile *tile, size_t row, const float *x, float factor,
                      enum umbel_float_format format, int converts, int streaming, vu *largest) {
    char *const out = (char *)tile->out + row * tile->out_stride * format_bytes(format);
    struct converted converted;
    nothing_converted(&converted);
    size_t column = 0;
    for (; column + BLOCK_COLUMNS <= tile->columns; column += BLOCK_COLUMNS) {
        scale_group(out, column, BLOCK_COLUMNS, x, factor, format, streaming, converts ? &converted : NULL, largest);
    }
    if (converts && !all_ordinary(&converted)) column = 0;
    if (column < tile->columns) scale_slowly(out, column, tile->columns, x, factor, format, streaming, largest);
}

// A row of f32 with its norm replaced, into a row of the tile.
INLINE void normalise_row(const struct umbel_tile *tile, size_t row, const float *x, double squares,
                          const struct umbel_magnitudes *magnitudes, int streaming, vu *largest) {
    const float factor = magnitude_factor(magnitudes, row, sqrt(squares));
    if (converts(tile)) {
        scale_row(tile, row, x, factor, UMBEL_BF16, 1, streaming, largest);
    } else {
        scale_row(tile, row, x, factor, tile->out_format, 0, streaming, largest);
    }
}

// The numbers are f32, so that they can be read twice.
static int set_merge_normalised(const struct umbel_tile *tile, const struct umbel_magnitudes *magnitudes) {
    const int streaming = streams(tile);
    vu largest = 0;
    const float *x = tile->in;
    for (size_t row = 0; row < tile->rows; row++, x += tile->in_stride) {
        normalise_row(tile, row, x, set_sum_of_squares(x, tile->columns), magnitudes, streaming, &largest);
    }
    finish_streaming(streaming);
    return is_below(largest, tile->limit);
}

// y = fma(scale, product, x) of a block.
INLINE void sum_block(vf y[BLOCK_ROWS][BLOCK_VECTORS], struct merging merging, size_t row, size_t column, size_t count,
                      int rows, enum umbel_float_format in) {
    const struct umbel_tile tile = merging.tile;
    const struct umbel_product first = merging.first;
    const size_t panel = column / PANEL * PANEL, inside = column % PANEL;
    const size_t stride = tile.in_stride * format_bytes(in);
    const char *const x = (const char *)tile.in + row * stride;
    for (int r = 0; r < rows; r++) {
        prefetch_row(x + r * stride, column, tile.columns, rows * tile.in_stride, BLOCK_VECTORS, in);
    }
    block_sums(y, rows, BLOCK_VECTORS, (struct input){first.left + row * first.left_stride, first.left_stride},
               (struct input){first.panels + panel * first.inner + inside, PANEL}, first.inner);
    const vf factor = merging.scale;
    UNROLLED for (int r = 0; r < rows; r++) {
        vf before[BLOCK_VECTORS];
        load_part(before, BLOCK_VECTORS, x + r * stride, column, count, in);
        for (int v = 0; v < BLOCK_VECTORS; v++) y[r][v] = __builtin_elementwise_fma(factor, y[r][v], before[v]);
    }
}

// sums[i] += y[i]² in f64, one after the other of each number's own.
INLINE void add_register_squares(double *sums, const vf *y, int registers) {
    vd total;
    memcpy(&total, sums, sizeof total);
    UNROLLED for (int i = 0; i < registers; i++) {
        const vd value = __builtin_convertvector(y[i], vd);
#if FUSES
        total = __builtin_elementwise_fma(value, value, total);
#else
        total += value * value;
#endif
    }
    memcpy(sums, &total, sizeof total);
}

// What UMBEL_PARTIAL_SUMS a row of a block has.
struct partial_sums {
    double row[BLOCK_ROWS][UMBEL_PARTIAL_SUMS];
};

// A block of sums, written in f32, and their squares.
INLINE void squared_block(struct merging merging, size_t row, size_t column, int rows, int whole,
                          enum umbel_float_format in, float *out, struct partial_sums *partial) {
    const size_t columns = merging.tile.columns, count = whole ? (size_t)BLOCK_COLUMNS : columns - column;
    vf y[BLOCK_ROWS][BLOCK_VECTORS];
    sum_block(y, merging, row, column, count, rows, in);
    UNROLLED for (int r = 0; r < rows; r++) {
        float *const place = out + (row + r) * columns;
        store_part(place, column, count, y[r], BLOCK_VECTORS, UMBEL_F32, 0);
        // Without what is beyond the last column.
        if (!whole) load_part(y[r], BLOCK_VECTORS, place, column, count, UMBEL_F32);
        for (int v = 0; v < BLOCK_VECTORS; v++) {
            add_register_squares(partial->row[row + r] + (column + v * LANES) % UMBEL_PARTIAL_SUMS, &y[r][v], 1);
        }
    }
}

// Less than a block.
static __attribute__((noinline)) void squared_slowly(const struct merging *merging, size_t column, float *out,
                                                     struct partial_sums *partial) {
    for (size_t row = 0; row < merging->tile.rows; row++) {
        squared_block(*merging, row, column, 1, 0, merging->tile.in_format, out, partial);
    }
}

// At most a block of rows.
INLINE void squared_rows(struct merging merging, enum umbel_float_format in, float *out, struct partial_sums *partial) {
    const struct umbel_tile tile = merging.tile;
    size_t column = 0;
    for (; column + BLOCK_COLUMNS <= tile.columns; column += BLOCK_COLUMNS) {
        if (tile.rows == BLOCK_ROWS) {
            squared_block(merging, 0, column, BLOCK_ROWS, 1, in, out, partial);
        } else {
            for (size_t row = 0; row < tile.rows; row++) squared_block(merging, row, column, 1, 1, in, out, partial);
        }
    }
    if (column < tile.columns) squared_slowly(&merging, column, out, partial);
}

// A block of rows at a time, whose sums stay in the first-level cache if they are short enough.
static int set_merge_product_normalised(const struct umbel_tile *tile, const struct umbel_product *product, float scale,
                                        const struct umbel_magnitudes *magnitudes, float *scratch) {
    const int streaming = streams(tile);
    vu largest = 0;
    for (size_t row = 0; row < tile->rows; row += BLOCK_ROWS) {
        struct merging merging = {*tile, *product, *product, ONLY_FIRST, scale, 0, NULL};
        merging.tile.in = (const char *)tile->in + row * tile->in_stride * format_bytes(tile->in_format);
        merging.tile.rows = tile->rows - row < BLOCK_ROWS ? tile->rows - row : BLOCK_ROWS;
        merging.first.left += row * product->left_stride;
        struct partial_sums partial = {0};
        switch (tile->in_format) {
        case UMBEL_BF16: squared_rows(merging, UMBEL_BF16, scratch, &partial); break;
        case UMBEL_F16: squared_rows(merging, UMBEL_F16, scratch, &partial); break;
        case UMBEL_F32: squared_rows(merging, UMBEL_F32, scratch, &partial); break;
        default: squared_rows(merging, tile->in_format, scratch, &partial); break;
        }
        for (size_t r = 0; r < merging.tile.rows; r++) {
            normalise_row(tile, row + r, scratch + r * tile->columns, sum_of_partials(partial.row[r]), magnitudes, streaming,
                          &largest);
        }
    }
    finish_streaming(streaming);
    return is_below(largest, tile->limit);
}

// sums[j] += y² down a block of rows, where y = fma(scale, product, x).
INLINE void square_block(struct merging merging, size_t row, size_t column, int rows, int whole,
                         enum umbel_float_format in, double *sums) {
    const size_t count = whole ? (size_t)BLOCK_COLUMNS : merging.tile.columns - column;
    vf y[BLOCK_ROWS][BLOCK_VECTORS];
    sum_block(y, merging, row, column, count, rows, in);
    double padded[BLOCK_COLUMNS] = {0};
    if (!whole) memcpy(padded, sums + column, count * sizeof(double));
    double *const place = whole ? sums + column : padded;
    for (int v = 0; v < BLOCK_VECTORS; v++) {
        vf down[BLOCK_ROWS];
        UNROLLED for (int r = 0; r < rows; r++) down[r] = y[r][v];
        add_register_squares(place + v * LANES, down, rows);
    }
    if (!whole) memcpy(sums + column, padded, count * sizeof(double));
}

// Less than a block.
static __attribute__((noinline)) void square_slowly(const struct merging *merging, size_t row, size_t column, int rows,
                                                    double *sums) {
    for (int r = 0; r < rows; r++) square_block(*merging, row + r, column, 1, 0, merging->tile.in_format, sums);
}

INLINE void square_in_format(struct merging merging, double *sums, enum umbel_float_format in) {
    const struct umbel_tile tile = merging.tile;
    size_t row = 0;
#define BLOCKS(ROWS)                                                                                                     \
    for (; row + ROWS <= tile.rows; row += ROWS) {                                                                       \
        size_t column = 0;                                                                                               \
        for (; column + BLOCK_COLUMNS <= tile.columns; column += BLOCK_COLUMNS) {                                        \
            square_block(merging, row, column, ROWS, 1, in, sums);                                                       \
        }                                                                                                                \
        if (column < tile.columns) square_slowly(&merging, row, column, ROWS, sums);                                     \
    }
    BLOCKS(BLOCK_ROWS)
    BLOCKS(2)
    BLOCKS(1)
#undef BLOCKS
}

static void set_add_product_squares(double *sums, const struct umbel_tile *tile, const struct umbel_product *product,
                                    float scale) {
    const struct merging merging = {*tile, *product, *product, ONLY_FIRST, scale, 0, NULL};
#define FORMAT(IN)                                                                                                       \
    if (tile->in_format == IN) {                                                                                         \
        square_in_format(merging, sums, IN);                                                                             \
        return;                                                                                                          \
    }
    FORMAT(UMBEL_BF16)
    FORMAT(UMBEL_F16)
    FORMAT(UMBEL_F32)
#undef FORMAT
    square_in_format(merging, sums, tile->in_format);
}

static int set_merge_product_scaled_columns(const struct umbel_tile *tile, const struct umbel_product *product, float scale,
                                            const float *factors) {
    return merge_tile((struct merging){*tile, *product, *product, ONLY_FIRST, scale, 0, factors});
}
