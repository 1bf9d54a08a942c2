// The peak of f32 multiply-adds: chains that do not wait for each other, all operands in registers. 16 chains cover a latency of
// 4 cycles on up to 4 units; NEON has 32 registers, and gets 24 for cores with 4 units.
#include "umbel_bench.h"

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

enum { chains = 16, steps = 64 };

// Written to, so that the arithmetic counts as used.
static volatile float sink;

#if defined(__x86_64__)
#define DEFINE_PEAK(name, features, vector, lanes, set, multiply_add, first)                                               \
    __attribute__((target(features))) static uint64_t name(uint64_t rounds) {                                              \
        vector sums[chains];                                                                                               \
        for (int chain = 0; chain < chains; chain++) sums[chain] = set((float)chain);                                      \
        const vector factor = set(0.999f), addend = set(0.001f);                                                           \
        for (uint64_t round = 0; round < rounds; round++) {                                                                \
            for (int step = 0; step < steps; step++) {                                                                     \
                _Pragma("clang loop unroll(full)") for (int chain = 0; chain < chains; chain++) {                          \
                    sums[chain] = multiply_add(sums[chain], factor, addend);                                               \
                }                                                                                                          \
            }                                                                                                              \
        }                                                                                                                  \
        float total = 0;                                                                                                   \
        for (int chain = 0; chain < chains; chain++) total += first(sums[chain]);                                          \
        sink = total;                                                                                                      \
        return rounds * steps * chains * lanes;                                                                            \
    }

DEFINE_PEAK(peak_avx512, "avx512f", __m512, 16, _mm512_set1_ps, _mm512_fmadd_ps, _mm512_cvtss_f32)
DEFINE_PEAK(peak_avx2, "avx2,fma", __m256, 8, _mm256_set1_ps, _mm256_fmadd_ps, _mm256_cvtss_f32)

// Pairs of bf16, whose products are added to f32 sums.
__attribute__((target("avx512f,avx512bf16"))) static uint64_t peak_bf16(uint64_t rounds) {
    const __m512bh ones = (__m512bh)_mm512_set1_epi16(0x3f80), small = (__m512bh)_mm512_set1_epi16(0x3a80);
    __m512 sums[chains];
    for (int chain = 0; chain < chains; chain++) sums[chain] = _mm512_set1_ps((float)chain);
    for (uint64_t round = 0; round < rounds; round++) {
        for (int step = 0; step < steps; step++) {
            _Pragma("clang loop unroll(full)") for (int chain = 0; chain < chains; chain++) {
                sums[chain] = _mm512_dpbf16_ps(sums[chain], ones, small);
            }
        }
    }
    float total = 0;
    for (int chain = 0; chain < chains; chain++) total += _mm512_cvtss_f32(sums[chain]);
    sink = total;
    return rounds * steps * chains * 32;
}
#endif

uint64_t umbel_bench_multiply_add_bf16(uint64_t rounds) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512bf16")) return peak_bf16(rounds);
#endif
    (void)rounds;
    return 0;
}

#if defined(__aarch64__)
static uint64_t peak_neon(uint64_t rounds) {
    enum { wide = 24 };
    float32x4_t sums[wide];
    for (int chain = 0; chain < wide; chain++) sums[chain] = vdupq_n_f32((float)chain);
    const float32x4_t factor = vdupq_n_f32(0.999f), addend = vdupq_n_f32(0.001f);
    for (uint64_t round = 0; round < rounds; round++) {
        for (int step = 0; step < steps; step++) {
            _Pragma("clang loop unroll(full)") for (int chain = 0; chain < wide; chain++) {
                sums[chain] = vfmaq_f32(addend, sums[chain], factor);
            }
        }
    }
    float total = 0;
    for (int chain = 0; chain < wide; chain++) total += vgetq_lane_f32(sums[chain], 0);
    sink = total;
    return rounds * steps * wide * 4;
}
#else
// For a processor without vectors that are known here: a product and a sum, in whatever the compiler finds.
static uint64_t peak_plain(uint64_t rounds) {
    float sums[chains * 4];
    for (int chain = 0; chain < chains * 4; chain++) sums[chain] = (float)chain;
    for (uint64_t round = 0; round < rounds; round++) {
        for (int step = 0; step < steps; step++) {
            for (int chain = 0; chain < chains * 4; chain++) sums[chain] = sums[chain] * 0.999f + 0.001f;
        }
    }
    float total = 0;
    for (int chain = 0; chain < chains * 4; chain++) total += sums[chain];
    sink = total;
    return rounds * steps * chains * 4;
}
#endif

#if defined(__x86_64__)
static bool has_avx512(void) {
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx512f");
}

static bool has_avx2(void) {
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}
#endif

const char *umbel_bench_instructions(void) {
#if defined(__x86_64__)
    return has_avx512() ? "AVX-512" : has_avx2() ? "AVX2" : "plain C";
#elif defined(__aarch64__)
    return "NEON";
#else
    return "plain C";
#endif
}

uint64_t umbel_bench_multiply_add(uint64_t rounds) {
#if defined(__x86_64__)
    if (has_avx512()) return peak_avx512(rounds);
    if (has_avx2()) return peak_avx2(rounds);
    return peak_plain(rounds);
#elif defined(__aarch64__)
    return peak_neon(rounds);
#else
    return peak_plain(rounds);
#endif
}
