// Widening to f32 and rounding from it. The loops are plain integer arithmetic without branches, which every compiler
// turns into vector code.
#include "umbel_kernels.h"

#include "clones.h"
#include <math.h>
#include <string.h>

static inline uint32_t bits_of(float x) {
    uint32_t u;
    memcpy(&u, &x, 4);
    return u;
}

static inline float float_of(uint32_t u) {
    float x;
    memcpy(&x, &u, 4);
    return x;
}

static inline uint16_t load16(const void *in, size_t i) {
    uint16_t u;
    memcpy(&u, (const char *)in + 2 * i, 2);
    return u;
}

// f16: the 15 low bits shifted into place are the number divided by 2^112; the product is exact, subnormals included.
static inline float from_f16(uint16_t h) {
    const uint32_t magnitude = (uint32_t)(h & 0x7fff) << 13;
    const uint32_t special = magnitude >= 0x0f800000 ? 0x7f800000u : 0;
    const uint32_t scaled = bits_of(float_of(magnitude) * 0x1p112f);
    const uint32_t value = special ? (special | magnitude) : scaled;
    return float_of(value | (uint32_t)(h & 0x8000) << 16);
}

static inline uint16_t to_f16(float x) {
    const uint32_t u = bits_of(x);
    const uint32_t magnitude = u & 0x7fffffff;
    // Below 2^-14 the result is subnormal: adding 0.5 puts its last bit at the last bit of an f32, rounded by the CPU.
    const uint32_t subnormal = bits_of(float_of(magnitude) + 0.5f) - 0x3f000000;
    const uint32_t normal = (magnitude - 0x38000000 + 0x0fff + ((magnitude >> 13) & 1)) >> 13;
    const uint32_t large = magnitude > 0x7f800000 ? 0x7e00 : 0x7c00;
    uint32_t h = magnitude < 0x38800000 ? subnormal : normal;
    h = magnitude >= 0x47800000 ? large : h;
    return (uint16_t)(h | ((u >> 16) & 0x8000));
}

static inline uint16_t to_bf16(float x) {
    const uint32_t u = bits_of(x);
    const uint32_t rounded = (u + 0x7fff + ((u >> 16) & 1)) >> 16;
    const uint32_t quiet = (u >> 16) | 0x40;
    return (uint16_t)((u & 0x7fffffff) > 0x7f800000 ? quiet : rounded);
}

static float from_f8(uint8_t b, int exponent_bits, int mantissa_bits, int has_infinity) {
    const int bias = (1 << (exponent_bits - 1)) - 1;
    const int exponent = (b >> mantissa_bits) & ((1 << exponent_bits) - 1);
    const int mantissa = b & ((1 << mantissa_bits) - 1);
    const int top = (1 << exponent_bits) - 1;
    float value;
    if (exponent == top && has_infinity) {
        value = mantissa ? NAN : INFINITY;
    } else if (exponent == top && mantissa == (1 << mantissa_bits) - 1) {
        value = NAN;
    } else if (exponent == 0) {
        value = ldexpf((float)mantissa, 1 - bias - mantissa_bits);
    } else {
        value = ldexpf((float)(mantissa | 1 << mantissa_bits), exponent - bias - mantissa_bits);
    }
    return b & 0x80 ? -value : value;
}

// Rounds the 24-bit mantissa to what the format keeps at this exponent, then assembles; a carry moves the exponent up.
static uint8_t to_f8(float x, int exponent_bits, int mantissa_bits, int has_infinity) {
    const uint8_t sign = signbit(x) ? 0x80 : 0;
    const int bias = (1 << (exponent_bits - 1)) - 1;
    const uint8_t top = (uint8_t)(((1 << exponent_bits) - 1) << mantissa_bits);
    const uint8_t not_a_number = has_infinity ? top | 0x02 : 0x7f;
    if (isnan(x)) return sign | not_a_number;
    if (isinf(x)) return sign | (has_infinity ? top : 0x7f);
    if (x == 0) return sign;  // zero has no exponent to go by
    int exponent;
    frexpf(x, &exponent);
    exponent -= 1;
    const int smallest = 1 - bias;
    const int quantum = (exponent < smallest ? smallest : exponent) - mantissa_bits;
    const int steps = (int)rintf(ldexpf(fabsf(x), -quantum));
    const int base = exponent < smallest ? 0 : (exponent - smallest) << mantissa_bits;
    const int code = base + steps;
    const int limit = has_infinity ? top : 0x7f;
    return sign | (uint8_t)(code >= limit ? limit : code);
}

UMBEL_CLONES static void widen_f16(float *restrict out, const void *restrict in, size_t count) {
    for (size_t i = 0; i < count; i++) out[i] = from_f16(load16(in, i));
}

UMBEL_CLONES static void widen_bf16(float *restrict out, const void *restrict in, size_t count) {
    for (size_t i = 0; i < count; i++) out[i] = float_of((uint32_t)load16(in, i) << 16);
}

static void widen_f8(float *restrict out, const uint8_t *restrict in, size_t count, enum umbel_float_format format) {
    float table[256];
    for (int b = 0; b < 256; b++) {
        table[b] = format == UMBEL_F8_E4M3 ? from_f8((uint8_t)b, 4, 3, 0) : from_f8((uint8_t)b, 5, 2, 1);
    }
    for (size_t i = 0; i < count; i++) out[i] = table[in[i]];
}

UMBEL_CLONES static void narrow_f16(void *restrict out, const float *restrict in, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const uint16_t h = to_f16(in[i]);
        memcpy((char *)out + 2 * i, &h, 2);
    }
}

