// Rotations of rows: whole blocks of a tile in one pass, and the stages of a butterfly on panels.

// `rows` rows of the rotation times a panel, stored from row `row` of the tile on.
INLINE void rotated_block(const struct umbel_tile *tile, size_t row, size_t column, int rows, const float *rotation,
                          const float *factors, const float *panel, enum umbel_float_format out, int streaming,
                          vu *largest) {
    vf sum[BLOCK_ROWS][BLOCK_VECTORS];
    block_sums(sum, rows, BLOCK_VECTORS, (struct input){rotation + row * tile->rows, tile->rows},
               (struct input){panel, BLOCK_COLUMNS}, tile->rows);
    UNROLLED for (int r = 0; r < rows; r++) {
        for (int v = 0; v < BLOCK_VECTORS; v++) {
            if (factors) sum[r][v] *= factors[row + r];
            *largest = larger_magnitude(*largest, sum[r][v]);
        }
        store_part((char *)tile->out + (row + r) * tile->out_stride * format_bytes(out), column, tile->columns - column,
                   sum[r], BLOCK_VECTORS, out, streaming);
    }
}

// Rows of a block times a small matrix. A panel of all its rows is widened before any of it is overwritten.
INLINE int rotate_in_formats(const struct umbel_tile *tile, const float *rotation, const float *factors, float *panel,
                             enum umbel_float_format in, enum umbel_float_format out) {
    const int streaming = streams(tile);
    vu largest = 0;
    for (size_t column = 0; column < tile->columns; column += BLOCK_COLUMNS) {
        const char *x = tile->in;
        for (size_t row = 0; row < tile->rows; row++, x += tile->in_stride * format_bytes(in)) {
            vf wide[BLOCK_VECTORS];
            prefetch_row(x, column, in);
            load_part(wide, BLOCK_VECTORS, x, column, tile->columns - column, in);
            for (int v = 0; v < BLOCK_VECTORS; v++) store_f32(panel + row * BLOCK_COLUMNS + v * LANES, wide[v]);
        }
#define BLOCK(ROWS) rotated_block(tile, row, column, ROWS, rotation, factors, panel, out, streaming, &largest)
        size_t row = 0;
        for (; row + BLOCK_ROWS <= tile->rows; row += BLOCK_ROWS) BLOCK(BLOCK_ROWS);
        for (; row + 4 <= tile->rows; row += 4) BLOCK(4);
        for (; row + 2 <= tile->rows; row += 2) BLOCK(2);
        for (; row < tile->rows; row++) BLOCK(1);
#undef BLOCK
    }
    finish_streaming(streaming);
    return is_below(largest, tile->limit);
}

static int set_merge_rotated(const struct umbel_tile *tile, const float *rotation, const float *factors, float *panel) {
#define FORMATS(IN, OUT)                                                                                                 \
    if (tile->in_format == IN && tile->out_format == OUT) {                                                              \
        return rotate_in_formats(tile, rotation, factors, panel, IN, OUT);                                               \
    }
    FORMATS(UMBEL_BF16, UMBEL_BF16)
    FORMATS(UMBEL_F16, UMBEL_F16)
    FORMATS(UMBEL_F32, UMBEL_F32)
#undef FORMATS
    return rotate_in_formats(tile, rotation, factors, panel, tile->in_format, tile->out_format);
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
