// Plain loops, which the compiler makes vector code of, in this instruction set.

static void set_add_scaled(float *restrict y, const float *restrict x, float scale, size_t count) {
    for (size_t i = 0; i < count; i++) y[i] = __builtin_fmaf(scale, x[i], y[i]);
}

static void set_multiply_elements(float *restrict y, const float *restrict x, size_t count) {
    for (size_t i = 0; i < count; i++) y[i] *= x[i];
}

static void set_add_multiple(float *restrict y, const float *restrict x, float coefficient, float scale,
                             size_t count) {
    for (size_t i = 0; i < count; i++) y[i] = __builtin_fmaf(scale, coefficient * x[i], y[i]);
}

static void set_scale(float *y, float factor, size_t count) {
    for (size_t i = 0; i < count; i++) y[i] *= factor;
}

static void set_interpolate(float *restrict y, const float *restrict start, float factor, size_t count) {
    for (size_t i = 0; i < count; i++) y[i] = start[i] + factor * (y[i] - start[i]);
}

static void set_transpose(float *restrict out, const float *restrict in, size_t rows, size_t columns) {
    for (size_t j = 0; j < columns; j++) {
        for (size_t i = 0; i < rows; i++) out[j * rows + i] = in[i * columns + j];
    }
}

// As integers, magnitudes are ordered as the numbers are, with infinity and NaN above all.
static int set_all_below(const float *x, float limit, size_t count) {
    uint32_t bound, bad = 0;
    memcpy(&bound, &limit, 4);
    for (size_t i = 0; i < count; i++) {
        uint32_t u;
        memcpy(&u, x + i, 4);
        bad |= (u & 0x7fffffff) >= bound;
    }
    return !bad;
}

// Ordered as integers too; what is NaN counts as nothing.
static float set_largest_magnitude(const float *x, size_t count) {
    uint32_t largest = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t u;
        memcpy(&u, x + i, 4);
        u &= 0x7fffffff;
        u = u > 0x7f800000 ? 0 : u;
        largest = u > largest ? u : largest;
    }
    float result;
    memcpy(&result, &largest, 4);
    return result;
}
