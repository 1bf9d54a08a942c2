// The bodies of the f64 kernels, compiled for each instruction set.
//
// All of them compute in vectors of eight, whatever the width of the registers: the partial sums are those eight lanes.
#include "umbel_decomposition.h"

#include <math.h>
#include <string.h>

// Only what is written as fma is fused.
#pragma STDC FP_CONTRACT OFF

// Functions that pass vectors are always inlined, so that how a call would pass them says nothing.
#pragma clang diagnostic ignored "-Wpsabi"

#define ALWAYS_INLINE static inline __attribute__((always_inline))

typedef double eight __attribute__((ext_vector_type(8)));
typedef int64_t eight_counts __attribute__((ext_vector_type(8)));

enum { PANEL_ROWS = 8, PANEL_COLUMNS = 16 };

ALWAYS_INLINE eight load_eight(const double *x) {
    eight v;
    memcpy(&v, x, sizeof v);
    return v;
}

ALWAYS_INLINE void store_eight(double *x, eight v) { memcpy(x, &v, sizeof v); }

ALWAYS_INLINE double tree_sum(eight v) { return ((v[0] + v[1]) + (v[2] + v[3])) + ((v[4] + v[5]) + (v[6] + v[7])); }

// MARK: Products

// `lines` lines of `depth` numbers as panels of `width`: panel p holds for each k the numbers of its lines side by side,
// zeros where there are none.
ALWAYS_INLINE void pack(double *restrict out, const double *start, size_t line_stride, size_t depth_stride, size_t lines,
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
ALWAYS_INLINE void f64_block(double *c, size_t stride, const double *a, const double *b, size_t depth, int rows,
                             int vectors) {
    eight sum[8][2];
    for (int r = 0; r < rows; r++) {
        for (int v = 0; v < vectors; v++) sum[r][v] = load_eight(c + r * stride + 8 * v);
    }
    for (size_t k = 0; k < depth; k++) {
        eight across[2];
        for (int v = 0; v < vectors; v++) across[v] = load_eight(b + k * PANEL_COLUMNS + 8 * v);
        for (int r = 0; r < rows; r++) {
            const eight factor = a[k * PANEL_ROWS + r];
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
ALWAYS_INLINE void f64_panels(double *c, size_t stride, const double *a, const double *b, size_t depth, int rows,
                              int vectors) {
    for (int r = 0; r < PANEL_ROWS; r += rows) {
        for (int v = 0; v < PANEL_COLUMNS / 8; v += vectors) {
            f64_block(c + r * stride + 8 * v, stride, a + r, b + 8 * v, depth, rows, vectors);
        }
    }
}

ALWAYS_INLINE void f64_multiply_add(double *restrict c, size_t c_stride, struct umbel_f64_matrix a,
                                    struct umbel_f64_matrix b, size_t rows, size_t inner, size_t columns, int negative,
                                    double *restrict workspace, int block_rows, int block_vectors) {
    double *const right = workspace + UMBEL_F64_TILE_ROWS * UMBEL_F64_TILE_DEPTH;
    for (size_t begin = 0; begin < inner; begin += UMBEL_F64_TILE_DEPTH) {
        const size_t depth = inner - begin < UMBEL_F64_TILE_DEPTH ? inner - begin : UMBEL_F64_TILE_DEPTH;
        pack(workspace, a.start + begin * a.column_stride, a.row_stride, a.column_stride, rows, depth, PANEL_ROWS,
             negative ? -1 : 1);
        pack(right, b.start + begin * b.row_stride, b.column_stride, b.row_stride, columns, depth, PANEL_COLUMNS, 1);
        for (size_t j = 0; j < columns; j += PANEL_COLUMNS) {
            for (size_t i = 0; i < rows; i += PANEL_ROWS) {
                double *const place = c + i * c_stride + j;
                const double *const left = workspace + i * depth, *const across = right + j * depth;
                if (i + PANEL_ROWS <= rows && j + PANEL_COLUMNS <= columns) {
                    f64_panels(place, c_stride, left, across, depth, block_rows, block_vectors);
                    continue;
                }
                double edge[PANEL_ROWS * PANEL_COLUMNS] = {0};
                const size_t height = rows - i < PANEL_ROWS ? rows - i : PANEL_ROWS;
                const size_t width = columns - j < PANEL_COLUMNS ? columns - j : PANEL_COLUMNS;
                for (size_t r = 0; r < height; r++) {
                    memcpy(edge + r * PANEL_COLUMNS, place + r * c_stride, width * sizeof(double));
                }
                f64_panels(edge, PANEL_COLUMNS, left, across, depth, block_rows, block_vectors);
                for (size_t r = 0; r < height; r++) {
                    memcpy(place + r * c_stride, edge + r * PANEL_COLUMNS, width * sizeof(double));
                }
            }
        }
    }
}

// MARK: Vectors

ALWAYS_INLINE double f64_dot(const double *x, const double *y, size_t count) {
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

ALWAYS_INLINE void f64_add_scaled(double *restrict y, const double *restrict x, double scale, size_t count) {
    for (size_t i = 0; i < count; i++) y[i] = __builtin_fma(scale, x[i], y[i]);
}

// MARK: Symmetric matrices

// The columns begin..<end, all to the right of the diagonal, of `rows` rows from `i` on.
ALWAYS_INLINE void symmetric_columns(eight *sum, double *restrict spread, const double *a, size_t stride, const double *v,
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

ALWAYS_INLINE void symmetric_group(double *restrict products, double *restrict spread, const double *a, size_t stride,
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
    symmetric_columns(sum, spread, a, stride, v, i, rows, i + rows, size);
    for (int r = 0; r < rows; r++) products[i + r] = tree_sum(sum[r]);
}

ALWAYS_INLINE void f64_symmetric_rows(double *restrict products, double *restrict spread, const double *a, size_t stride,
                                      const double *v, size_t first, size_t last, size_t size) {
    size_t i = first;
    for (; i + 4 <= last; i += 4) symmetric_group(products, spread, a, stride, v, i, 4, size);
    for (; i < last; i++) symmetric_group(products, spread, a, stride, v, i, 1, size);
}

// MARK: Tridiagonal matrices

ALWAYS_INLINE void f64_count_below(int64_t *restrict counts, const double *restrict diagonal,
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
