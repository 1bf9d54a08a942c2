// Kronecker products: rows that share their outer numbers are merged together, so that these are spread once for all of them.

struct kronecker {
    struct umbel_tile tile;
    struct umbel_kronecker product;
    float scale;
    int streaming;
    // Outer numbers that change more than once in a block's columns, written out; NULL if they do not.
    float *outer_row;
};

// Where in its rows a block begins.
struct kronecker_place {
    const float *inner;          // the first row's repeated numbers
    const float *current, *end;  // the outer number of the block's first column, and behind the row's last one
    size_t phase;                // columns of `inner` that come before the block
};

INLINE struct kronecker_place kronecker_rows(const struct kronecker *kronecker, size_t row) {
    const struct umbel_kronecker product = kronecker->product;
    const size_t whole = product.first_row + row;
    const float *const outer = product.outer + whole / product.inner_rows * product.outer_columns;
    const float *const inner = product.inner + whole % product.inner_rows * product.inner_stride;
    return (struct kronecker_place){inner, outer, outer + product.outer_columns, 0};
}

// The numbers that the columns of a block are multiplied by: `current` for those before the place where it changes, the
// one behind it for the others.
INLINE void load_outer(vf *outer, struct kronecker_place place, size_t period) {
    static const uint32_t numbers[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    const size_t change = period - place.phase;
    const vf before = *place.current;
    for (int v = 0; v < BLOCK_VECTORS; v++) outer[v] = before;
    if (change >= BLOCK_COLUMNS) return;
    const vf after = place.current + 1 < place.end ? place.current[1] : 0;
    vu number;
    memcpy(&number, numbers, sizeof number);
    for (int v = 0; v < BLOCK_VECTORS; v++) {
        outer[v] = select_bits((vu)(number + v * LANES < (uint32_t)change), before, after);
    }
}

static __attribute__((noinline)) void kronecker_slowly(const struct kronecker *kronecker,
                                                       const struct kronecker_place *place, size_t row, size_t column,
                                                       int rows, vu *largest);

// y = fma(scale, outer · inner rounded, x) of a block.
INLINE void kronecker_block(struct kronecker kronecker, struct kronecker_place place, size_t row, size_t column, int rows,
                            int whole, enum umbel_float_format in, enum umbel_float_format out, int convert, vu *largest) {
    const struct umbel_tile tile = kronecker.tile;
    const size_t count = whole ? (size_t)BLOCK_COLUMNS : tile.columns - column;
    const size_t in_stride = tile.in_stride * format_bytes(in), out_stride = tile.out_stride * format_bytes(out);
    const char *const x = (const char *)tile.in + row * in_stride;
    char *const y = (char *)tile.out + row * out_stride;
    prefetch_block(x, &tile, (struct run){0, tile.columns}, column, rows, 0, in);
    vf outer[BLOCK_VECTORS];
    if (kronecker.outer_row) {
        load_part(outer, BLOCK_VECTORS, kronecker.outer_row, column, count, UMBEL_F32);
    } else {
        load_outer(outer, place, kronecker.product.inner_columns);
    }
    const vf factor = kronecker.scale;
    struct converted converted;
    nothing_converted(&converted);
    UNROLLED for (int r = 0; r < rows; r++) {
        const float *const inner = place.inner + r * kronecker.product.inner_stride + place.phase;
        vf merged[BLOCK_VECTORS];
        load_part(merged, BLOCK_VECTORS, x + r * in_stride, column, count, in);
        for (int v = 0; v < BLOCK_VECTORS; v++) {
            const vf delta = outer[v] * load_f32(inner + v * LANES);
            merged[v] = __builtin_elementwise_fma(factor, delta, merged[v]);
        }
        if (convert) {
            convert_row(&converted, r, merged, BLOCK_VECTORS);
        } else {
            store_row(y + r * out_stride, column, count, merged, BLOCK_VECTORS, out, kronecker.streaming, largest);
        }
    }
    if (!convert) return;
    store_converted(y + 2 * column, out_stride, &converted, rows, BLOCK_VECTORS, kronecker.streaming);
    if (!all_ordinary(&converted)) {
        const struct kronecker kept = kronecker;
        const struct kronecker_place here = place;
        kronecker_slowly(&kept, &here, row, column, rows, largest);
    }
}

// What is not a whole block, or was on its way to bf16 and needs more than the CPU's own rounding.
static __attribute__((noinline)) void kronecker_slowly(const struct kronecker *kronecker,
                                                       const struct kronecker_place *place, size_t row, size_t column,
                                                       int rows, vu *largest) {
    const enum umbel_float_format in = kronecker->tile.in_format, out = kronecker->tile.out_format;
    struct kronecker_place here = *place;
    for (int r = 0; r < rows; r++, here.inner += kronecker->product.inner_stride) {
        kronecker_block(*kronecker, here, row + r, column, 1, 0, in, out, 0, largest);
    }
}

// Rows that share their outer numbers, from the first column to the last.
INLINE void kronecker_run(struct kronecker kronecker, size_t row, int rows, enum umbel_float_format in,
                          enum umbel_float_format out, int convert, vu *largest) {
    const size_t columns = kronecker.tile.columns, period = kronecker.product.inner_columns;
    const size_t step = kronecker.outer_row ? BLOCK_COLUMNS % period : BLOCK_COLUMNS;
    struct kronecker_place place = kronecker_rows(&kronecker, row);
    size_t column = 0;
    for (; column + BLOCK_COLUMNS <= columns; column += BLOCK_COLUMNS) {
        kronecker_block(kronecker, place, row, column, rows, 1, in, out, convert, largest);
        place.phase += step;
        const int changes = place.phase >= period;
        place.phase -= changes ? period : 0;
        place.current += changes;
    }
    if (column < columns) {
        const struct kronecker kept = kronecker;
        const struct kronecker_place here = place;
        kronecker_slowly(&kept, &here, row, column, rows, largest);
    }
}

// Writes out the outer numbers of a row's columns.
static __attribute__((noinline)) void write_outer(const struct kronecker *kronecker, size_t row) {
    const float *const outer = kronecker_rows(kronecker, row).current;
    const size_t period = kronecker->product.inner_columns;
    for (size_t first = 0, c = 0; first < kronecker->tile.columns; first += period, c++) {
        for (size_t j = 0; j < period; j++) kronecker->outer_row[first + j] = outer[c];
    }
}

INLINE int kronecker_in_formats(struct kronecker kronecker, enum umbel_float_format in, enum umbel_float_format out,
                                int convert) {
    const size_t inner_rows = kronecker.product.inner_rows;
    vu largest = 0;
    for (size_t row = 0; row < kronecker.tile.rows;) {
        const size_t inner_row = (kronecker.product.first_row + row) % inner_rows;
        const size_t left = kronecker.tile.rows - row, alike = inner_rows - inner_row;
        const size_t end = row + (left < alike ? left : alike);
        if (kronecker.outer_row) {
            const struct kronecker kept = kronecker;
            write_outer(&kept, row);
        }
        for (; row + BLOCK_ROWS <= end; row += BLOCK_ROWS) {
            kronecker_run(kronecker, row, BLOCK_ROWS, in, out, convert, &largest);
        }
        for (; row + 2 <= end; row += 2) kronecker_run(kronecker, row, 2, in, out, convert, &largest);
        for (; row < end; row++) kronecker_run(kronecker, row, 1, in, out, convert, &largest);
    }
    return is_below(largest, kronecker.tile.limit);
}

INLINE int kronecker_tile(struct kronecker kronecker) {
    const struct umbel_tile tile = kronecker.tile;
#define FORMATS(IN, OUT, CONVERT)                                                                                        \
    if (tile.in_format == IN && tile.out_format == OUT && CONVERT <= converts(&tile)) {                                  \
        return kronecker_in_formats(kronecker, IN, OUT, CONVERT);                                                        \
    }
    FORMATS(UMBEL_BF16, UMBEL_BF16, 1)
    FORMATS(UMBEL_BF16, UMBEL_BF16, 0)
    FORMATS(UMBEL_F16, UMBEL_F16, 0)
    FORMATS(UMBEL_F32, UMBEL_F32, 0)
#undef FORMATS
    return kronecker_in_formats(kronecker, tile.in_format, tile.out_format, 0);
}

static int set_merge_kronecker(const struct umbel_tile *tile, const struct umbel_kronecker *product, float scale,
                               float *outer_row) {
    const int streaming = streams(tile), changes_often = product->inner_columns < BLOCK_COLUMNS;
    const int fits = kronecker_tile((struct kronecker){*tile, *product, scale, streaming, changes_often ? outer_row : NULL});
    finish_streaming(streaming);
    return fits;
}
