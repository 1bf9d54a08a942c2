// Merging a tile of rows in one pass: a group of columns is widened from its storage, changed in registers, compared with
// the limit, rounded and stored before the next group is touched.

// Runs the rows of a tile: how a group of columns of one row is read and written.
struct place {
    const char *in;
    char *out;
};

INLINE struct place row_place(const struct umbel_tile *tile, size_t row) {
    return (struct place){
        (const char *)tile->in + row * tile->in_stride * format_bytes(tile->in_format),
        (char *)tile->out + row * tile->out_stride * format_bytes(tile->out_format),
    };
}

// Stores past the caches need aligned rows; whoever reads the result at once does not ask for them.
INLINE int streams(const struct umbel_tile *tile) {
    const size_t stride = tile->out_stride * format_bytes(tile->out_format);
    return tile->past_caches && ((uintptr_t)tile->out | (tile->rows > 1 ? stride : 0)) % 64 == 0;
}

// Whether the CPU's own rounding to bf16 may be used: a limit that is where bf16 ends can be looked for after it, and a
// block can be computed again if it was not overwritten.
INLINE int converts(const struct umbel_tile *tile) {
    const float least_too_large = 0x1.ffp127f;
    return BFLOAT_CONVERSION && tile->out_format == UMBEL_BF16 && tile->limit == least_too_large && tile->in != tile->out;
}

// Makes stores past the caches visible to other threads in order.
INLINE void finish_streaming(int streaming) {
#if defined(__x86_64__)
    if (streaming) __builtin_ia32_sfence();
#else
    (void)streaming;
#endif
}

// MARK: Products

// PLUS_STORED: the second product is there already, one row of `left` for each of the tile, its first column the tile's.
enum joining { ONLY_FIRST, TIMES_SECOND, PLUS_SECOND, PLUS_STORED };

struct merging {
    struct umbel_tile tile;
    struct umbel_product first, second;
    enum joining joining;
    float scale;
    int streaming;
    const float *column_factors;  // NULL for none
};

// Columns that are taken down all rows before others are.
struct run {
    size_t begin, end;
};

// Asks for what of `rows` rows at `x` is loaded later, further ahead where a block has few terms and so takes little time.
INLINE void prefetch_block(const char *x, const struct umbel_tile *tile, struct run run, size_t column, int rows,
                           size_t inner, enum umbel_float_format format) {
    const size_t later = inner < 16 ? 2 * PREFETCHED_BYTES : PREFETCHED_BYTES, next = rows * tile->in_stride + run.begin;
    for (int r = 0; r < rows; r++) {
        const char *const row = x + r * tile->in_stride * format_bytes(format);
        prefetch_later(row, column, run.end, next, BLOCK_VECTORS, format, later);
    }
}

static __attribute__((noinline)) void merge_slowly(const struct merging *merging, size_t row, size_t column, int rows,
                                                   vu *largest);

