// One stage of a butterfly: blocks of rows that lie anywhere are rotated and put back to the same places.

// One block.
struct scattered {
    struct umbel_tile tile;
    const uint32_t *rows;
    size_t size;
    const float *rotation;
    const float *factors;  // of all rows of the tile; NULL for none
    float *panel;
    int streaming;
};

INLINE const char *scattered_row(const struct scattered *block, size_t k, enum umbel_float_format in) {
    return (const char *)block->tile.in + block->rows[k] * block->tile.in_stride * format_bytes(in);
}

// Widens a group of columns of all rows, before any of them is overwritten. In the first stage of a butterfly, which reads the
// base, the rows below are the next block's: they are asked for.
INLINE void gather_panel(const struct scattered *block, size_t column, size_t count, enum umbel_float_format in) {
    const size_t bytes = format_bytes(in), ahead = block->size * block->tile.in_stride * bytes + column * bytes;
    for (size_t k = 0; k < block->size; k++) {
        const char *const x = scattered_row(block, k, in);
        for (size_t line = 0; line < BLOCK_COLUMNS * bytes; line += 64) __builtin_prefetch(x + ahead + line, 0, 0);
        vf wide[BLOCK_VECTORS];
        load_part(wide, BLOCK_VECTORS, x, column, count, in);
        for (int v = 0; v < BLOCK_VECTORS; v++) store_f32(block->panel + k * BLOCK_COLUMNS + v * LANES, wide[v]);
    }
}

// Rows of the rotation times those of the block, where they lie or in the panel.
INLINE void rotate_scattered(vf sum[BLOCK_ROWS][BLOCK_VECTORS], const struct scattered *block, size_t row, size_t column,
                             int rows, int direct) {
    clear_sums(sum, rows, BLOCK_VECTORS);
    for (size_t k = 0; k < block->size; k++) {
        vf across[BLOCK_VECTORS];
        if (direct) {
            load(across, BLOCK_VECTORS, scattered_row(block, k, UMBEL_F32), column, UMBEL_F32);
        } else {
            load(across, BLOCK_VECTORS, block->panel, k * BLOCK_COLUMNS, UMBEL_F32);
        }
        for (int r = 0; r < rows; r++) {
            const vf factor = block->rotation[(row + r) * block->size + k];
            for (int v = 0; v < BLOCK_VECTORS; v++) sum[r][v] = __builtin_elementwise_fma(factor, across[v], sum[r][v]);
        }
    }
}

// Stores rotated rows from row `row` of the block on. Returns 0 if they have to be computed again.
INLINE int scatter_rows(const struct scattered *block, vf sum[BLOCK_ROWS][BLOCK_VECTORS], size_t row, size_t column,
                        int rows, size_t count, enum umbel_float_format out, int convert, vu *largest) {
    const size_t stride = block->tile.out_stride * format_bytes(out);
    int done = 1;
    UNROLLED for (int r = 0; r < rows; r++) {
        const size_t place = block->rows[row + r];
        if (block->factors) {
            for (int v = 0; v < BLOCK_VECTORS; v++) sum[r][v] *= block->factors[place];
        }
        char *const y = (char *)block->tile.out + place * stride;
        if (convert) {
            struct converted converted;
            nothing_converted(&converted);
            convert_row(&converted, 0, sum[r], BLOCK_VECTORS);
            store_converted(y + 2 * column, 0, &converted, 1, BLOCK_VECTORS, block->streaming);
            done &= all_ordinary(&converted);
        } else {
            store_row(y, column, count, sum[r], BLOCK_VECTORS, out, block->streaming, largest);
        }
    }
    return done;
}

// A group of columns that is not whole, or was on its way to bf16 and needs more than the CPU's own rounding.
static __attribute__((noinline)) void rotate_scattered_slowly(const struct scattered *block, size_t column, vu *largest) {
    const size_t count = block->tile.columns - column;
    gather_panel(block, column, count, block->tile.in_format);
    for (size_t row = 0; row < block->size; row++) {
        vf sum[BLOCK_ROWS][BLOCK_VECTORS];
        rotate_scattered(sum, block, row, column, 1, 0);
        scatter_rows(block, sum, row, column, 1, count, block->tile.out_format, 0, largest);
    }
}

INLINE void rotate_scattered_block(struct scattered block, enum umbel_float_format in, enum umbel_float_format out,
                                   int direct, int converts, vu *largest) {
    size_t column = 0;
    for (; column + BLOCK_COLUMNS <= block.tile.columns; column += BLOCK_COLUMNS) {
        int done = 1;
        size_t row = 0;
        if (!direct) gather_panel(&block, column, BLOCK_COLUMNS, in);
#define BLOCKS(ROWS)                                                                                                     \
    for (; row + ROWS <= block.size; row += ROWS) {                                                                      \
        vf sum[BLOCK_ROWS][BLOCK_VECTORS];                                                                               \
        rotate_scattered(sum, &block, row, column, ROWS, direct);                                                        \
        done &= scatter_rows(&block, sum, row, column, ROWS, BLOCK_COLUMNS, out, converts, largest);                     \
    }
        BLOCKS(BLOCK_ROWS)
        BLOCKS(4)
        BLOCKS(2)
        BLOCKS(1)
#undef BLOCKS
        if (!done) {
            const struct scattered kept = block;
            rotate_scattered_slowly(&kept, column, largest);
        }
    }
    if (column < block.tile.columns) {
        const struct scattered kept = block;
        rotate_scattered_slowly(&kept, column, largest);
    }
}

INLINE int rotate_scattered_in_formats(struct scattered block, size_t blocks, enum umbel_float_format in,
                                       enum umbel_float_format out, int direct, int converts) {
    vu largest = 0;
    for (size_t i = 0; i < blocks; i++) {
        rotate_scattered_block(block, in, out, direct, converts, &largest);
        block.rows += block.size;
        block.rotation += block.size * block.size;
    }
    finish_streaming(block.streaming);
    return is_below(largest, block.tile.limit);
}

static int set_merge_rotated_rows(const struct umbel_tile *tile, const uint32_t *rows, size_t size, size_t blocks,
                                  const float *rotations, const float *factors, float *panel) {
    const struct scattered block = {*tile, rows, size, rotations, factors, panel, streams(tile)};
    const enum umbel_float_format in = tile->in_format, out = tile->out_format;
    // Rows that are overwritten have to be read before.
    if (in == UMBEL_F32 && tile->in != tile->out) {
        if (converts(tile)) return rotate_scattered_in_formats(block, blocks, UMBEL_F32, UMBEL_BF16, 1, 1);
        if (out == UMBEL_F32) return rotate_scattered_in_formats(block, blocks, UMBEL_F32, UMBEL_F32, 1, 0);
        if (out == UMBEL_F16) return rotate_scattered_in_formats(block, blocks, UMBEL_F32, UMBEL_F16, 1, 0);
    }
    if (in == UMBEL_BF16 && out == UMBEL_F32) {
        return rotate_scattered_in_formats(block, blocks, UMBEL_BF16, UMBEL_F32, 0, 0);
    }
    if (in == UMBEL_F16 && out == UMBEL_F32) return rotate_scattered_in_formats(block, blocks, UMBEL_F16, UMBEL_F32, 0, 0);
    return rotate_scattered_in_formats(block, blocks, in, out, 0, 0);
}
