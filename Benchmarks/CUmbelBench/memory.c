// Copies and reads at the speed of memory.
#include "umbel_bench.h"

#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>

// Destinations begin wherever a tensor does: the part before the first whole vector, and what is left, are copied as usual.
#define DEFINE_STREAM(name, features, vector, load, store)                                                                 \
    __attribute__((target(features))) static void name(char *restrict to, const char *restrict from, size_t count) {      \
        size_t head = (size_t)(-(uintptr_t)to & (sizeof(vector) - 1));                                                     \
        if (head > count) head = count;                                                                                    \
        memcpy(to, from, head);                                                                                            \
        to += head, from += head, count -= head;                                                                           \
        const size_t four = 4 * sizeof(vector);                                                                            \
        size_t done = 0;                                                                                                   \
        for (; done + four <= count; done += four) {                                                                       \
            for (size_t part = 0; part < four; part += sizeof(vector)) {                                                   \
                store((void *)(to + done + part), load((const void *)(from + done + part)));                               \
            }                                                                                                              \
        }                                                                                                                  \
        _mm_sfence();                                                                                                      \
        memcpy(to + done, from + done, count - done);                                                                      \
    }

DEFINE_STREAM(stream_avx512, "avx512f", __m512i, _mm512_loadu_si512, _mm512_stream_si512)
DEFINE_STREAM(stream_avx2, "avx2", __m256i, _mm256_loadu_si256, _mm256_stream_si256)

bool umbel_bench_stream_copy(void *restrict destination, const void *restrict source, size_t count) {
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f")) {
        stream_avx512(destination, source, count);
    } else if (__builtin_cpu_supports("avx2")) {
        stream_avx2(destination, source, count);
    } else {
        return false;
    }
    return true;
}
#else
bool umbel_bench_stream_copy(void *restrict destination, const void *restrict source, size_t count) {
    (void)destination, (void)source, (void)count;
    return false;
}
#endif

#if defined(__x86_64__)
__attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#endif
uint64_t
umbel_bench_read(const void *source, size_t count) {
    const char *bytes = source;
    uint64_t sums[16] = {0};
    size_t done = 0;
    for (; done + sizeof(sums) <= count; done += sizeof(sums)) {
        uint64_t words[16];
        memcpy(words, bytes + done, sizeof(words));
        for (int index = 0; index < 16; index++) sums[index] ^= words[index];
    }
    uint64_t total = 0;
    for (int index = 0; index < 16; index++) total ^= sums[index];
    for (; done < count; done++) total ^= (uint64_t)bytes[done];
    return total;
}