// One block: `rows` rows of a block's registers, all of which the tile has if it is `whole`. The formats are constants where
// it matters, so that the sums stay in registers to the end; everything is passed by value, so that nothing is read anew after
// a store. A block that may not be whole has to call for its parts, and would save all sums around that.
INLINE void merge_block(struct merging merging, struct run run, size_t row, size_t column, int rows, int whole,
                        enum umbel_float_format in, enum umbel_float_format out, int convert, vu *largest) {
    const int vectors = BLOCK_VECTORS;
    const struct umbel_tile tile = merging.tile;
    const struct umbel_product first = merging.first, second = merging.second;
    vf sum[BLOCK_ROWS][BLOCK_VECTORS], other[BLOCK_ROWS][BLOCK_VECTORS];
    const size_t panel = column / PANEL * PANEL, inside = column % PANEL;
    const size_t count = whole ? (size_t)BLOCK_COLUMNS : tile.columns - column;
    const size_t in_stride = tile.in_stride * format_bytes(in), out_stride = tile.out_stride * format_bytes(out);
    const char *const x = (const char *)tile.in + row * in_stride;
    char *const y = (char *)tile.out + row * out_stride;
    // With a product that is there already, the tile has just been read.
    if (merging.joining != PLUS_STORED) prefetch_block(x, &tile, run, column, rows, first.inner, in);
    const struct input left[2] = {{first.left + row * first.left_stride, first.left_stride},
                                  {second.left + row * second.left_stride, second.left_stride}};
    const struct input right[2] = {{first.panels + panel * first.inner + inside, PANEL},
                                   {second.panels + panel * second.inner + inside, PANEL}};
    if (merging.joining == TIMES_SECOND || merging.joining == PLUS_SECOND) {
        two_block_sums(sum, other, rows, vectors, left, right, (const size_t[2]){first.inner, second.inner});
    } else {
        block_sums(sum, rows, vectors, left[0], right[0], first.inner);
    }
    const vf factor = merging.scale;
    struct converted converted;
    nothing_converted(&converted);
    UNROLLED for (int r = 0; r < rows; r++) {
        vf merged[BLOCK_VECTORS];
        load_part(merged, vectors, x + r * in_stride, column, count, in);
        // Nothing is known of what lies beyond the columns that there are.
        if (merging.joining == PLUS_STORED) {
            const float *const stored = second.left + (row + r) * second.left_stride;
            load_part(other[r], vectors, (const char *)stored, column, count, UMBEL_F32);
        }
        for (int v = 0; v < vectors; v++) {
            vf delta = sum[r][v];
            if (merging.joining == TIMES_SECOND) delta = delta * other[r][v];
            if (merging.joining == PLUS_SECOND || merging.joining == PLUS_STORED) delta = delta + other[r][v];
            merged[v] = __builtin_elementwise_fma(factor, delta, merged[v]);
        }
        if (merging.column_factors) {
            vf factors[BLOCK_VECTORS];
            load_part(factors, vectors, merging.column_factors, column, count, UMBEL_F32);
            for (int v = 0; v < vectors; v++) merged[v] *= factors[v];
        }
        if (convert) {
            convert_row(&converted, r, merged, vectors);
        } else {
            store_row(y + r * out_stride, column, count, merged, vectors, out, merging.streaming, largest);
        }
    }
    if (!convert) return;
    store_converted(y + 2 * column, out_stride, &converted, rows, vectors, merging.streaming);
    if (!all_ordinary(&converted)) {
        const struct merging kept = merging;
        merge_slowly(&kept, row, column, rows, largest);
    }
}

// What is not a whole block, or was on its way to bf16 and needs more than the CPU's own rounding.
static __attribute__((noinline)) void merge_slowly(const struct merging *merging, size_t row, size_t column, int rows,
                                                   vu *largest) {
    const enum umbel_float_format in = merging->tile.in_format, out = merging->tile.out_format;
    const struct run run = {0, merging->tile.columns};
    for (int r = 0; r < rows; r++) merge_block(*merging, run, row + r, column, 1, 0, in, out, 0, largest);
}

// Panels are taken in runs of so many columns, which stay in the second-level cache, and every run down all rows.
INLINE size_t run_columns(size_t inner, size_t columns) {
    const size_t kept = KEPT_BYTES / (sizeof(float) * PANEL);
    return inner == 0 ? columns : kept < inner ? PANEL : kept / inner * PANEL;
}

INLINE int merge_in_formats(struct merging merging, enum umbel_float_format in, enum umbel_float_format out, int converts) {
    const struct umbel_tile tile = merging.tile;
    const int one = merging.joining == ONLY_FIRST || merging.joining == PLUS_STORED;
    const int rows = one ? BLOCK_ROWS : BLOCK_ROWS / 2;
    const size_t width = run_columns(merging.first.inner + (one ? 0 : merging.second.inner), tile.columns);
    vu largest = 0;
    for (size_t begin = 0; begin < tile.columns; begin += width) {
        const struct run run = {begin, begin + width < tile.columns ? begin + width : tile.columns};
        size_t row = 0;
#define BLOCKS(ROWS)                                                                                                     \
    for (; row + ROWS <= tile.rows; row += ROWS) {                                                                       \
        size_t column = run.begin;                                                                                       \
        for (; column + BLOCK_COLUMNS <= run.end; column += BLOCK_COLUMNS) {                                             \
            merge_block(merging, run, row, column, ROWS, 1, in, out, converts, &largest);                                \
        }                                                                                                                \
        if (column < run.end) merge_slowly(&merging, row, column, ROWS, &largest);                                       \
    }
        BLOCKS(rows)
        // What is left of the rows that are projected together.
        if (merging.joining == PLUS_STORED) {
            BLOCKS(4)
        }
        BLOCKS(2)
        BLOCKS(1)
#undef BLOCKS
    }
    return is_below(largest, tile.limit);
}

