// The exponential function and the normal distribution, of nothing but additions and products.
#pragma once

// 2ˣ for |x| ≤ ½ with a relative error of 2e-8 before rounding, minimax.
INLINE vf small_power(vf x) {
    vf y = 0x1.41d33p-13f;
    y = multiply_add(y, x, 0x1.5f456ap-10f);
    y = multiply_add(y, x, 0x1.3b2dbcp-7f);
    y = multiply_add(y, x, 0x1.c6aed4p-5f);
    y = multiply_add(y, x, 0x1.ebfbdap-3f);
    y = multiply_add(y, x, 0x1.62e43p-1f);
    return multiply_add(y, x, 1.0f);
}

// eˣ = 2ⁿ · 2ʳ with the integer n nearest to x · log₂e. What is below e⁻⁸⁷ becomes that, what is above e⁸⁸ becomes that:
// as good as zero and infinity to whoever adds 1.
INLINE vf exponential(vf x) {
    const vf clamped = smaller(88.0f, larger(-87.0f, x));
    // A number of 1.5 · 2²³ has its integer in its low bits.
    const vf shifted = multiply_add(clamped, 0x1.715476p0f, 0x1.8p23f);
    const vf power = shifted - 0x1.8p23f;
    // ln 2 in two parts, of which the first times n is exact.
    const vf rest = multiply_add(power, -0x1.7f7d1cp-20f, multiply_add(power, -0x1.62e4p-1f, clamped));
    return (vf)((vu)small_power(rest * 0x1.715476p0f) + ((vu)shifted << 23));
}

// 2ˣ with a relative error of 2e-7 for x ≤ 0, for weights that are divided by their sum; 2⁻¹²⁶ for what is below.
INLINE vf weight_power(vf x) {
    x = larger(-126.0f, x);
    const vf shifted = x + 0x1.8p23f;
    const vf rest = x - (shifted - 0x1.8p23f);
    vf y = 0x1.5c08ep-10f;
    y = multiply_add(y, rest, 0x1.3d0c52p-7f);
    y = multiply_add(y, rest, 0x1.c6b6e6p-5f);
    y = multiply_add(y, rest, 0x1.ebf918p-3f);
    y = multiply_add(y, rest, 0x1.62e428p-1f);
    y = multiply_add(y, rest, 0x1.000002p+0f);
    return (vf)((vu)y + ((vu)shifted << 23));
}

// The same with a relative error of 1.1e-4, for weights that become bf16, a sixteenth of whose rounding that is. Powers of
// whole numbers are exact.
INLINE vf rough_power(vf x) {
    x = larger(-126.0f, x);
    const vf shifted = x + 0x1.8p23f;
    const vf rest = x - (shifted - 0x1.8p23f);
    vf y = 0x1.c2a25cp-5f;
    y = multiply_add(y, rest, 0x1.f00c4ep-3f);
    y = multiply_add(y, rest, 0x1.62f5fap-1f);
    y = multiply_add(y, rest, 1.0f);
    return (vf)((vu)y + ((vu)shifted << 23));
}

// Φ(x), the standard normal distribution: ½·erfc(z/√2) for z = |x| is e^(−z²/2) times a polynomial in 1/(1 + 0.3·z), fitted
// to relative 7e-8 up to z = 10; the other side is what is left of 1.
INLINE vf normal_distribution(vf x) {
    const vf z = __builtin_elementwise_abs(x);
    const vf t = 1.0f / multiply_add(z, 0.3f, 1.0f);
    vf y = 0.037547990679740906f;
    y = multiply_add(y, t, -0.1650773286819458f);
    y = multiply_add(y, t, 0.22008487582206726f);
    y = multiply_add(y, t, -0.06652414798736572f);
    y = multiply_add(y, t, 0.13549630343914032f);
    y = multiply_add(y, t, 0.09775608777999878f);
    y = multiply_add(y, t, 0.12111120671033859f);
    y = multiply_add(y, t, 0.11960504204034805f);
    const vf tail = y * t * exponential(-0.5f * z * z);
    return x < 0 ? tail : 1.0f - tail;
}
