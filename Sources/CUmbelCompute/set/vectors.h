// Vectors of this instruction set's width. Included once by each `set_….c`, which says LANES (f32 numbers of a register),
// TILE_VECTORS (registers of a row that a tile holds), BFLOAT_PRODUCTS (the CPU multiplies pairs of bf16), HALF_CONVERSION
// (it widens f16) and FUSES (it adds products in one step).
#pragma once
#include "umbel_compute.h"

#include <math.h>
#include <string.h>

#if BFLOAT_PRODUCTS
#include <immintrin.h>
#endif

#define INLINE static inline __attribute__((always_inline))

// For loops over what a tile holds: its results are registers only if no index is left at run time.
#define UNROLLED _Pragma("clang loop unroll(full)")

typedef float vf __attribute__((ext_vector_type(LANES)));
typedef uint32_t vu __attribute__((ext_vector_type(LANES)));
typedef int32_t vi __attribute__((ext_vector_type(LANES)));
typedef uint16_t vh __attribute__((ext_vector_type(LANES)));
#if HALF_CONVERSION
typedef _Float16 vhalf __attribute__((ext_vector_type(LANES)));
#endif

INLINE vf load(const void *x) {
    vf v;
    memcpy(&v, x, sizeof v);
    return v;
}

INLINE void store(void *x, vf v) { memcpy(x, &v, sizeof v); }

// The first `count` numbers, if that is less than a register; the rest is zeros.
INLINE vf load_part(const float *x, size_t count) {
    if (count >= LANES) return load(x);
    float padded[LANES] = {0};
    memcpy(padded, x, count * sizeof *x);
    return load(padded);
}

INLINE void store_part(float *x, vf v, size_t count) {
    if (count >= LANES) {
        store(x, v);
        return;
    }
    float padded[LANES];
    store(padded, v);
    memcpy(x, padded, count * sizeof *x);
}

INLINE vf multiply_add(vf a, vf b, vf c) {
#if FUSES
    return __builtin_elementwise_fma(a, b, c);
#else
    return a * b + c;
#endif
}

// The larger of two numbers, b if a is none: one instruction, where the builtin function has three for what is no number.
INLINE vf larger(vf a, vf b) { return a > b ? a : b; }

// The smaller of two numbers, b if a is none.
INLINE vf smaller(vf a, vf b) { return a < b ? a : b; }

// f16: the 15 low bits shifted into place are the number divided by 2^112; the product is exact, subnormals included.
INLINE vf widen_half(vh h) {
#if HALF_CONVERSION
    return __builtin_convertvector((vhalf)h, vf);
#else
    const vu u = __builtin_convertvector(h, vu);
    const vu magnitude = (u & 0x7fff) << 13;
    const vu special = (vu)(magnitude >= 0x0f800000);
    const vu scaled = (vu)((vf)magnitude * 0x1p112f);
    const vu value = (special & (0x7f800000 | magnitude)) | (~special & scaled);
    return (vf)(value | (u & 0x8000) << 16);
#endif
}

// bf16 in the low half, to nearest, ties to even. For finite numbers.
INLINE vu round_bfloat(vf x) {
    const vu u = (vu)x;
    return (u + 0x7fff + ((u >> 16) & 1)) >> 16;
}

INLINE uint32_t round_one_bfloat(float x) {
    uint32_t u;
    memcpy(&u, &x, sizeof u);
    return (u + 0x7fff + ((u >> 16) & 1)) >> 16;
}

// Numbers as bf16 behind each other, the first `count` of them; what is missing to a whole pair is a zero.
INLINE void store_bfloat(void *out, vf x, size_t count) {
#if BFLOAT_PRODUCTS
    const __m256bh h = _mm512_cvtneps_pbh((__m512)x);
#else
    const vh h = __builtin_convertvector(round_bfloat(x), vh);
#endif
    // Two copies of known sizes: one of a size that is not known would be a call.
    if (count >= LANES) memcpy(out, &h, sizeof h);
    else memcpy(out, &h, (count + 1) / 2 * 4);
}

// Pairs of a number of each, as `round_bfloat` makes them; of what is below 2⁻¹²⁶, zeros are made where the CPU has an instruction.
INLINE vu pair_of(vf first, vf second) {
#if BFLOAT_PRODUCTS
    typedef uint16_t halves __attribute__((ext_vector_type(2 * LANES)));
    const halves both = (halves)_mm512_cvtne2ps_pbh((__m512)second, (__m512)first);
    return (vu)__builtin_shufflevector(both, both, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23, 8, 24, 9, 25, 10,
                                       26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
#else
    return round_bfloat(first) | round_bfloat(second) << 16;
#endif
}

// sum + a · b, of numbers or of pairs.
INLINE vf add_product(vf sum, vf a, vf b, enum umbel_unit unit) {
    if (unit == UMBEL_NUMBERS) return multiply_add(a, b, sum);
#if BFLOAT_PRODUCTS
    return (vf)_mm512_dpbf16_ps((__m512)sum, (__m512bh)a, (__m512bh)b);
#else
    sum = multiply_add((vf)((vu)a << 16), (vf)((vu)b << 16), sum);
    return multiply_add((vf)((vu)a & 0xffff0000), (vf)((vu)b & 0xffff0000), sum);
#endif
}