// The formats that most bases have are compiled in; the others are chosen for every group of columns.
INLINE int merge_products(struct merging merging) {
    const struct umbel_tile tile = merging.tile;
#define FORMATS(IN, OUT)                                                                                                 \
    if (tile.in_format == IN && tile.out_format == OUT) return merge_in_formats(merging, IN, OUT, 0);
    if (tile.in_format == UMBEL_BF16 && converts(&tile)) return merge_in_formats(merging, UMBEL_BF16, UMBEL_BF16, 1);
    if (tile.in_format == UMBEL_F32 && converts(&tile)) return merge_in_formats(merging, UMBEL_F32, UMBEL_BF16, 1);
    FORMATS(UMBEL_BF16, UMBEL_BF16)
    FORMATS(UMBEL_F16, UMBEL_F16)
    FORMATS(UMBEL_F32, UMBEL_F32)
    FORMATS(UMBEL_F32, UMBEL_BF16)
    FORMATS(UMBEL_F32, UMBEL_F16)
    FORMATS(UMBEL_BF16, UMBEL_F32)
    FORMATS(UMBEL_F16, UMBEL_F32)
    FORMATS(UMBEL_F8_E4M3, UMBEL_F8_E4M3)
    FORMATS(UMBEL_F8_E5M2, UMBEL_F8_E5M2)
#undef FORMATS
    return merge_in_formats(merging, tile.in_format, tile.out_format, 0);
}

// A whole tile.
INLINE int merge_tile(struct merging merging) {
    merging.streaming = streams(&merging.tile);
    const int fits = merge_products(merging);
    finish_streaming(merging.streaming);
    return fits;
}

static int set_merge_product(const struct umbel_tile *tile, const struct umbel_product *product, float scale) {
    return merge_tile((struct merging){*tile, *product, *product, ONLY_FIRST, scale, 0, NULL});
}

static int set_merge_product_of_products(const struct umbel_tile *tile, const struct umbel_product *first,
                                         const struct umbel_product *second, float scale) {
    return merge_tile((struct merging){*tile, *first, *second, TIMES_SECOND, scale, 0, NULL});
}

// MARK: Elementwise

// Runs BODY for each group of columns of each row, with y[BLOCK_VECTORS] widened before it and stored after it. What most
// bases have is compiled in.
#define FOR_EACH_GROUP(TILE, BODY)                                                                                       \
    if ((TILE)->in_format == UMBEL_BF16 && converts(TILE)) {                                                             \
        FOR_EACH_GROUP_OF(TILE, UMBEL_BF16, UMBEL_BF16, 1, BODY);                                                        \
    }                                                                                                                    \
    if ((TILE)->in_format == UMBEL_BF16 && (TILE)->out_format == UMBEL_BF16) {                                           \
        FOR_EACH_GROUP_OF(TILE, UMBEL_BF16, UMBEL_BF16, 0, BODY);                                                        \
    }                                                                                                                    \
    FOR_EACH_GROUP_OF(TILE, (TILE)->in_format, (TILE)->out_format, 0, BODY)

#define GROUP(TILE, COUNT, IN, OUT, CONVERT, BODY)                                                                       \
    do {                                                                                                                 \
        const size_t count = (COUNT);                                                                                    \
        vf y[BLOCK_VECTORS];                                                                                             \
        prefetch_row(place.in, column, (TILE)->columns, (TILE)->in_stride, BLOCK_VECTORS, IN);                           \
        load_part(y, BLOCK_VECTORS, place.in, column, count, IN);                                                        \
        BODY;                                                                                                            \
        store_group(place.out, column, count, y, OUT, CONVERT, streaming, &largest);                                     \
    } while (0)

