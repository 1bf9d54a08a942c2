// Functions of single numbers.
#pragma once

INLINE vf silu(vf x) { return x / (1.0f + exponential(-x)); }

// tanh(log(1 + e)) = e·(e + 2) / (e·(e + 2) + 2), and 1 where e² is beyond all numbers.
INLINE vf mish(vf x) {
    const vf e = exponential(smaller(20.0f, x));
    const vf n = e * (e + 2.0f);
    return x * (n / (n + 2.0f));
}

INLINE vf activated(vf x, enum umbel_activation activation) {
    switch (activation) {
    case UMBEL_SILU: return silu(x);
    case UMBEL_GELU: return x * normal_distribution(x);
    case UMBEL_QUICK_GELU: return x / (1.0f + exponential(-1.702f * x));
    case UMBEL_RELU: return larger(0.0f, x);
    case UMBEL_MISH: return mish(x);
    }
    return x;
}

INLINE void activate_all(float *x, size_t count, enum umbel_activation activation) {
    for (size_t i = 0; i < count; i += LANES) {
        store_part(x + i, activated(load_part(x + i, count - i), activation), count - i);
    }
}

static void set_activate(float *x, size_t count, enum umbel_activation activation) {
    switch (activation) {
    case UMBEL_SILU: activate_all(x, count, UMBEL_SILU); return;
    case UMBEL_GELU: activate_all(x, count, UMBEL_GELU); return;
    case UMBEL_QUICK_GELU: activate_all(x, count, UMBEL_QUICK_GELU); return;
    case UMBEL_RELU: activate_all(x, count, UMBEL_RELU); return;
    case UMBEL_MISH: activate_all(x, count, UMBEL_MISH); return;
    }
}

static void set_gate(float *y, size_t y_stride, const float *x, size_t x_stride, size_t rows, size_t columns) {
    for (size_t r = 0; r < rows; r++, y += y_stride, x += x_stride) {
        for (size_t c = 0; c < columns; c += LANES) {
            const vf left = load_part(x + c, columns - c);
            const vf right = load_part(x + columns + c, columns - c);
            store_part(y + c, left * activated(right, UMBEL_GELU), columns - c);
        }
    }
}
