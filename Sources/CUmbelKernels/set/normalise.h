// Sums of a weight and a product whose rows or columns are scaled by norms of the result.

// The factor of a row of that norm.
INLINE float magnitude_factor(const struct umbel_magnitudes *magnitudes, size_t row, double norm) {
    const double ratio = (double)magnitudes->values[row] / (norm + magnitudes->epsilon);
    return magnitudes->interpolates ? (float)(1 + magnitudes->strength * (ratio - 1)) : (float)ratio;
}

// A group of columns of a row of f32 times a factor, into a row of the tile.
INLINE void scale_group(char *out, size_t column, size_t count, const float *x, float factor,
                        enum umbel_float_format format, int convert, int streaming, vu *largest) {
    vf y[BLOCK_VECTORS];
    load_part(y, BLOCK_VECTORS, x, 0, count, UMBEL_F32);
    for (int v = 0; v < BLOCK_VECTORS; v++) y[v] *= factor;
    store_group(out, column, count, y, format, convert, streaming, largest);
}

// The numbers are f32, so that they can be read twice.
static int set_merge_normalised(const struct umbel_tile *tile, const struct umbel_magnitudes *magnitudes) {
    const int streaming = streams(tile);
    const size_t out_stride = tile->out_stride * format_bytes(tile->out_format);
    vu largest = 0;
    const float *x = tile->in;
    for (size_t row = 0; row < tile->rows; row++, x += tile->in_stride) {
        const float factor = magnitude_factor(magnitudes, row, sqrt(set_row_squares(x, tile->columns)));
        char *const out = (char *)tile->out + row * out_stride;
        for (size_t column = 0; column < tile->columns; column += BLOCK_COLUMNS) {
            scale_group(out, column, tile->columns - column, x + column, factor, tile->out_format, converts(tile), streaming,
                        &largest);
        }
    }
    finish_streaming(streaming);
    return is_below(largest, tile->limit);
}

// y = fma(scale, product, x) of a block.
INLINE void sum_block(vf y[BLOCK_ROWS][BLOCK_VECTORS], struct merging merging, struct run run, size_t row, size_t column,
                      size_t count, int rows, enum umbel_float_format in) {
    const struct umbel_tile tile = merging.tile;
    const struct umbel_product first = merging.first;
    const size_t panel = column / PANEL * PANEL, inside = column % PANEL;
    const size_t stride = tile.in_stride * format_bytes(in);
    const char *const x = (const char *)tile.in + row * stride;
    prefetch_block(x, &tile, run, column, rows, first.inner, in);
    block_sums(y, rows, BLOCK_VECTORS, (struct input){first.left + row * first.left_stride, first.left_stride},
               (struct input){first.panels + panel * first.inner + inside, PANEL}, first.inner);
    const vf factor = merging.scale;
    UNROLLED for (int r = 0; r < rows; r++) {
        vf before[BLOCK_VECTORS];
        load_part(before, BLOCK_VECTORS, x + r * stride, column, count, in);
        for (int v = 0; v < BLOCK_VECTORS; v++) y[r][v] = __builtin_elementwise_fma(factor, y[r][v], before[v]);
    }
}

// MARK: Rows
//
// The sums of a block of rows are kept in f32, block of columns behind block of columns, until the rows' norms are known:
// they are scaled, converted and stored while the sums of the next rows take their places.

// Sums of squares of a block of rows as `row_squares` defines them.
struct square_sums {
    float recent[BLOCK_ROWS][UMBEL_SQUARE_LANES];
    double sums[BLOCK_ROWS][UMBEL_SQUARE_LANES];
};

struct normalising {
    struct merging merging;
    const struct umbel_magnitudes *magnitudes;
    float *kept;
    struct square_sums *squares;
    float *factors;  // of the rows that wait in `kept`
};

INLINE float *kept_block(struct normalising normalising, size_t column, int row) {
    return normalising.kept + column * BLOCK_ROWS + row * BLOCK_COLUMNS;
}

// Rows `row` … of the tile, less than a whole block of columns, or on their way to bf16 and in need of more than the CPU's
// own rounding.
static __attribute__((noinline)) void scale_slowly(const struct normalising *normalising, size_t row, size_t column,
                                                   int rows, vu *largest) {
    const struct umbel_tile tile = normalising->merging.tile;
    for (int r = 0; r < rows; r++) {
        char *const out = (char *)tile.out + (row + r) * tile.out_stride * format_bytes(tile.out_format);
        scale_group(out, column, tile.columns - column, kept_block(*normalising, column, r), normalising->factors[r],
                    tile.out_format, 0, normalising->merging.streaming, largest);
    }
}

