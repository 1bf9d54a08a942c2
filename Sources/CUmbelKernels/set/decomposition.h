// The f64 kernels of decompositions. All compute in vectors of eight, whatever the width of the registers: the partial sums
// are those eight lanes.

// Functions that pass such vectors are always inlined, so that how a call would pass them says nothing.
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wpsabi"

typedef double eight __attribute__((ext_vector_type(8)));
typedef int64_t eight_counts __attribute__((ext_vector_type(8)));

enum {
    F64_PANEL_ROWS = 8,
    F64_PANEL_COLUMNS = 16,
    // Rows and vectors of a block that the registers hold.
    F64_BLOCK_ROWS = LANES == 16 ? 8 : 4,
    F64_BLOCK_VECTORS = LANES == 16 ? 2 : 1,
};

INLINE eight load_eight(const double *x) {
    eight v;
    memcpy(&v, x, sizeof v);
    return v;
}

INLINE void store_eight(double *x, eight v) { memcpy(x, &v, sizeof v); }

INLINE double tree_sum(eight v) { return ((v[0] + v[1]) + (v[2] + v[3])) + ((v[4] + v[5]) + (v[6] + v[7])); }

// MARK: Products

// `lines` lines of `depth` numbers as panels of `width`: panel p holds for each k the numbers of its lines side by side,
// zeros where there are none.
INLINE void f64_pack(double *restrict out, const double *start, size_t line_stride, size_t depth_stride, size_t lines,
                        size_t depth, size_t width, double sign) {
    for (size_t line = 0; line < lines; line += width) {
        const double *const in = start + line * line_stride;
        const size_t present = lines - line < width ? lines - line : width;
        if (present < width) memset(out, 0, depth * width * sizeof(double));
        if (line_stride == 1 && present == width) {
            for (size_t k = 0; k < depth; k++) {
                for (size_t i = 0; i < width; i++) out[k * width + i] = sign * in[k * depth_stride + i];
            }
        } else {
            for (size_t i = 0; i < present; i++) {
                for (size_t k = 0; k < depth; k++) {
                    out[k * width + i] = sign * in[i * line_stride + k * depth_stride];
                }
            }
        }
        out += depth * width;
    }
}

// A block of `rows` rows of `vectors` times eight columns stays in registers while the inner index runs.
INLINE void f64_block(double *c, size_t stride, const double *a, const double *b, size_t depth, int rows,
                             int vectors) {
    eight sum[8][2];
    for (int r = 0; r < rows; r++) {
        for (int v = 0; v < vectors; v++) sum[r][v] = load_eight(c + r * stride + 8 * v);
    }
    for (size_t k = 0; k < depth; k++) {
        eight across[2];
        for (int v = 0; v < vectors; v++) across[v] = load_eight(b + k * F64_PANEL_COLUMNS + 8 * v);
        for (int r = 0; r < rows; r++) {
            const eight factor = a[k * F64_PANEL_ROWS + r];
            for (int v = 0; v < vectors; v++) {
                sum[r][v] = __builtin_elementwise_fma(factor, across[v], sum[r][v]);
            }
        }
    }
    for (int r = 0; r < rows; r++) {
        for (int v = 0; v < vectors; v++) store_eight(c + r * stride + 8 * v, sum[r][v]);
    }
}

// One panel of rows times one of columns, in blocks that fit the registers of the instruction set.
INLINE void f64_panels(double *c, size_t stride, const double *a, const double *b, size_t depth) {
    for (int r = 0; r < F64_PANEL_ROWS; r += F64_BLOCK_ROWS) {
        for (int v = 0; v < F64_PANEL_COLUMNS / 8; v += F64_BLOCK_VECTORS) {
            f64_block(c + r * stride + 8 * v, stride, a + r, b + 8 * v, depth, F64_BLOCK_ROWS, F64_BLOCK_VECTORS);
        }
    }
}

static void set_f64_multiply_add(double *restrict c, size_t c_stride, struct umbel_f64_matrix a,
                                 struct umbel_f64_matrix b, size_t rows, size_t inner, size_t columns, int negative,
                                 double *restrict workspace) {
    double *const right = workspace + UMBEL_F64_TILE_ROWS * UMBEL_F64_TILE_DEPTH;
    for (size_t begin = 0; begin < inner; begin += UMBEL_F64_TILE_DEPTH) {
        const size_t depth = inner - begin < UMBEL_F64_TILE_DEPTH ? inner - begin : UMBEL_F64_TILE_DEPTH;
        f64_pack(workspace, a.start + begin * a.column_stride, a.row_stride, a.column_stride, rows, depth, F64_PANEL_ROWS,
             negative ? -1 : 1);
        f64_pack(right, b.start + begin * b.row_stride, b.column_stride, b.row_stride, columns, depth, F64_PANEL_COLUMNS, 1);
        for (size_t j = 0; j < columns; j += F64_PANEL_COLUMNS) {
            for (size_t i = 0; i < rows; i += F64_PANEL_ROWS) {
                double *const place = c + i * c_stride + j;
                const double *const left = workspace + i * depth, *const across = right + j * depth;
                if (i + F64_PANEL_ROWS <= rows && j + F64_PANEL_COLUMNS <= columns) {
                    f64_panels(place, c_stride, left, across, depth);
                    continue;
                }
                double edge[F64_PANEL_ROWS * F64_PANEL_COLUMNS] = {0};
                const size_t height = rows - i < F64_PANEL_ROWS ? rows - i : F64_PANEL_ROWS;
                const size_t width = columns - j < F64_PANEL_COLUMNS ? columns - j : F64_PANEL_COLUMNS;
                for (size_t r = 0; r < height; r++) {
                    memcpy(edge + r * F64_PANEL_COLUMNS, place + r * c_stride, width * sizeof(double));
                }
                f64_panels(edge, F64_PANEL_COLUMNS, left, across, depth);
                for (size_t r = 0; r < height; r++) {
                    memcpy(place + r * c_stride, edge + r * F64_PANEL_COLUMNS, width * sizeof(double));
                }
            }
        }
    }
}

