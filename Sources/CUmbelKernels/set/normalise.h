// Sums of a weight and a product whose rows or columns are scaled by norms of the result.

// The factor of a row of that norm.
INLINE float magnitude_factor(const struct umbel_magnitudes *magnitudes, size_t row, double norm) {
    const double ratio = (double)magnitudes->values[row] / (norm + magnitudes->epsilon);
    return magnitudes->interpolates ? (float)(1 + magnitudes->strength * (ratio - 1)) : (float)ratio;
}

// A group of columns of a row of f32 times a factor, into the tile.
INLINE int scale_group(const struct umbel_tile *tile, size_t row, size_t column, const float *x, float factor, int whole,
                       enum umbel_float_format format, int convert, int streaming, vu *largest) {
    const size_t count = whole ? (size_t)BLOCK_COLUMNS : tile->columns - column;
    char *const out = (char *)tile->out + row * tile->out_stride * format_bytes(format);
    struct converted converted;
    nothing_converted(&converted);
    vf y[BLOCK_VECTORS];
    load_part(y, BLOCK_VECTORS, x, column, count, UMBEL_F32);
    for (int v = 0; v < BLOCK_VECTORS; v++) y[v] *= factor;
    if (!convert) {
        store_row(out, column, count, y, BLOCK_VECTORS, format, streaming, largest);
        return 1;
    }
    convert_row(&converted, 0, y, BLOCK_VECTORS);
    store_converted(out + 2 * column, 0, &converted, 1, BLOCK_VECTORS, streaming);
    return all_ordinary(&converted);
}

// One that is not whole, or was on its way to bf16 and needs more than the CPU's own rounding.
static __attribute__((noinline)) void scale_slowly(const struct umbel_tile *tile, size_t row, size_t column, const float *x,
                                                   float factor, int streaming, vu *largest) {
    scale_group(tile, row, column, x, factor, 0, tile->out_format, 0, streaming, largest);
}

// A row of f32 times a factor.
INLINE void scale_row(const struct umbel_tile *tile, size_t row, const float *x, float factor,
                      enum umbel_float_format format, int converts, int streaming, vu *largest) {
    size_t column = 0;
    for (; column + BLOCK_COLUMNS <= tile->columns; column += BLOCK_COLUMNS) {
        if (!scale_group(tile, row, column, x, factor, 1, format, converts, streaming, largest)) {
            scale_slowly(tile, row, column, x, factor, streaming, largest);
        }
    }
    if (column < tile->columns) scale_slowly(tile, row, column, x, factor, streaming, largest);
}

// Rows of f32 with their norms replaced, into rows of the tile from `row` on.
INLINE void normalise_rows(const struct umbel_tile *tile, size_t row, size_t rows, const float *x, size_t stride,
                           const struct umbel_magnitudes *magnitudes, int streaming, vu *largest) {
    for (size_t r = 0; r < rows; r++, x += stride) {
        const double norm = sqrt(set_sum_of_squares(x, tile->columns));
        const float factor = magnitude_factor(magnitudes, row + r, norm);
        if (converts(tile)) {
            scale_row(tile, row + r, x, factor, UMBEL_BF16, 1, streaming, largest);
        } else {
            scale_row(tile, row + r, x, factor, tile->out_format, 0, streaming, largest);
        }
    }
}

// The numbers are f32, so that they can be read twice.
static int set_merge_normalised(const struct umbel_tile *tile, const struct umbel_magnitudes *magnitudes) {
    const int streaming = streams(tile);
    vu largest = 0;
    normalise_rows(tile, 0, tile->rows, tile->in, tile->in_stride, magnitudes, streaming, &largest);
    finish_streaming(streaming);
    return is_below(largest, tile->limit);
}

// A block of rows at a time, whose sums stay in the first-level cache if they are short enough.
static int set_merge_product_normalised(const struct umbel_tile *tile, const struct umbel_product *product, float scale,
                                        const struct umbel_magnitudes *magnitudes, float *scratch) {
    const int streaming = streams(tile);
    vu largest = 0;
    for (size_t row = 0; row < tile->rows; row += BLOCK_ROWS) {
        const size_t rows = tile->rows - row < BLOCK_ROWS ? tile->rows - row : BLOCK_ROWS;
        struct umbel_tile sums = *tile;
        sums.in = (const char *)tile->in + row * tile->in_stride * format_bytes(tile->in_format);
        sums.rows = rows;
        sums.out = scratch;
        sums.out_format = UMBEL_F32;
        sums.out_stride = tile->columns;
        sums.past_caches = 0;
        struct umbel_product part = *product;
        part.left += row * product->left_stride;
        set_merge_product(&sums, &part, scale);
        normalise_rows(tile, row, rows, scratch, tile->columns, magnitudes, streaming, &largest);
    }
    finish_streaming(streaming);
    return is_below(largest, tile->limit);
}

// sums[j] += y² down a block of rows, where y = fma(scale, product, x).
INLINE void square_block(struct merging merging, size_t row, size_t column, int rows, int whole,
                         enum umbel_float_format in, double *sums) {
    const struct umbel_tile tile = merging.tile;
    const struct umbel_product first = merging.first;
    const size_t panel = column / PANEL * PANEL, inside = column % PANEL;
    const size_t count = whole ? (size_t)BLOCK_COLUMNS : tile.columns - column;
    const size_t stride = tile.in_stride * format_bytes(in);
    const char *const x = (const char *)tile.in + row * stride;
    vf sum[BLOCK_ROWS][BLOCK_VECTORS];
    for (int r = 0; r < rows; r++) {
        prefetch_row(x + r * stride, column, tile.columns, rows * tile.in_stride, BLOCK_VECTORS, in);
    }
    block_sums(sum, rows, BLOCK_VECTORS, (struct input){first.left + row * first.left_stride, first.left_stride},
               (struct input){first.panels + panel * first.inner + inside, PANEL}, first.inner);
    const vf factor = merging.scale;
    UNROLLED for (int r = 0; r < rows; r++) {
        vf before[BLOCK_VECTORS];
        load_part(before, BLOCK_VECTORS, x + r * stride, column, count, in);
        for (int v = 0; v < BLOCK_VECTORS; v++) sum[r][v] = __builtin_elementwise_fma(factor, sum[r][v], before[v]);
    }
    double padded[BLOCK_COLUMNS] = {0};
    if (!whole) memcpy(padded, sums + column, count * sizeof(double));
    double *const place = whole ? sums + column : padded;
    for (int v = 0; v < BLOCK_VECTORS; v++) {
        vd total;
        memcpy(&total, place + v * LANES, sizeof total);
        UNROLLED for (int r = 0; r < rows; r++) {
            const vd value = __builtin_convertvector(sum[r][v], vd);
#if FUSES
            total = __builtin_elementwise_fma(value, value, total);
#else
            total += value * value;
#endif
        }
        memcpy(place + v * LANES, &total, sizeof total);
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
