// Vectors of this instruction set's width, and loading and storing them in any storage format. Included once by each
// `set_….c`, which says LANES (f32 numbers of a register), BLOCK_VECTORS (registers of a row that a block holds),
// HALF_CONVERSION (the CPU converts f16 itself, rounding to nearest even) and BFLOAT_CONVERSION (it converts f32 to bf16,
// subnormal numbers to zero).
#include "../scalar_formats.h"
#include "umbel_kernels.h"

#if LANES == 16
#include <immintrin.h>
#endif
#include <math.h>
#include <string.h>

// Only what is written as fma is fused.
#pragma STDC FP_CONTRACT OFF

#define INLINE static inline __attribute__((always_inline))

// For loops over the rows of a block: their results are registers only if no index is left at run time.
#define UNROLLED _Pragma("clang loop unroll(full)")

typedef float vf __attribute__((ext_vector_type(LANES)));
typedef uint32_t vu __attribute__((ext_vector_type(LANES)));
typedef uint16_t vh __attribute__((ext_vector_type(LANES)));
typedef uint8_t vb __attribute__((ext_vector_type(LANES)));
typedef double vd __attribute__((ext_vector_type(LANES)));
#if HALF_CONVERSION
typedef _Float16 vhalf __attribute__((ext_vector_type(LANES)));
#endif

enum {
    PANEL = UMBEL_PANEL_COLUMNS,
    BLOCK_ROWS = UMBEL_BLOCK_ROWS,
    BLOCK_COLUMNS = BLOCK_VECTORS * LANES,
    // Panels that are read for one run of rows after the other stay within so many bytes of cache.
    KEPT_BYTES = 256 << 10,
    // How far ahead of the loads the memory is asked for.
    PREFETCHED_BYTES = 512,
};

INLINE vf select_bits(vu mask, vf yes, vf no) { return (vf)((mask & (vu)yes) | (~mask & (vu)no)); }

INLINE vf load_f32(const float *x) {
    vf v;
    memcpy(&v, x, sizeof v);
    return v;
}

INLINE void store_f32(float *x, vf v) { memcpy(x, &v, sizeof v); }

// Lane i is lane order[i] of x. Only a set whose ORDERED_LANES is not 0 has this, for loads that would straddle two lines of
// cache are slower there.
#if LANES == 16
enum { ORDERED_LANES = LANES };
INLINE vf in_order(vf x, vu order) { return (vf)_mm512_permutexvar_ps((__m512i)order, (__m512)x); }
#else
enum { ORDERED_LANES = 0 };
INLINE vf in_order(vf x, vu order) {
    (void)order;
    return x;
}
#endif

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

// e5m2 is the upper half of an f16; e4m3 is one divided by 2^8, but for its NaN in the place of infinity.
INLINE vf widen_byte(vb b, enum umbel_float_format format) {
    if (format == UMBEL_F8_E5M2) return widen_half(__builtin_convertvector(b, vh) << 8);
    const vh h = __builtin_convertvector(b, vh);
    const vf x = widen_half((h & 0x7f) << 7 | (h & 0x80) << 8) * 256;
    const vu u = __builtin_convertvector(b, vu);
    return select_bits((vu)((u & 0x7f) == 0x7f), (vf)(0x7fc00000 | u << 24), x);
}

// bf16 is the upper half of an f32.
INLINE void load_bfloat(vf *x, int vectors, const char *in) {
    int v = 0;
#if LANES == 16
    // One instruction a register, zeros included, instead of widening and shifting: both need units that multiply-adds need.
    static const uint16_t places[2][32] = {
#define FROM(I) 0, I, 0, I + 1, 0, I + 2, 0, I + 3, 0, I + 4, 0, I + 5, 0, I + 6, 0, I + 7
        {FROM(0), FROM(8)},
        {FROM(16), FROM(24)},
#undef FROM
    };
    const __mmask32 odd = 0xaaaaaaaa;
    for (; v + 2 <= vectors; v += 2) {
        const __m512i both = _mm512_loadu_si512(in + 2 * v * LANES);
        for (int half = 0; half < 2; half++) {
            // Written as an instruction: the compiler would take two of _mm512_maskz_permutexvar_epi16.
            const __m512i place = _mm512_loadu_si512(places[half]);
            __asm__("vpermw %1, %2, %0 %{%3%}%{z%}" : "=v"(x[v + half]) : "v"(both), "v"(place), "Yk"(odd));
        }
    }
#endif
    for (; v < vectors; v++) {
        vh h;
        memcpy(&h, in + 2 * v * LANES, sizeof h);
        x[v] = (vf)(__builtin_convertvector(h, vu) << 16);
    }
}