UMBEL_CLONES static void narrow_bf16(void *restrict out, const float *restrict in, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const uint16_t h = to_bf16(in[i]);
        memcpy((char *)out + 2 * i, &h, 2);
    }
}

void umbel_widen(float *restrict out, const void *restrict in, size_t count, enum umbel_float_format format) {
    switch (format) {
    case UMBEL_F32: memcpy(out, in, 4 * count); break;
    case UMBEL_F16: widen_f16(out, in, count); break;
    case UMBEL_BF16: widen_bf16(out, in, count); break;
    case UMBEL_F8_E4M3:
    case UMBEL_F8_E5M2: widen_f8(out, in, count, format); break;
    case UMBEL_F64:
        for (size_t i = 0; i < count; i++) {
            double d;
            memcpy(&d, (const char *)in + 8 * i, 8);
            out[i] = (float)d;
        }
        break;
    }
}

void umbel_narrow(void *restrict out, const float *restrict in, size_t count, enum umbel_float_format format) {
    switch (format) {
    case UMBEL_F32: memcpy(out, in, 4 * count); break;
    case UMBEL_F16: narrow_f16(out, in, count); break;
    case UMBEL_BF16: narrow_bf16(out, in, count); break;
    case UMBEL_F8_E4M3:
        for (size_t i = 0; i < count; i++) ((uint8_t *)out)[i] = to_f8(in[i], 4, 3, 0);
        break;
    case UMBEL_F8_E5M2:
        for (size_t i = 0; i < count; i++) ((uint8_t *)out)[i] = to_f8(in[i], 5, 2, 1);
        break;
    case UMBEL_F64:
        for (size_t i = 0; i < count; i++) {
            const double d = in[i];
            memcpy((char *)out + 8 * i, &d, 8);
        }
        break;
    }
}

float umbel_widen_one_reference(const void *in, enum umbel_float_format format) {
    uint16_t h;
    double d;
    float f;
    switch (format) {
    case UMBEL_F64: memcpy(&d, in, 8); return (float)d;
    case UMBEL_F32: memcpy(&f, in, 4); return f;
    case UMBEL_BF16: return float_of((uint32_t)load16(in, 0) << 16);
    case UMBEL_F8_E4M3: return from_f8(*(const uint8_t *)in, 4, 3, 0);
    case UMBEL_F8_E5M2: return from_f8(*(const uint8_t *)in, 5, 2, 1);
    case UMBEL_F16: break;
    }
    h = load16(in, 0);
    const int exponent = (h >> 10) & 31, mantissa = h & 1023;
    float value;
    if (exponent == 31) {
        value = mantissa ? NAN : INFINITY;
    } else if (exponent == 0) {
        value = ldexpf((float)mantissa, -24);
    } else {
        value = ldexpf((float)(mantissa | 1024), exponent - 25);
    }
    return h & 0x8000 ? -value : value;
}

// Nearest by search: the format's codes of one sign are ordered as their values are.
static uint32_t nearest_code(float magnitude, uint32_t infinity, float (*value)(uint32_t)) {
    uint32_t low = 0, high = infinity;
    while (high - low > 1) {
        const uint32_t middle = (low + high) / 2;
        if (value(middle) <= magnitude) low = middle; else high = middle;
    }
    const double below = (double)magnitude - (double)value(low);
    const double step = high == infinity ? (double)value(low) - (double)value(low - 1) : (double)value(high) - (double)value(low);
    if (below > step / 2 || (below == step / 2 && (low & 1))) return high;
    return low;
}

static float value_f16(uint32_t code) {
    const uint16_t h = (uint16_t)code;
    return umbel_widen_one_reference(&h, UMBEL_F16);
}

static float value_bf16(uint32_t code) { return float_of(code << 16); }

static float value_e4m3(uint32_t code) { return from_f8((uint8_t)code, 4, 3, 0); }

static float value_e5m2(uint32_t code) { return from_f8((uint8_t)code, 5, 2, 1); }

void umbel_narrow_one_reference(void *out, float in, enum umbel_float_format format) {
    const int negative = signbit(in) != 0;
    const float magnitude = fabsf(in);
    uint16_t wide;
    uint8_t narrow;
    const double d = in;
    switch (format) {
    case UMBEL_F64: memcpy(out, &d, 8); return;
    case UMBEL_F32: memcpy(out, &in, 4); return;
    case UMBEL_F16:
        wide = isnan(in) ? 0x7e00 : isinf(in) ? 0x7c00 : (uint16_t)nearest_code(magnitude, 0x7c00, value_f16);
        wide |= negative ? 0x8000 : 0;
        memcpy(out, &wide, 2);
        return;
    case UMBEL_BF16:
        wide = isnan(in)   ? (uint16_t)(((bits_of(in) >> 16) | 0x40) & 0x7fff)
               : isinf(in) ? 0x7f80
                           : (uint16_t)nearest_code(magnitude, 0x7f80, value_bf16);
        wide |= negative ? 0x8000 : 0;
        memcpy(out, &wide, 2);
        return;
    case UMBEL_F8_E4M3:
        narrow = isnan(in) || isinf(in) ? 0x7f : (uint8_t)nearest_code(magnitude, 0x7f, value_e4m3);
        break;
    case UMBEL_F8_E5M2:
        narrow = isnan(in) ? 0x7e : isinf(in) ? 0x7c : (uint8_t)nearest_code(magnitude, 0x7c, value_e5m2);
        break;
    default: return;
    }
    narrow |= negative ? 0x80 : 0;
    memcpy(out, &narrow, 1);
}