// Asks for where a later block of rows `row` … is written. Stores are done in order, so one that waits for its line to come
// would keep those of the sums waiting. Not inlined, because what goes past the caches took longer beside it.
static __attribute__((noinline)) void prefetch_written(const struct umbel_tile *tile, size_t row, size_t column, int rows) {
    const enum umbel_float_format format = tile->out_format;
    const size_t bytes = format_bytes(format), stride = tile->out_stride;
    const size_t later = later_place(column, tile->columns, rows * stride, PREFETCHED_BYTES, format);
    for (int r = 0; r < rows; r++) {
        const char *const place = (const char *)tile->out + ((row + r) * stride + later) * bytes;
        for (size_t line = 0; line < BLOCK_COLUMNS * bytes; line += 64) __builtin_prefetch(place + line, 1);
    }
}

// A block of what waits, into rows `row` … of the tile.
INLINE void scale_block(struct normalising normalising, size_t row, size_t column, int rows, enum umbel_float_format out,
                        int convert, vu *largest) {
    const struct umbel_tile tile = normalising.merging.tile;
    const size_t stride = tile.out_stride * format_bytes(out);
    char *const place = (char *)tile.out + row * stride;
    if (!normalising.merging.streaming) prefetch_written(&tile, row, column, rows);
    struct converted converted;
    nothing_converted(&converted);
    UNROLLED for (int r = 0; r < rows; r++) {
        const float *const x = kept_block(normalising, column, r);
        const vf factor = normalising.factors[r];
        vf y[BLOCK_VECTORS];
        for (int v = 0; v < BLOCK_VECTORS; v++) y[v] = load_f32(x + v * LANES) * factor;
        if (convert) {
            convert_row(&converted, r, y, BLOCK_VECTORS);
        } else {
            store_row(place + r * stride, column, BLOCK_COLUMNS, y, BLOCK_VECTORS, out, normalising.merging.streaming, largest);
        }
    }
    if (!convert) return;
    store_converted(place + 2 * column, stride, &converted, rows, BLOCK_VECTORS, normalising.merging.streaming);
    if (!all_ordinary(&converted)) {
        const struct normalising kept = normalising;
        scale_slowly(&kept, row, column, rows, largest);
    }
}

// A block of sums is kept, and its squares are added.
INLINE void squared_block(struct normalising normalising, size_t row, size_t column, int rows, int first, int whole,
                          enum umbel_float_format in) {
    const size_t columns = normalising.merging.tile.columns, count = whole ? (size_t)BLOCK_COLUMNS : columns - column;
    vf y[BLOCK_ROWS][BLOCK_VECTORS];
    sum_block(y, normalising.merging, (struct run){0, columns}, row, column, count, rows, in);
    UNROLLED for (int r = 0; r < rows; r++) {
        float *const place = kept_block(normalising, column, first + r);
        store(place, 0, y[r], BLOCK_VECTORS, UMBEL_F32, 0);
        // Without what is beyond the last column.
        if (!whole) load_part(y[r], BLOCK_VECTORS, place, 0, count, UMBEL_F32);
        float *const recent = normalising.squares->recent[first + r];
        for (int v = 0; v < BLOCK_VECTORS; v++) {
            float *const lanes = recent + (column + v * LANES) % UMBEL_SQUARE_LANES;
            store_f32(lanes, __builtin_elementwise_fma(y[r][v], y[r][v], load_f32(lanes)));
        }
    }
}

// Less than a block.
static __attribute__((noinline)) void squared_slowly(const struct normalising *normalising, size_t row, size_t column,
                                                     int rows) {
    for (int r = 0; r < rows; r++) {
        squared_block(*normalising, row + r, column, 1, r, 0, normalising->merging.tile.in_format);
    }
}

// The f32 sums of a run of columns go into those in f64.
INLINE void add_recent(struct square_sums *squares) {
    float *const recent = squares->recent[0];
    double *const sums = squares->sums[0];
    for (int i = 0; i < BLOCK_ROWS * UMBEL_SQUARE_LANES; i += LANES) {
        vd total;
        memcpy(&total, sums + i, sizeof total);
        total += __builtin_convertvector(load_f32(recent + i), vd);
        memcpy(sums + i, &total, sizeof total);
        store_f32(recent + i, 0);
    }
}

