// The projection of some rows: their products with a matrix on the input axis, for each kernel position. Registers go across
// the rows, so that none of their lanes is unused whatever the rank.

// What is projected together: a register for each kernel position and LANES rows, `vectors` of them, position after position.
struct projecting {
    struct umbel_tile tile;  // the rows
    const struct umbel_projection *projection;
    size_t vectors;
};

INLINE size_t row_vectors(const struct umbel_tile *tile) { return (tile->rows + LANES - 1) / LANES; }

// Adds some inputs to the sums of `width` registers with `height` columns of `right`: column k is at sums + k · step, and one
// input is `step` numbers from the next.
INLINE void project_block(float *sums, const float *x, size_t step, const float *right, size_t stride, size_t inputs,
                          int height, int width) {
    vf sum[BLOCK_ROWS][BLOCK_VECTORS];
    for (int k = 0; k < height; k++) {
        for (int v = 0; v < width; v++) sum[k][v] = load_f32(sums + k * step + v * LANES);
    }
    for (size_t i = 0; i < inputs; i++, x += step, right += stride) {
        vf across[BLOCK_VECTORS];
        for (int v = 0; v < width; v++) across[v] = load_f32(x + v * LANES);
        for (int k = 0; k < height; k++) {
            const vf factor = right[k];
            for (int v = 0; v < width; v++) sum[k][v] = __builtin_elementwise_fma(across[v], factor, sum[k][v]);
        }
    }
    UNROLLED for (int k = 0; k < height; k++) {
        for (int v = 0; v < width; v++) store_f32(sums + k * step + v * LANES, sum[k][v]);
    }
}

// The same of all columns of `right`.
INLINE void project_columns(float *sums, const float *x, size_t step, const struct umbel_projection *projection,
                            const float *right, size_t inputs, int width) {
    size_t k = 0;
#define COLUMNS(HEIGHT)                                                                                                  \
    for (; k + HEIGHT <= projection->inner; k += HEIGHT) {                                                               \
        project_block(sums + k * step, x, step, right + k, projection->right_stride, inputs, HEIGHT, width);             \
    }
    COLUMNS(BLOCK_ROWS)
    COLUMNS(4)
    COLUMNS(2)
    COLUMNS(1)
#undef COLUMNS
}

// The same of all registers, in blocks of about the same width.
static void project_inputs(float *sums, const float *x, const struct projecting *projecting, const float *right,
                           size_t inputs) {
    const size_t step = projecting->vectors * LANES;
    size_t blocks = (projecting->vectors + BLOCK_VECTORS - 1) / BLOCK_VECTORS, left = projecting->vectors;
    while (left > 0) {
        const size_t width = (left + blocks - 1) / blocks;
        switch (width) {
        case 1: project_columns(sums, x, step, projecting->projection, right, inputs, 1); break;
        case 2: project_columns(sums, x, step, projecting->projection, right, inputs, 2); break;
#if BLOCK_VECTORS > 2
        case 3: project_columns(sums, x, step, projecting->projection, right, inputs, 3); break;
        case 4: project_columns(sums, x, step, projecting->projection, right, inputs, 4); break;
#endif
        }
        sums += width * LANES;
        x += width * LANES;
        left -= width;
        blocks--;
    }
}

// sums[k · vectors + v] = the projections of all rows, so many columns at a time that they stay in the first-level cache,
// where `wide` is.
INLINE void project_in_format(float *sums, float *wide, const struct projecting *projecting,
                              enum umbel_float_format format) {
    const struct umbel_tile tile = projecting->tile;
    const struct umbel_projection *const projection = projecting->projection;
    const size_t kernel = projection->kernel, width = umbel_projected_columns(kernel);
    const size_t rows = row_vectors(&tile);
    memset(sums, 0, projection->inner * projecting->vectors * LANES * sizeof(float));
    for (size_t column = 0; column < tile.columns; column += width) {
        const size_t count = tile.columns - column < width ? tile.columns - column : width;
        for (size_t v = 0; v < rows; v++) {
            widen_across(wide + v * LANES, rows * LANES, rows_across(&tile, v * LANES), column, count, format);
        }
        project_inputs(sums, wide, projecting, projection->right + column / kernel * projection->right_stride,
                       count / kernel);
    }
}

static void project(float *sums, float *wide, const struct projecting *projecting) {
    if (projecting->tile.in_format == UMBEL_BF16) {
        project_in_format(sums, wide, projecting, UMBEL_BF16);
    } else {
        project_in_format(sums, wide, projecting, projecting->tile.in_format);
    }
}
