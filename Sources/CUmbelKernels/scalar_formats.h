// One number of each storage format at a time, as plain integer arithmetic without branches where a loop is to become
// vector code.
#pragma once
#include "umbel_kernels.h"

#include <math.h>
#include <string.h>

#pragma STDC FP_CONTRACT OFF

// Size of one number.
static inline size_t format_bytes(enum umbel_float_format format) {
    switch (format) {
    case UMBEL_F64: return 8;
    case UMBEL_F32: return 4;
    case UMBEL_F16:
    case UMBEL_BF16: return 2;
    case UMBEL_F8_E4M3:
    case UMBEL_F8_E5M2: return 1;
    }
    return 1;
}

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

static inline float from_f8(uint8_t b, int exponent_bits, int mantissa_bits, int has_infinity) {
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
static inline uint8_t to_f8(float x, int exponent_bits, int mantissa_bits, int has_infinity) {
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
