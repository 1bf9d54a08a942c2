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

// Makes stores past the caches visible to other threads in order.
INLINE void finish_streaming(int streaming) {
#if defined(__x86_64__)
    if (streaming) __builtin_ia32_sfence();
#else
    (void)streaming;
#endif
}

// MARK: Products

enum joining { ONLY_FIRST, TIMES_SECOND };

// One block: `rows` rows of `vectors` registers, `count` columns of which exist. The formats are constants where it
// matters, so that the sums stay in registers to the end.
INLINE void merge_block(const struct umbel_tile *tile, size_t row, size_t column, size_t count, int rows, int vectors,
                        const struct umbel_product *first, const struct umbel_product *second, enum joining joining,
                        float scale, enum umbel_float_format in, enum umbel_float_format out, int streaming,
                        vu *largest) {
    vf sum[BLOCK_ROWS][BLOCK_VECTORS], other[BLOCK_ROWS][BLOCK_VECTORS];
    const size_t panel = column / PANEL * PANEL, inside = column % PANEL;
    for (int r = 0; r < rows; r++) {
        prefetch_row((const char *)tile->in + (row + r) * tile->in_stride * format_bytes(in), column, in);
    }
    block_sums(sum, rows, vectors, (struct input){first->left + row * first->left_stride, first->left_stride},
               (struct input){first->panels + panel * first->inner + inside, PANEL}, first->inner);
    if (joining != ONLY_FIRST) {
        block_sums(other, rows, vectors, (struct input){second->left + row * second->left_stride, second->left_stride},
                   (struct input){second->panels + panel * second->inner + inside, PANEL}, second->inner);
    }
    const vf factor = scale;
    UNROLLED for (int r = 0; r < rows; r++) {
        const char *const x = (const char *)tile->in + (row + r) * tile->in_stride * format_bytes(in);
        char *const place = (char *)tile->out + (row + r) * tile->out_stride * format_bytes(out);
        vf y[BLOCK_VECTORS];
        load_part(y, vectors, x, column, count, in);
        for (int v = 0; v < vectors; v++) {
            vf delta = sum[r][v];
            if (joining == TIMES_SECOND) delta = delta * other[r][v];
            y[v] = __builtin_elementwise_fma(factor, delta, y[v]);
            *largest = larger_magnitude(*largest, y[v]);
        }
        store_part(place, column, count, y, vectors, out, streaming);
    }
}

// Panels are taken in runs that stay in the second-level cache, and every run down all rows.
INLINE int merge_in_formats(const struct umbel_tile *tile, const struct umbel_product *first,
                            const struct umbel_product *second, enum joining joining, float scale,
                            enum umbel_float_format in, enum umbel_float_format out) {
    const int vectors = joining == ONLY_FIRST ? BLOCK_VECTORS : BLOCK_VECTORS / 2;
    const size_t width = (size_t)vectors * LANES;
    const size_t inner = first->inner + (joining == ONLY_FIRST ? 0 : second->inner);
    const size_t kept = KEPT_BYTES / (sizeof(float) * PANEL);
    const size_t run = inner == 0 ? tile->columns : kept < inner ? PANEL : kept / inner * PANEL;
    const int streaming = streams(tile);
    vu largest = 0;
#define BLOCK(ROWS)                                                                                                      \
    merge_block(tile, row, column, tile->columns - column, ROWS, vectors, first, second, joining, scale, in, out,        \
                streaming, &largest)
    for (size_t begin = 0; begin < tile->columns; begin += run) {
        const size_t end = begin + run < tile->columns ? begin + run : tile->columns;
        size_t row = 0;
        for (; row + BLOCK_ROWS <= tile->rows; row += BLOCK_ROWS) {
            for (size_t column = begin; column < end; column += width) BLOCK(BLOCK_ROWS);
        }
        for (; row + 2 <= tile->rows; row += 2) {
            for (size_t column = begin; column < end; column += width) BLOCK(2);
        }
        for (; row < tile->rows; row++) {
            for (size_t column = begin; column < end; column += width) BLOCK(1);
        }
    }
#undef BLOCK
    finish_streaming(streaming);
    return is_below(largest, tile->limit);
}

