// Rotations of consecutive rows: whole blocks of a tile in one pass.

struct rotating {
    struct umbel_tile tile;  // one block
    const float *rotation;
    const float *factors;  // NULL for none
    float *panel;
    int streaming;
};

// Rows of a rotation times the rows of a panel.
INLINE void rotate_panel(vf sum[BLOCK_ROWS][BLOCK_VECTORS], const struct rotating *rotating, size_t row, int rows) {
    const size_t size = rotating->tile.rows;
    block_sums(sum, rows, BLOCK_VECTORS, (struct input){rotating->rotation + row * size, size},
               (struct input){rotating->panel, BLOCK_COLUMNS}, size);
}

// The same of a block of few rows, all of them and as they are stored.
INLINE void rotate_stored(vf sum[BLOCK_ROWS][BLOCK_VECTORS], struct umbel_tile tile, const float *rotation, size_t column,
                          int rows, enum umbel_float_format in) {
    const size_t stride = tile.in_stride * format_bytes(in);
    for (int r = 0; r < rows; r++) {
        for (int v = 0; v < BLOCK_VECTORS; v++) sum[r][v] = 0;
    }
    UNROLLED for (int k = 0; k < rows; k++) {
        vf across[BLOCK_VECTORS];
        const char *const x = (const char *)tile.in + k * stride;
        prefetch_row(x, column, tile.columns, rows * tile.in_stride, BLOCK_VECTORS, in);
        load(across, BLOCK_VECTORS, x, column, in);
        for (int r = 0; r < rows; r++) {
            const vf factor = rotation[r * rows + k];
            for (int v = 0; v < BLOCK_VECTORS; v++) sum[r][v] = __builtin_elementwise_fma(factor, across[v], sum[r][v]);
        }
    }
}

// Stores rotated rows from row `row` of the block on. Returns 0 if they have to be computed again.
INLINE int store_rotated(struct rotating rotating, vf sum[BLOCK_ROWS][BLOCK_VECTORS], size_t row, size_t column, int rows,
                         size_t count, enum umbel_float_format out, int convert, vu *largest) {
    const struct umbel_tile tile = rotating.tile;
    const size_t stride = tile.out_stride * format_bytes(out);
    char *const place = (char *)tile.out + row * stride;
    struct converted converted;
    nothing_converted(&converted);
    UNROLLED for (int r = 0; r < rows; r++) {
        if (rotating.factors) {
            for (int v = 0; v < BLOCK_VECTORS; v++) sum[r][v] *= rotating.factors[row + r];
        }
        if (convert) {
            convert_row(&converted, r, sum[r], BLOCK_VECTORS);
        } else {
            store_row(place + r * stride, column, count, sum[r], BLOCK_VECTORS, out, rotating.streaming, largest);
        }
    }
    if (!convert) return 1;
    store_converted(place + 2 * column, stride, &converted, rows, BLOCK_VECTORS, rotating.streaming);
    return all_ordinary(&converted);
}

// Widens a group of columns of all rows, before any of them is overwritten.
INLINE void fill_panel(const struct rotating *rotating, size_t column, size_t count, enum umbel_float_format in) {
    const struct umbel_tile tile = rotating->tile;
    const size_t stride = tile.in_stride * format_bytes(in);
    const char *x = tile.in;
    for (size_t row = 0; row < tile.rows; row++, x += stride) {
        vf wide[BLOCK_VECTORS];
        prefetch_row(x, column, tile.columns, tile.rows * tile.in_stride, BLOCK_VECTORS, in);
        load_part(wide, BLOCK_VECTORS, x, column, count, in);
        for (int v = 0; v < BLOCK_VECTORS; v++) store_f32(rotating->panel + row * BLOCK_COLUMNS + v * LANES, wide[v]);
    }
}

