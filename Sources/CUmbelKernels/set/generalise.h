// Products with the weight itself: its projection, and the sum of a product and a projection added in one pass.

// Eight lines at a time, so that as many sums are under way as the CPU can work on.
static void set_project(float *restrict out, const float *restrict x, size_t x_stride, size_t rows, size_t kernel,
                        const float *restrict right, size_t right_stride, size_t inner) {
    enum { LINES = 8 };
    const size_t lines = rows * kernel;
    for (size_t first = 0; first < lines; first += LINES) {
        const float *line[LINES];
        for (size_t l = 0; l < LINES; l++) {
            // Lines beyond the last are that one again, and not stored.
            const size_t index = first + l < lines ? first + l : lines - 1;
            line[l] = x + index / kernel * x_stride + index % kernel;
        }
        for (size_t column = 0; column < right_stride; column += LANES) {
            vf sum[LINES] = {0};
            for (size_t i = 0; i < inner; i++) {
                const vf across = load_f32(right + i * right_stride + column);
                UNROLLED for (int l = 0; l < LINES; l++) {
                    const vf factor = line[l][i * kernel];
                    sum[l] = __builtin_elementwise_fma(factor, across, sum[l]);
                }
            }
            UNROLLED for (size_t l = 0; l < LINES; l++) {
                if (first + l < lines) store_f32(out + (first + l) * right_stride + column, sum[l]);
            }
        }
    }
}

// A block of a product whose left side changes with the column: numbers j, j + 1, … of a line that repeats.
INLINE void repeating_sums(vf sum[BLOCK_ROWS][BLOCK_VECTORS], int rows, int vectors, const float *lines, size_t length,
                           const size_t *begin, struct input right, size_t inner) {
    for (int r = 0; r < rows; r++) {
        for (int v = 0; v < vectors; v++) sum[r][v] = 0;
    }
    for (size_t k = 0; k < inner; k++) {
        vf across[BLOCK_VECTORS];
        for (int v = 0; v < vectors; v++) across[v] = load_f32(right.start + k * right.stride + v * LANES);
        for (int r = 0; r < rows; r++) {
            const float *const line = lines + (r * inner + k) * length;
            for (int v = 0; v < vectors; v++) {
                sum[r][v] = __builtin_elementwise_fma(load_f32(line + begin[v]), across[v], sum[r][v]);
            }
        }
    }
}

INLINE void generalised_block(const struct umbel_tile *tile, size_t row, size_t column, int rows,
                              const struct umbel_product *sum, const struct umbel_projection *projection,
                              const float *lines, size_t length, const size_t *begin, float scale,
                              enum umbel_float_format in, enum umbel_float_format out, int streaming, vu *largest) {
    enum { VECTORS = BLOCK_VECTORS / 2 };
    vf first[BLOCK_ROWS][BLOCK_VECTORS], second[BLOCK_ROWS][BLOCK_VECTORS];
    const size_t count = tile->columns - column, panel = column / PANEL * PANEL, inside = column % PANEL;
    block_sums(first, rows, VECTORS, (struct input){sum->left + row * sum->left_stride, sum->left_stride},
               (struct input){sum->panels + panel * sum->inner + inside, PANEL}, sum->inner);
    repeating_sums(second, rows, VECTORS, lines, length, begin,
                   (struct input){projection->panels + panel * projection->inner + inside, PANEL}, projection->inner);
    const vf factor = scale;
    UNROLLED for (int r = 0; r < rows; r++) {
        const char *const x = (const char *)tile->in + (row + r) * tile->in_stride * format_bytes(in);
        char *const place = (char *)tile->out + (row + r) * tile->out_stride * format_bytes(out);
        vf y[BLOCK_VECTORS];
        load_part(y, VECTORS, x, column, count, in);
        for (int v = 0; v < VECTORS; v++) {
            y[v] = __builtin_elementwise_fma(factor, first[r][v] + second[r][v], y[v]);
            *largest = larger_magnitude(*largest, y[v]);
        }
        store_part(place, column, count, y, VECTORS, out, streaming);
    }
}

INLINE int generalise_in_formats(const struct umbel_tile *tile, const struct umbel_product *sum,
                                 const struct umbel_projection *projection, float scale, float *lines,
                                 enum umbel_float_format in, enum umbel_float_format out) {
    enum { VECTORS = BLOCK_VECTORS / 2 };
    const int streaming = streams(tile);
    const size_t kernel = projection->kernel, inner = projection->inner;
    const size_t length = kernel + UMBEL_LINE_MARGIN, width = (size_t)VECTORS * LANES;
    vu largest = 0;
    for (size_t row = 0; row < tile->rows; row += BLOCK_ROWS) {
        const size_t rows = tile->rows - row < BLOCK_ROWS ? tile->rows - row : BLOCK_ROWS;
        for (size_t r = 0; r < rows; r++) {
            const float *const left = projection->left + (row + r) * kernel * projection->left_stride;
            for (size_t k = 0; k < inner; k++) {
                float *const line = lines + (r * inner + k) * length;
                for (size_t i = 0; i < kernel; i++) line[i] = left[i * projection->left_stride + k];
                for (size_t i = kernel; i < length; i++) line[i] = line[i - kernel];
            }
        }
        // Where in a line the registers of a block begin: their column modulo the kernel.
        size_t begin[VECTORS];
        for (int v = 0; v < VECTORS; v++) begin[v] = (size_t)v * LANES % kernel;
        const size_t step = width % kernel;
        for (size_t column = 0; column < tile->columns; column += width) {
            if (rows == BLOCK_ROWS) {
                generalised_block(tile, row, column, BLOCK_ROWS, sum, projection, lines, length, begin, scale, in, out,
                                  streaming, &largest);
            } else {
                for (size_t r = 0; r < rows; r++) {
                    generalised_block(tile, row + r, column, 1, sum, projection, lines + r * inner * length, length,
                                      begin, scale, in, out, streaming, &largest);
                }
            }
            for (int v = 0; v < VECTORS; v++) {
                begin[v] += step;
                if (begin[v] >= kernel) begin[v] -= kernel;
            }
        }
    }
    finish_streaming(streaming);
    return is_below(largest, tile->limit);
}

// The weight is in f32 already, since it was projected before.
static int set_merge_generalised(const struct umbel_tile *tile, const struct umbel_product *sum,
                                 const struct umbel_projection *projection, float scale, float *lines) {
#define FORMATS(IN, OUT)                                                                                                 \
    if (tile->in_format == IN && tile->out_format == OUT) {                                                              \
        return generalise_in_formats(tile, sum, projection, scale, lines, IN, OUT);                                      \
    }
    FORMATS(UMBEL_F32, UMBEL_BF16)
    FORMATS(UMBEL_F32, UMBEL_F16)
    FORMATS(UMBEL_F32, UMBEL_F32)
#undef FORMATS
    return generalise_in_formats(tile, sum, projection, scale, lines, tile->in_format, tile->out_format);
}