// The same in formats that are constants.
#define FOR_EACH_GROUP_OF(TILE, IN, OUT, CONVERT, BODY)                                                                  \
    const int streaming = streams(TILE);                                                                                 \
    vu largest = 0;                                                                                                      \
    for (size_t row = 0; row < (TILE)->rows; row++) {                                                                    \
        const struct place place = row_place(TILE, row);                                                                 \
        size_t column = 0;                                                                                               \
        for (; column + BLOCK_COLUMNS <= (TILE)->columns; column += BLOCK_COLUMNS) {                                     \
            GROUP(TILE, BLOCK_COLUMNS, IN, OUT, CONVERT, BODY);                                                          \
        }                                                                                                                \
        if (column < (TILE)->columns) GROUP(TILE, (TILE)->columns - column, IN, OUT, CONVERT, BODY);                     \
    }                                                                                                                    \
    finish_streaming(streaming);                                                                                         \
    return is_below(largest, (TILE)->limit)

INLINE void store_group(char *out, size_t column, size_t count, const vf *y, enum umbel_float_format format, int convert,
                        int streaming, vu *largest) {
    if (convert && __builtin_expect(count >= BLOCK_COLUMNS, 1)) {
        struct converted converted;
        nothing_converted(&converted);
        convert_row(&converted, 0, y, BLOCK_VECTORS);
        if (all_ordinary(&converted)) {
            store_converted(out + 2 * column, 0, &converted, 1, BLOCK_VECTORS, streaming);
            return;
        }
    }
    store_row(out, column, count, y, BLOCK_VECTORS, format, streaming, largest);
}

// Rows without gaps are one long row: that of a norm is a single number.
INLINE struct umbel_tile flattened(const struct umbel_tile *tile, size_t other_stride) {
    struct umbel_tile flat = *tile;
    if (tile->in_stride != tile->columns || tile->out_stride != tile->columns || other_stride != tile->columns) return flat;
    flat.columns = tile->rows * tile->columns;
    flat.rows = flat.columns > 0;
    flat.in_stride = flat.out_stride = flat.columns;
    return flat;
}

static int set_merge_stored(const struct umbel_tile *tile, const void *values, size_t stride,
                            enum umbel_float_format format, float scale) {
    const vf factor = scale;
    const size_t bytes = stride * format_bytes(format);
    const struct umbel_tile flat = flattened(tile, stride);
    FOR_EACH_GROUP(&flat, {
        vf x[BLOCK_VECTORS];
        load_part(x, BLOCK_VECTORS, (const char *)values + row * bytes, column, count, format);
        for (int v = 0; v < BLOCK_VECTORS; v++) y[v] = __builtin_elementwise_fma(factor, x[v], y[v]);
    });
}

static int set_merge_scaled_rows(const struct umbel_tile *tile, const float *factors) {
    FOR_EACH_GROUP(tile, {
        const vf factor = factors[row];
        for (int v = 0; v < BLOCK_VECTORS; v++) y[v] *= factor;
    });
}

static int set_merge_scaled_columns(const struct umbel_tile *tile, const float *factors) {
    FOR_EACH_GROUP(tile, {
        vf factor[BLOCK_VECTORS];
        load_part(factor, BLOCK_VECTORS, factors, column, count, UMBEL_F32);
        for (int v = 0; v < BLOCK_VECTORS; v++) y[v] *= factor[v];
    });
}

INLINE int convert_formats(const struct umbel_tile *tile, enum umbel_float_format in, enum umbel_float_format out) {
    FOR_EACH_GROUP_OF(tile, in, out, 0, {});
}

static int set_convert(const struct umbel_tile *tile) {
    const struct umbel_tile flat = flattened(tile, tile->columns);
    if (flat.in_format == UMBEL_BF16 && flat.out_format == UMBEL_F32) return convert_formats(&flat, UMBEL_BF16, UMBEL_F32);
    if (flat.in_format == UMBEL_F16 && flat.out_format == UMBEL_F32) return convert_formats(&flat, UMBEL_F16, UMBEL_F32);
    return convert_formats(&flat, flat.in_format, flat.out_format);
}