// A group of columns that is not whole, or was on its way to bf16 and needs more than the CPU's own rounding.
static __attribute__((noinline)) void rotate_slowly(const struct rotating *rotating, size_t column, vu *largest) {
    const struct umbel_tile tile = rotating->tile;
    const size_t count = tile.columns - column;
    fill_panel(rotating, column, count, tile.in_format);
    for (size_t row = 0; row < tile.rows; row++) {
        vf sum[BLOCK_ROWS][BLOCK_VECTORS];
        rotate_panel(sum, rotating, row, 1);
        store_rotated(*rotating, sum, row, column, 1, count, tile.out_format, 0, largest);
    }
}

// One block.
INLINE void rotate_block(struct rotating rotating, enum umbel_float_format in, enum umbel_float_format out, int converts,
                         vu *largest) {
    const struct umbel_tile tile = rotating.tile;
    size_t column = 0;
    for (; column + BLOCK_COLUMNS <= tile.columns; column += BLOCK_COLUMNS) {
        vf sum[BLOCK_ROWS][BLOCK_VECTORS];
        int done = 1;
#define STORED(ROWS)                                                                                                     \
    case ROWS:                                                                                                           \
        rotate_stored(sum, tile, rotating.rotation, column, ROWS, in);                                                   \
        done = store_rotated(rotating, sum, 0, column, ROWS, BLOCK_COLUMNS, out, converts, largest);                     \
        break;
#define BLOCKS(ROWS)                                                                                                     \
    for (; row + ROWS <= tile.rows; row += ROWS) {                                                                       \
        rotate_panel(sum, &rotating, row, ROWS);                                                                         \
        done &= store_rotated(rotating, sum, row, column, ROWS, BLOCK_COLUMNS, out, converts, largest);                  \
    }
        switch (tile.rows) {
            STORED(2)
            STORED(4)
        default:
            fill_panel(&rotating, column, BLOCK_COLUMNS, in);
            size_t row = 0;
            BLOCKS(BLOCK_ROWS)
            BLOCKS(4)
            BLOCKS(2)
            BLOCKS(1)
        }
#undef STORED
#undef BLOCKS
        if (!done) {
            const struct rotating kept = rotating;
            rotate_slowly(&kept, column, largest);
        }
    }
    if (column < tile.columns) {
        const struct rotating kept = rotating;
        rotate_slowly(&kept, column, largest);
    }
}

INLINE int rotate_in_formats(const struct umbel_tile *tile, size_t size, const float *rotations, const float *factors,
                             float *panel, enum umbel_float_format in, enum umbel_float_format out, int converts) {
    const size_t in_bytes = size * tile->in_stride * format_bytes(in), out_bytes = size * tile->out_stride * format_bytes(out);
    struct rotating rotating = {*tile, rotations, factors, panel, streams(tile)};
    rotating.tile.rows = size;
    vu largest = 0;
    for (size_t row = 0; row + size <= tile->rows; row += size) {
        rotate_block(rotating, in, out, converts, &largest);
        rotating.tile.in = (const char *)rotating.tile.in + in_bytes;
        rotating.tile.out = (char *)rotating.tile.out + out_bytes;
        rotating.rotation += size * size;
        if (factors) rotating.factors += size;
    }
    finish_streaming(rotating.streaming);
    return is_below(largest, tile->limit);
}

static int set_merge_rotated(const struct umbel_tile *tile, size_t size, const float *rotations, const float *factors,
                             float *panel) {
#define FORMATS(IN, OUT)                                                                                                 \
    if (tile->in_format == IN && tile->out_format == OUT) {                                                              \
        return rotate_in_formats(tile, size, rotations, factors, panel, IN, OUT, 0);                                     \
    }
    if (tile->in_format == UMBEL_BF16 && converts(tile)) {
        return rotate_in_formats(tile, size, rotations, factors, panel, UMBEL_BF16, UMBEL_BF16, 1);
    }
    FORMATS(UMBEL_BF16, UMBEL_BF16)
    FORMATS(UMBEL_F16, UMBEL_F16)
    FORMATS(UMBEL_F32, UMBEL_F32)
#undef FORMATS
    return rotate_in_formats(tile, size, rotations, factors, panel, tile->in_format, tile->out_format, 0);
}