// Numbers i, i + 1, … of `in`, in as many registers as `vectors`.
INLINE void load(vf *x, int vectors, const void *in, size_t i, enum umbel_float_format format) {
    vh h;
    vb b;
    vd d;
    switch (format) {
    case UMBEL_F32:
        for (int v = 0; v < vectors; v++) memcpy(&x[v], (const char *)in + 4 * (i + v * LANES), sizeof x[v]);
        return;
    case UMBEL_BF16:
        load_bfloat(x, vectors, (const char *)in + 2 * i);
        return;
    case UMBEL_F16:
        for (int v = 0; v < vectors; v++) {
            memcpy(&h, (const char *)in + 2 * (i + v * LANES), sizeof h);
            x[v] = widen_half(h);
        }
        return;
    case UMBEL_F8_E4M3:
    case UMBEL_F8_E5M2:
        for (int v = 0; v < vectors; v++) {
            memcpy(&b, (const char *)in + i + v * LANES, sizeof b);
            x[v] = widen_byte(b, format);
        }
        return;
    case UMBEL_F64:
        for (int v = 0; v < vectors; v++) {
            memcpy(&d, (const char *)in + 8 * (i + v * LANES), sizeof d);
            x[v] = __builtin_convertvector(d, vf);
        }
        return;
    }
}

INLINE vu round_bfloat(vf x) {
    const vu u = (vu)x;
    return (u + 0x7fff + ((u >> 16) & 1)) >> 16;
}

// To a format of few bits: numbers below `smallest`, its least normal one, have a fixed last bit, which an f32 near
// `magic` has too, so the CPU's addition rounds them; others are rounded at the last of their kept bits.
INLINE vu round_small(vf x, uint32_t smallest, float magic, int dropped) {
    const vu magnitude = (vu)x & 0x7fffffff;
    uint32_t magic_bits;
    memcpy(&magic_bits, &magic, 4);
    const vu subnormal = (vu)((vf)magnitude + magic) - magic_bits;
    const vu half = ((magnitude >> dropped) & 1) + ((1u << (dropped - 1)) - 1);
    const vu normal = (magnitude - (smallest - (1u << 23)) + half) >> dropped;
    const vu below = (vu)(magnitude < smallest);
    return (below & subnormal) | (~below & normal);
}

INLINE vu round_half(vf x) {
#if HALF_CONVERSION
    return __builtin_convertvector((vh)__builtin_convertvector(x, vhalf), vu);
#else
    const vu magnitude = (vu)x & 0x7fffffff;
    const vu code = round_small(x, 0x38800000, 0.5f, 13);
    const vu large = (vu)(magnitude >= 0x47800000);
    return (large & 0x7c00) | (~large & code) | (((vu)x >> 16) & 0x8000);
#endif
}

INLINE vu round_byte(vf x, enum umbel_float_format format) {
    const vu sign = ((vu)x >> 24) & 0x80;
    if (format == UMBEL_F8_E5M2) return round_small(x, 0x38800000, 0x1p7f, 21) | sign;
    return round_small(x, 0x3c800000, 0x1p14f, 20) | sign;
}

// One register, past the caches where that is wanted; `out` is aligned to the store then.
#define STORE(TYPE, OUT, VALUE)                                                                                          \
    do {                                                                                                                 \
        const TYPE value = (VALUE);                                                                                      \
        if (streaming) {                                                                                                 \
            __builtin_nontemporal_store(value, (TYPE *)(OUT));                                                           \
        } else {                                                                                                         \
            memcpy((OUT), &value, sizeof value);                                                                         \
        }                                                                                                                \
    } while (0)