// MARK: Vectors

static double set_f64_dot(const double *x, const double *y, size_t count) {
    eight sum[4] = {0, 0, 0, 0};
    size_t i = 0;
    for (; i + 32 <= count; i += 32) {
        for (int v = 0; v < 4; v++) {
            sum[v] = __builtin_elementwise_fma(load_eight(x + i + 8 * v), load_eight(y + i + 8 * v), sum[v]);
        }
    }
    double rest[2][32] = {{0}};
    if (i < count) {
        memcpy(rest[0], x + i, (count - i) * sizeof(double));
        memcpy(rest[1], y + i, (count - i) * sizeof(double));
        for (int v = 0; v < 4; v++) {
            sum[v] = __builtin_elementwise_fma(load_eight(rest[0] + 8 * v), load_eight(rest[1] + 8 * v), sum[v]);
        }
    }
    return tree_sum((sum[0] + sum[1]) + (sum[2] + sum[3]));
}

static void set_f64_add_scaled(double *restrict y, const double *restrict x, double scale, size_t count) {
    for (size_t i = 0; i < count; i++) y[i] = __builtin_fma(scale, x[i], y[i]);
}

// MARK: Symmetric matrices

// The columns begin..<end, all to the right of the diagonal, of `rows` rows from `i` on.
INLINE void f64_symmetric_columns(eight *sum, double *restrict spread, const double *a, size_t stride, const double *v,
                                     size_t i, int rows, size_t begin, size_t end) {
    size_t j = begin;
    for (; j < end && j % 8 != 0; j++) {
        for (int r = 0; r < rows; r++) {
            const double value = a[(i + r) * stride + j];
            sum[r][j % 8] = __builtin_fma(value, v[j], sum[r][j % 8]);
            spread[j] = __builtin_fma(value, v[i + r], spread[j]);
        }
    }
    for (; j + 8 <= end; j += 8) {
        const eight across = load_eight(v + j);
        eight below = load_eight(spread + j);
        for (int r = 0; r < rows; r++) {
            const eight values = load_eight(a + (i + r) * stride + j), factor = v[i + r];
            sum[r] = __builtin_elementwise_fma(values, across, sum[r]);
            below = __builtin_elementwise_fma(values, factor, below);
        }
        store_eight(spread + j, below);
    }
    for (; j < end; j++) {
        for (int r = 0; r < rows; r++) {
            const double value = a[(i + r) * stride + j];
            sum[r][j % 8] = __builtin_fma(value, v[j], sum[r][j % 8]);
            spread[j] = __builtin_fma(value, v[i + r], spread[j]);
        }
    }
}

INLINE void f64_symmetric_group(double *restrict products, double *restrict spread, const double *a, size_t stride,
                                   const double *v, size_t i, int rows, size_t size) {
    eight sum[4] = {0, 0, 0, 0};
    for (int r = 0; r < rows; r++) {
        const size_t row = i + r;
        sum[r][row % 8] = a[row * stride + row] * v[row];
        for (size_t j = row + 1; j < i + rows; j++) {
            const double value = a[row * stride + j];
            sum[r][j % 8] = __builtin_fma(value, v[j], sum[r][j % 8]);
            spread[j] = __builtin_fma(value, v[row], spread[j]);
        }
    }
    f64_symmetric_columns(sum, spread, a, stride, v, i, rows, i + rows, size);
    for (int r = 0; r < rows; r++) products[i + r] = tree_sum(sum[r]);
}

static void set_f64_symmetric_rows(double *restrict products, double *restrict spread, const double *a, size_t stride,
                                      const double *v, size_t first, size_t last, size_t size) {
    size_t i = first;
    for (; i + 4 <= last; i += 4) f64_symmetric_group(products, spread, a, stride, v, i, 4, size);
    for (; i < last; i++) f64_symmetric_group(products, spread, a, stride, v, i, 1, size);
}

// MARK: Tridiagonal matrices

static void set_f64_count_below(int64_t *restrict counts, const double *restrict diagonal,
                                   const double *restrict squares, size_t size, const double *restrict shifts,
                                   double least) {
    const eight shift[2] = {load_eight(shifts), load_eight(shifts + 8)};
    eight pivot[2] = {1, 1};
    eight_counts below[2] = {0, 0};
    for (size_t i = 0; i < size; i++) {
        const eight square = i > 0 ? squares[i - 1] : 0;
        for (int v = 0; v < 2; v++) {
            const eight next = (diagonal[i] - shift[v]) - square / pivot[v];
            const eight_counts vanishing = __builtin_elementwise_abs(next) < least;
            pivot[v] = vanishing ? (eight)-least : next;
            below[v] -= pivot[v] < 0;
        }
    }
    memcpy(counts, below, sizeof below);
}

#pragma clang diagnostic pop