// The sum of squares of a row that is kept, in f64.
static __attribute__((noinline)) double kept_squares(const struct normalising *normalising, int row) {
    double partial[UMBEL_PARTIAL_SUMS] = {0};
    for (size_t column = 0; column < normalising->merging.tile.columns; column++) {
        const double value = kept_block(*normalising, column / BLOCK_COLUMNS * BLOCK_COLUMNS, row)[column % BLOCK_COLUMNS];
        partial[column % UMBEL_PARTIAL_SUMS] += value * value;
    }
    return sum_of_partials(partial);
}

// The factors of rows that are kept, `row` … of the tile.
INLINE void find_factors(const struct normalising *normalising, size_t row, int rows) {
    const struct umbel_magnitudes magnitudes = *normalising->magnitudes;
    eight_doubles sums = 0, values = 0;
    UNROLLED for (int r = 0; r < BLOCK_ROWS; r++) sums[r] = sum_of_lanes(normalising->squares->sums[r]);
    for (int r = 0; r < rows; r++) {
        values[r] = (double)magnitudes.values[row + r];
        if (__builtin_expect(!umbel_squares_hold(sums[r]), 0)) sums[r] = kept_squares(normalising, r);
    }
    const eight_doubles ratios = values / (__builtin_elementwise_sqrt(sums) + magnitudes.epsilon);
    const eight_doubles factors = magnitudes.interpolates ? 1 + magnitudes.strength * (ratios - 1) : ratios;
    for (int r = 0; r < rows; r++) normalising->factors[r] = (float)factors[r];
}

// Sums of `rows` rows from `row` on are kept, and the factors that replace their norms. What waits there of the block of
// rows before is scaled if `waits`.
INLINE void normalise_rows(struct normalising normalising, size_t row, int rows, int waits, enum umbel_float_format in,
                           enum umbel_float_format out, int convert, vu *largest) {
    const size_t columns = normalising.merging.tile.columns;
    struct square_sums squares = {0};
    normalising.squares = &squares;
    size_t column = 0;
    while (column + BLOCK_COLUMNS <= columns) {
        if (waits) scale_block(normalising, row - BLOCK_ROWS, column, BLOCK_ROWS, out, convert, largest);
        if (rows == BLOCK_ROWS) {
            squared_block(normalising, row, column, BLOCK_ROWS, 0, 1, in);
        } else {
            for (int r = 0; r < rows; r++) squared_block(normalising, row + r, column, 1, r, 1, in);
        }
        column += BLOCK_COLUMNS;
        if (column % UMBEL_SQUARE_COLUMNS == 0) add_recent(&squares);
    }
    if (column < columns) {
        const struct normalising kept = normalising;
        if (waits) scale_slowly(&kept, row - BLOCK_ROWS, column, BLOCK_ROWS, largest);
        squared_slowly(&kept, row, column, rows);
    }
    if (column % UMBEL_SQUARE_COLUMNS != 0 || column < columns) add_recent(&squares);
    find_factors(&normalising, row, rows);
}

// What still waits, in rows `row` …
INLINE void scale_rows(struct normalising normalising, size_t row, int rows, enum umbel_float_format out, int convert,
                       vu *largest) {
    const size_t columns = normalising.merging.tile.columns;
    size_t column = 0;
    for (; column + BLOCK_COLUMNS <= columns; column += BLOCK_COLUMNS) {
        if (rows == BLOCK_ROWS) {
            scale_block(normalising, row, column, BLOCK_ROWS, out, convert, largest);
        } else {
            const struct normalising kept = normalising;
            scale_slowly(&kept, row, column, rows, largest);
        }
    }
    if (column < columns) {
        const struct normalising kept = normalising;
        scale_slowly(&kept, row, column, rows, largest);
    }
}