// Rounds finite numbers into place, ties to even.
INLINE void store(void *out, size_t i, const vf *y, int vectors, enum umbel_float_format format, int streaming) {
    switch (format) {
    case UMBEL_F32:
        for (int v = 0; v < vectors; v++) STORE(vf, (char *)out + 4 * (i + v * LANES), y[v]);
        return;
    case UMBEL_BF16:
        for (int v = 0; v < vectors; v++) {
            STORE(vh, (char *)out + 2 * (i + v * LANES), __builtin_convertvector(round_bfloat(y[v]), vh));
        }
        return;
    case UMBEL_F16:
        for (int v = 0; v < vectors; v++) {
            STORE(vh, (char *)out + 2 * (i + v * LANES), __builtin_convertvector(round_half(y[v]), vh));
        }
        return;
    case UMBEL_F8_E4M3:
    case UMBEL_F8_E5M2:
        for (int v = 0; v < vectors; v++) {
            STORE(vb, (char *)out + i + v * LANES, __builtin_convertvector(round_byte(y[v], format), vb));
        }
        return;
    case UMBEL_F64:
        for (int v = 0; v < vectors; v++) {
            const vd d = __builtin_convertvector(y[v], vd);
            memcpy((char *)out + 8 * (i + v * LANES), &d, sizeof d);
        }
        return;
    }
}

// The place in a row of what comes some bytes later: beyond the row's end that is in the row `next` numbers behind this one.
INLINE size_t later_place(size_t i, size_t columns, size_t next, size_t bytes, enum umbel_float_format format) {
    const size_t later = i + bytes / format_bytes(format);
    return later < columns ? later : later + next - columns;
}

// Asks for what is going to be loaded from a row so many bytes later: with several rows at a time, the CPU does not see by
// itself what comes next. Where there is no row that comes next it is of no use, and no harm.
INLINE void prefetch_later(const char *in, size_t i, size_t columns, size_t next, int vectors,
                           enum umbel_float_format format, size_t later) {
    const size_t bytes = format_bytes(format);
    const char *const place = in + bytes * later_place(i, columns, next, later, format);
    for (size_t line = 0; line < bytes * vectors * LANES; line += 64) __builtin_prefetch(place + line, 0, 0);
}

INLINE void prefetch_row(const char *in, size_t i, size_t columns, size_t next, int vectors,
                         enum umbel_float_format format) {
    prefetch_later(in, i, columns, next, vectors, format, PREFETCHED_BYTES);
}

// As `load`, of `count` numbers; the registers' rest is zeros.
INLINE void load_part(vf *x, int vectors, const void *in, size_t i, size_t count, enum umbel_float_format format) {
    if (__builtin_expect(count >= (size_t)vectors * LANES, 1)) {
        load(x, vectors, in, i, format);
        return;
    }
    unsigned char padded[8 * BLOCK_COLUMNS] = {0};
    const size_t bytes = format_bytes(format);
    memcpy(padded, (const char *)in + bytes * i, bytes * count);
    load(x, vectors, padded, 0, format);
}

// As `store`, of the first `count` numbers.
INLINE void store_part(void *out, size_t i, size_t count, const vf *y, int vectors, enum umbel_float_format format,
                       int streaming) {
    if (__builtin_expect(count >= (size_t)vectors * LANES, 1)) {
        store(out, i, y, vectors, format, streaming);
        return;
    }
    unsigned char padded[8 * BLOCK_COLUMNS];
    const size_t bytes = format_bytes(format);
    store(padded, 0, y, vectors, format, 0);
    memcpy((char *)out + bytes * i, padded, bytes * count);
}

// As integers, magnitudes are ordered as the numbers are, with infinity and NaN above all.
INLINE vu larger_magnitude(vu largest, vf y) {
    const vu magnitude = (vu)y & 0x7fffffff;
    return __builtin_elementwise_max(largest, magnitude);
}

INLINE int is_below(vu largest, float limit) {
    uint32_t bound;
    memcpy(&bound, &limit, 4);
    return __builtin_reduce_max(largest) < bound;
}