// The formats that most bases have are compiled in; the others are chosen for every group of columns.
INLINE int merge_products(const struct umbel_tile *tile, const struct umbel_product *first,
                          const struct umbel_product *second, enum joining joining, float scale) {
#define FORMATS(IN, OUT)                                                                                                 \
    if (tile->in_format == IN && tile->out_format == OUT) {                                                              \
        return merge_in_formats(tile, first, second, joining, scale, IN, OUT);                                           \
    }
    FORMATS(UMBEL_BF16, UMBEL_BF16)
    FORMATS(UMBEL_F16, UMBEL_F16)
    FORMATS(UMBEL_F32, UMBEL_F32)
    FORMATS(UMBEL_BF16, UMBEL_F32)
    FORMATS(UMBEL_F16, UMBEL_F32)
#undef FORMATS
    return merge_in_formats(tile, first, second, joining, scale, tile->in_format, tile->out_format);
}

static int set_merge_product(const struct umbel_tile *tile, const struct umbel_product *product, float scale) {
    return merge_products(tile, product, NULL, ONLY_FIRST, scale);
}

static int set_merge_product_of_products(const struct umbel_tile *tile, const struct umbel_product *first,
                                         const struct umbel_product *second, float scale) {
    return merge_products(tile, first, second, TIMES_SECOND, scale);
}

// MARK: Elementwise

// Runs BODY for each group of columns of each row, with y[BLOCK_VECTORS] widened before it and stored after it.
#define FOR_EACH_GROUP(TILE, BODY)                                                                                       \
    const int streaming = streams(TILE);                                                                                 \
    vu largest = 0;                                                                                                      \
    for (size_t row = 0; row < (TILE)->rows; row++) {                                                                    \
        const struct place place = row_place(TILE, row);                                                                 \
        for (size_t column = 0; column < (TILE)->columns; column += BLOCK_COLUMNS) {                                     \
            const size_t count = (TILE)->columns - column;                                                               \
            vf y[BLOCK_VECTORS];                                                                                         \
            prefetch_row(place.in, column, (TILE)->in_format);                                                           \
            load_part(y, BLOCK_VECTORS, place.in, column, count, (TILE)->in_format);                                     \
            BODY;                                                                                                        \
            for (int v = 0; v < BLOCK_VECTORS; v++) largest = larger_magnitude(largest, y[v]);                           \
            store_part(place.out, column, count, y, BLOCK_VECTORS, (TILE)->out_format, streaming);                       \
        }                                                                                                                \
    }                                                                                                                    \
    finish_streaming(streaming);                                                                                         \
    return is_below(largest, (TILE)->limit)

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

static int set_convert(const struct umbel_tile *tile) {
    const struct umbel_tile flat = flattened(tile, tile->columns);
    FOR_EACH_GROUP(&flat, {});
}

// Row by row, element j is outer[j div d] · inner[j mod d], rounded, then one fused sum. The outer factors are written out
// once for all rows that share them, the inner ones lie behind each other often enough for a group to be read anywhere.
static int set_merge_kronecker(const struct umbel_tile *tile, const struct umbel_kronecker *product, float scale,
                               float *outer_row) {
    const size_t period = product->inner_columns;
    const size_t step = BLOCK_COLUMNS % period;
    const vf factor = scale;
    size_t written = SIZE_MAX, phase = 0;
    const float *inner = NULL, *coefficients = NULL, *current = NULL;
    FOR_EACH_GROUP(tile, {
        if (column == 0) {
            const size_t whole = product->first_row + row;
            const size_t outer = whole / product->inner_rows;
            inner = product->inner + whole % product->inner_rows * product->inner_stride;
            phase = 0;
            coefficients = current = product->outer + outer * product->outer_columns;
            if (outer != written) {
                for (size_t c = 0; c < product->outer_columns; c++) {
                    for (size_t j = 0; j < period; j++) outer_row[c * period + j] = coefficients[c];
                }
                written = outer;
            }
        }
        vf coefficient[BLOCK_VECTORS];
        if (phase + BLOCK_COLUMNS <= period) {
            for (int v = 0; v < BLOCK_VECTORS; v++) coefficient[v] = *current;
        } else {
            load_part(coefficient, BLOCK_VECTORS, outer_row, column, count, UMBEL_F32);
        }
        for (int v = 0; v < BLOCK_VECTORS; v++) {
            const vf delta = coefficient[v] * load_f32(inner + phase + v * LANES);
            y[v] = __builtin_elementwise_fma(factor, delta, y[v]);
        }
        // A period shorter than a group never has the first case, so `current` need not follow it.
        phase += period < BLOCK_COLUMNS ? step : BLOCK_COLUMNS;
        if (phase >= period) {
            phase -= period;
            current++;
        }
    });
}

// MARK: Rotations

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

// MARK: Products with the weight itself

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
