// Rotations of rows: whole blocks of a tile in one pass, and the stages of a butterfly on panels.

struct rotating {
    struct umbel_tile tile;  // one block
    const float *rotation;
    const float *factors;  // NULL for none
    const float *panel;
    int streaming;
};

static __attribute__((noinline)) void rotate_again(const struct rotating *rotating, size_t row, size_t column, int rows,
                                                   vu *largest);

// `rows` rows of the rotation times a panel, stored from row `row` of the block on.
INLINE void rotated_block(struct rotating rotating, size_t row, size_t column, int rows, enum umbel_float_format out,
                          int converts, vu *largest) {
    const struct umbel_tile tile = rotating.tile;
    const size_t count = tile.columns - column, stride = tile.out_stride * format_bytes(out);
    char *const place = (char *)tile.out + row * stride;
    vf sum[BLOCK_ROWS][BLOCK_VECTORS];
    block_sums(sum, rows, BLOCK_VECTORS, (struct input){rotating.rotation + row * tile.rows, tile.rows},
               (struct input){rotating.panel, BLOCK_COLUMNS}, tile.rows);
    const int convert = converts && __builtin_expect(count >= BLOCK_COLUMNS, 1);
    struct converted seen = nothing_converted;
    UNROLLED for (int r = 0; r < rows; r++) {
        if (rotating.factors) {
            for (int v = 0; v < BLOCK_VECTORS; v++) sum[r][v] *= rotating.factors[row + r];
        }
        if (convert) {
            store_converted(place + r * stride + 2 * column, sum[r], BLOCK_VECTORS, rotating.streaming, &seen);
        } else {
            store_row(place + r * stride, column, count, sum[r], BLOCK_VECTORS, out, rotating.streaming, largest);
        }
    }
    if (convert && !finish_converted(seen, largest)) {
        const struct rotating kept = rotating;
        rotate_again(&kept, row, column, rows, largest);
    }
}

// In bf16 without the CPU's own rounding.
static __attribute__((noinline)) void rotate_again(const struct rotating *rotating, size_t row, size_t column, int rows,
                                                   vu *largest) {
    for (int r = 0; r < rows; r++) rotated_block(*rotating, row + r, column, 1, UMBEL_BF16, 0, largest);
}

// One block. A panel of all its rows is widened before any of it is overwritten.
INLINE void rotate_block(struct rotating rotating, float *panel, enum umbel_float_format in, enum umbel_float_format out,
                         int converts, vu *largest) {
    const struct umbel_tile tile = rotating.tile;
    const size_t stride = tile.in_stride * format_bytes(in);
    for (size_t column = 0; column < tile.columns; column += BLOCK_COLUMNS) {
        const char *x = tile.in;
        for (size_t row = 0; row < tile.rows; row++, x += stride) {
            vf wide[BLOCK_VECTORS];
            prefetch_row(x, column, tile.columns, tile.rows * tile.in_stride, BLOCK_VECTORS, in);
            load_part(wide, BLOCK_VECTORS, x, column, tile.columns - column, in);
            for (int v = 0; v < BLOCK_VECTORS; v++) store_f32(panel + row * BLOCK_COLUMNS + v * LANES, wide[v]);
        }
        size_t row = 0;
#define BLOCKS(ROWS)                                                                                                     \
    for (; row + ROWS <= tile.rows; row += ROWS) rotated_block(rotating, row, column, ROWS, out, converts, largest);
        BLOCKS(BLOCK_ROWS)
        BLOCKS(4)
        BLOCKS(2)
        BLOCKS(1)
#undef BLOCKS
    }
}

INLINE int rotate_in_formats(const struct umbel_tile *tile, size_t size, const float *rotations, const float *factors,
                             float *panel, enum umbel_float_format in, enum umbel_float_format out, int converts) {
    const size_t in_bytes = size * tile->in_stride * format_bytes(in), out_bytes = size * tile->out_stride * format_bytes(out);
    struct rotating rotating = {*tile, rotations, factors, panel, streams(tile)};
    rotating.tile.rows = size;
    vu largest = 0;
    for (size_t row = 0; row + size <= tile->rows; row += size) {
        rotate_block(rotating, panel, in, out, converts, &largest);
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

// One stage of a butterfly on a panel of PANEL columns, block after block of `size` rows.
static void set_rotate_panel_rows(float *restrict out, const float *restrict in, const uint32_t *rows, size_t size,
                                  size_t blocks, const float *rotations) {
#define BLOCK(ROWS)                                                                                                      \
    do {                                                                                                                 \
        vf sum[BLOCK_ROWS][BLOCK_VECTORS];                                                                               \
        for (int r = 0; r < ROWS; r++) {                                                                                 \
            for (int v = 0; v < BLOCK_VECTORS; v++) sum[r][v] = 0;                                                       \
        }                                                                                                                \
        for (size_t k = 0; k < size; k++) {                                                                              \
            const float *const x = in + rows[k] * (size_t)PANEL + column;                                                \
            vf across[BLOCK_VECTORS];                                                                                    \
            for (int v = 0; v < BLOCK_VECTORS; v++) across[v] = load_f32(x + v * LANES);                                 \
            for (int r = 0; r < ROWS; r++) {                                                                             \
                const vf factor = rotations[(i + r) * size + k];                                                         \
                for (int v = 0; v < BLOCK_VECTORS; v++) {                                                                \
                    sum[r][v] = __builtin_elementwise_fma(factor, across[v], sum[r][v]);                                 \
                }                                                                                                        \
            }                                                                                                            \
        }                                                                                                                \
        UNROLLED for (int r = 0; r < ROWS; r++) {                                                                        \
            for (int v = 0; v < BLOCK_VECTORS; v++) {                                                                    \
                store_f32(out + rows[i + r] * (size_t)PANEL + column + v * LANES, sum[r][v]);                            \
            }                                                                                                            \
        }                                                                                                                \
    } while (0)
    for (size_t block = 0; block < blocks; block++, rows += size, rotations += size * size) {
        for (size_t column = 0; column < PANEL; column += BLOCK_COLUMNS) {
            size_t i = 0;
            for (; i + BLOCK_ROWS <= size; i += BLOCK_ROWS) BLOCK(BLOCK_ROWS);
            for (; i + 4 <= size; i += 4) BLOCK(4);
            for (; i + 2 <= size; i += 2) BLOCK(2);
            for (; i < size; i++) BLOCK(1);
        }
    }
#undef BLOCK
}
