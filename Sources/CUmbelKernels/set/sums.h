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