INLINE int normalise_in_formats(struct normalising normalising, enum umbel_float_format in, enum umbel_float_format out,
                                int convert) {
    const struct umbel_tile tile = normalising.merging.tile;
    vu largest = 0;
    size_t row = 0;
    for (; row + BLOCK_ROWS <= tile.rows; row += BLOCK_ROWS) {
        normalise_rows(normalising, row, BLOCK_ROWS, row > 0, in, out, convert, &largest);
    }
    const int rest = (int)(tile.rows - row);
    if (row > 0) scale_rows(normalising, row - BLOCK_ROWS, BLOCK_ROWS, out, convert, &largest);
    if (rest > 0) {
        normalise_rows(normalising, row, rest, 0, in, out, convert, &largest);
        scale_rows(normalising, row, rest, out, convert, &largest);
    }
    return is_below(largest, tile.limit);
}

INLINE int normalise_tile(struct normalising normalising) {
    const struct umbel_tile tile = normalising.merging.tile;
#define FORMATS(IN, OUT, CONVERT)                                                                                        \
    if (tile.in_format == IN && tile.out_format == OUT && CONVERT <= converts(&tile)) {                                  \
        return normalise_in_formats(normalising, IN, OUT, CONVERT);                                                      \
    }
    FORMATS(UMBEL_BF16, UMBEL_BF16, 1)
    FORMATS(UMBEL_BF16, UMBEL_BF16, 0)
    FORMATS(UMBEL_F16, UMBEL_F16, 0)
    FORMATS(UMBEL_F32, UMBEL_F32, 0)
#undef FORMATS
    return normalise_in_formats(normalising, tile.in_format, tile.out_format, 0);
}

static int set_merge_product_normalised(const struct umbel_tile *tile, const struct umbel_product *product, float scale,
                                        const struct umbel_magnitudes *magnitudes, float *scratch) {
    const int streaming = streams(tile);
    float factors[BLOCK_ROWS];
    const struct merging merging = {*tile, *product, *product, ONLY_FIRST, scale, streaming, NULL};
    const int fits = normalise_tile((struct normalising){merging, magnitudes, scratch, NULL, factors});
    finish_streaming(streaming);
    return fits;
}

// MARK: Columns

// sums[j] = fma(y, y, sums[j]) down a block of rows, where y = fma(scale, product, x).
INLINE void square_block(struct merging merging, struct run run, size_t row, size_t column, int rows, int whole,
                         enum umbel_float_format in, float *sums) {
    const size_t count = whole ? (size_t)BLOCK_COLUMNS : merging.tile.columns - column;
    vf y[BLOCK_ROWS][BLOCK_VECTORS], sum[BLOCK_VECTORS];
    sum_block(y, merging, run, row, column, count, rows, in);
    load_part(sum, BLOCK_VECTORS, sums, column, count, UMBEL_F32);
    UNROLLED for (int r = 0; r < rows; r++) {
        for (int v = 0; v < BLOCK_VECTORS; v++) sum[v] = __builtin_elementwise_fma(y[r][v], y[r][v], sum[v]);
    }
    store_part(sums, column, count, sum, BLOCK_VECTORS, UMBEL_F32, 0);
}

// Less than a block.
static __attribute__((noinline)) void square_slowly(const struct merging *merging, size_t row, size_t column, int rows,
                                                    float *sums) {
    const struct run run = {0, merging->tile.columns};
    for (int r = 0; r < rows; r++) square_block(*merging, run, row + r, column, 1, 0, merging->tile.in_format, sums);
}

INLINE void square_in_format(struct merging merging, float *sums, enum umbel_float_format in) {
    const struct umbel_tile tile = merging.tile;
    const size_t width = run_columns(merging.first.inner, tile.columns);
    for (size_t begin = 0; begin < tile.columns; begin += width) {
        const struct run run = {begin, begin + width < tile.columns ? begin + width : tile.columns};
        size_t row = 0;
#define BLOCKS(ROWS)                                                                                                     \
    for (; row + ROWS <= tile.rows; row += ROWS) {                                                                       \
        size_t column = run.begin;                                                                                       \
        for (; column + BLOCK_COLUMNS <= run.end; column += BLOCK_COLUMNS) {                                             \
            square_block(merging, run, row, column, ROWS, 1, in, sums);                                                  \
        }                                                                                                                \
        if (column < run.end) square_slowly(&merging, row, column, ROWS, sums);                                          \
    }
        BLOCKS(BLOCK_ROWS)
        BLOCKS(2)
        BLOCKS(1)
#undef BLOCKS
    }
}

static void set_add_product_squares(float *sums, const struct umbel_tile *tile, const struct umbel_product *product,
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
