// Matrix products for the small inner dimensions of adapters. Every element is fma(a[i], b[i], sum) from i = 0 up,
// starting at zero, whichever block it falls into.

// One operand or result of a product and the distance of its rows.
struct input {
    const float *start;
    size_t stride;
};

struct output {
    float *start;
    size_t stride;
};

// The terms of one inner index: `rows` numbers of `left`, one row behind the other, times `vectors` registers at `right`.
INLINE void add_terms(vf sum[BLOCK_ROWS][BLOCK_VECTORS], int rows, int vectors, struct input left, struct input right,
                      size_t k) {
    vf across[BLOCK_VECTORS];
    for (int v = 0; v < vectors; v++) across[v] = load_f32(right.start + k * right.stride + v * LANES);
    for (int r = 0; r < rows; r++) {
        const vf factor = left.start[r * left.stride + k];
        for (int v = 0; v < vectors; v++) sum[r][v] = __builtin_elementwise_fma(factor, across[v], sum[r][v]);
    }
}

INLINE void clear_sums(vf sum[BLOCK_ROWS][BLOCK_VECTORS], int rows, int vectors) {
    for (int r = 0; r < rows; r++) {
        for (int v = 0; v < vectors; v++) sum[r][v] = 0;
    }
}

// sum[r][v] = the products of `rows` rows of `left` with `vectors` registers of each of the `inner` rows at `right`.
INLINE void block_sums(vf sum[BLOCK_ROWS][BLOCK_VECTORS], int rows, int vectors, struct input left, struct input right,
                       size_t inner) {
    clear_sums(sum, rows, vectors);
    for (size_t k = 0; k < inner; k++) add_terms(sum, rows, vectors, left, right, k);
}

// The same of two products, as far as they go in one loop: the first terms of one need not wait for the last of the other.
INLINE void two_block_sums(vf first[BLOCK_ROWS][BLOCK_VECTORS], vf second[BLOCK_ROWS][BLOCK_VECTORS], int rows, int vectors,
                           const struct input left[2], const struct input right[2], const size_t inner[2]) {
    clear_sums(first, rows, vectors);
    clear_sums(second, rows, vectors);
    const size_t common = inner[0] < inner[1] ? inner[0] : inner[1];
    for (size_t k = 0; k < common; k++) {
        add_terms(first, rows, vectors, left[0], right[0], k);
        add_terms(second, rows, vectors, left[1], right[1], k);
    }
    for (size_t k = common; k < inner[0]; k++) add_terms(first, rows, vectors, left[0], right[0], k);
    for (size_t k = common; k < inner[1]; k++) add_terms(second, rows, vectors, left[1], right[1], k);
}

// Defines `block_N`, which computes `rows` rows of `vectors` times N columns: out = a·b, or with `scale`
// out += *scale · (a·b); and `strip_N`, which runs it down all rows, `height` at a time.
#define DEFINE_BLOCK(N, NAME)                                                                                            \
    typedef float lanes_##NAME __attribute__((ext_vector_type(N)));                                                      \
    INLINE void block_##NAME(struct output out, struct input a, struct input b, int rows, int vectors, size_t inner,     \
                             const float *scale) {                                                                       \
        lanes_##NAME sum[8][4];                                                                                          \
        for (int r = 0; r < rows; r++) {                                                                                 \
            for (int v = 0; v < vectors; v++) sum[r][v] = 0;                                                             \
        }                                                                                                                \
        for (size_t k = 0; k < inner; k++) {                                                                             \
            lanes_##NAME right[4];                                                                                       \
            for (int v = 0; v < vectors; v++) memcpy(&right[v], b.start + k * b.stride + v * N, N * sizeof(float));      \
            for (int r = 0; r < rows; r++) {                                                                             \
                const lanes_##NAME left = a.start[r * a.stride + k];                                                     \
                for (int v = 0; v < vectors; v++) sum[r][v] = __builtin_elementwise_fma(left, right[v], sum[r][v]);      \
            }                                                                                                            \
        }                                                                                                                \
        for (int r = 0; r < rows; r++) {                                                                                 \
            for (int v = 0; v < vectors; v++) {                                                                          \
                float *const place = out.start + r * out.stride + v * N;                                                 \
                if (scale) {                                                                                             \
                    const lanes_##NAME factor = *scale;                                                                  \
                    lanes_##NAME before;                                                                                 \
                    memcpy(&before, place, N * sizeof(float));                                                           \
                    sum[r][v] = __builtin_elementwise_fma(factor, sum[r][v], before);                                    \
                }                                                                                                        \
                memcpy(place, &sum[r][v], N * sizeof(float));                                                            \
            }                                                                                                            \
        }                                                                                                                \
    }                                                                                                                    \
    INLINE void strip_##NAME(struct output out, struct input a, struct input b, size_t rows, int height, int vectors,    \
                             size_t inner, const float *scale) {                                                         \
        size_t i = 0;                                                                                                    \
        for (; i + height <= rows; i += height) {                                                                        \
            block_##NAME(out, a, b, height, vectors, inner, scale);                                                      \
            out.start += height * out.stride;                                                                            \
            a.start += height * a.stride;                                                                                \
        }                                                                                                                \
        for (; i < rows; i++) {                                                                                          \
            block_##NAME(out, a, b, 1, vectors, inner, scale);                                                           \
            out.start += out.stride;                                                                                     \
            a.start += a.stride;                                                                                         \
        }                                                                                                                \
    }

DEFINE_BLOCK(16, sixteen)
DEFINE_BLOCK(4, four)
DEFINE_BLOCK(1, one)

INLINE void product(struct output out, struct input a, struct input b, size_t rows, size_t inner, size_t columns,
                    const float *scale) {
    size_t j = 0;
    for (; j + 64 <= columns; j += 64, out.start += 64, b.start += 64) {
        strip_sixteen(out, a, b, rows, 4, 4, inner, scale);
    }
    for (; j + 16 <= columns; j += 16, out.start += 16, b.start += 16) {
        strip_sixteen(out, a, b, rows, 8, 1, inner, scale);
    }
    for (; j + 4 <= columns; j += 4, out.start += 4, b.start += 4) strip_four(out, a, b, rows, 8, 1, inner, scale);
    for (; j < columns; j++, out.start++, b.start++) strip_one(out, a, b, rows, 8, 1, inner, scale);
}

static void set_multiply(float *restrict out, size_t out_stride, const float *restrict a, size_t a_stride,
                         const float *restrict b, size_t b_stride, size_t rows, size_t inner, size_t columns) {
    product((struct output){out, out_stride}, (struct input){a, a_stride}, (struct input){b, b_stride}, rows, inner,
            columns, NULL);
}

static void set_multiply_add(float *restrict y, size_t y_stride, const float *restrict a, size_t a_stride,
                             const float *restrict b, size_t b_stride, size_t rows, size_t inner, size_t columns,
                             float scale) {
    product((struct output){y, y_stride}, (struct input){a, a_stride}, (struct input){b, b_stride}, rows, inner, columns,
            &scale);
}
