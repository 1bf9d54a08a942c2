// Sums of squares in f64, in as many partial sums for every instruction set. The square of an f32 is exact in f64, so
// fused or not makes no difference.
typedef double eight_doubles __attribute__((ext_vector_type(8)));
typedef float eight_floats __attribute__((ext_vector_type(8)));

// Through pointers: as an argument, a vector wider than the CPU's would have no fixed calling convention.
INLINE void add_eight_squares(eight_doubles *sum, const float *x) {
    eight_floats eight;
    memcpy(&eight, x, sizeof eight);
    const eight_doubles value = __builtin_convertvector(eight, eight_doubles);
#if FUSES
    *sum = __builtin_elementwise_fma(value, value, *sum);
#else
    *sum += value * value;
#endif
}

// Halves added to halves.
INLINE double sum_of_partials(double *partial) {
    for (int half = UMBEL_PARTIAL_SUMS / 2; half > 0; half /= 2) {
        for (int j = 0; j < half; j++) partial[j] += partial[j + half];
    }
    return partial[0];
}

// The same of UMBEL_SQUARE_LANES.
INLINE double sum_of_lanes(const double *sums) {
    eight_doubles low, high;
    memcpy(&low, sums, sizeof low);
    memcpy(&high, sums + 8, sizeof high);
    low += high;
    const __typeof__(low.lo) four = low.lo + low.hi;
    const __typeof__(four.lo) two = four.lo + four.hi;
    return two.x + two.y;
}

static double set_sum_of_squares(const float *x, size_t count) {
    eight_doubles sum[4] = {0, 0, 0, 0};
    size_t i = 0;
    for (; i + UMBEL_PARTIAL_SUMS <= count; i += UMBEL_PARTIAL_SUMS) {
        for (int part = 0; part < 4; part++) add_eight_squares(&sum[part], x + i + 8 * part);
    }
    double partial[UMBEL_PARTIAL_SUMS];
    memcpy(partial, sum, sizeof partial);
    for (size_t j = 0; i < count; i++, j++) partial[j] += (double)x[i] * (double)x[i];
    return sum_of_partials(partial);
}

// A run of columns: squares[j] = Σ x² in f32 over the columns whose place modulo the lanes is j.
INLINE void square_run(float *squares, const float *x, size_t count) {
    memset(squares, 0, UMBEL_SQUARE_LANES * sizeof(float));
    size_t i = 0;
    for (; i + UMBEL_SQUARE_LANES <= count; i += UMBEL_SQUARE_LANES) {
        for (int j = 0; j < UMBEL_SQUARE_LANES; j += LANES) {
            const vf value = load_f32(x + i + j);
            store_f32(squares + j, __builtin_elementwise_fma(value, value, load_f32(squares + j)));
        }
    }
    for (size_t j = 0; i < count; i++, j++) squares[j] = fmaf(x[i], x[i], squares[j]);
}

static double set_row_squares(const float *x, size_t count) {
    double sums[UMBEL_SQUARE_LANES] = {0};
    for (size_t begin = 0; begin < count; begin += UMBEL_SQUARE_COLUMNS) {
        float squares[UMBEL_SQUARE_LANES];
        square_run(squares, x + begin, count - begin < UMBEL_SQUARE_COLUMNS ? count - begin : UMBEL_SQUARE_COLUMNS);
        for (int j = 0; j < UMBEL_SQUARE_LANES; j++) sums[j] += (double)squares[j];
    }
    const double sum = sum_of_lanes(sums);
    return umbel_squares_hold(sum) ? sum : set_sum_of_squares(x, count);
}

static void set_add_squares(double *restrict sums, const float *restrict x, size_t stride, size_t rows, size_t columns) {
    size_t j = 0;
    for (; j + 16 <= columns; j += 16) {
        eight_doubles sum[2];
        memcpy(sum, sums + j, sizeof sum);
        for (size_t row = 0; row < rows; row++) {
            for (int part = 0; part < 2; part++) add_eight_squares(&sum[part], x + row * stride + j + 8 * part);
        }
        memcpy(sums + j, sum, sizeof sum);
    }
    for (; j < columns; j++) {
        for (size_t row = 0; row < rows; row++) {
            const double value = x[row * stride + j];
            sums[j] += value * value;
        }
    }
}

static void set_add_f32_squares(float *restrict sums, const float *restrict x, size_t stride, size_t rows, size_t columns) {
    size_t j = 0;
    for (; j + LANES <= columns; j += LANES) {
        vf sum = load_f32(sums + j);
        for (size_t row = 0; row < rows; row++) {
            const vf value = load_f32(x + row * stride + j);
            sum = __builtin_elementwise_fma(value, value, sum);
        }
        store_f32(sums + j, sum);
    }
    for (; j < columns; j++) {
        for (size_t row = 0; row < rows; row++) sums[j] = fmaf(x[row * stride + j], x[row * stride + j], sums[j]);
    }
}
