// Chooses the set of kernels that all calls go to.
#include "kernel_set.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static _Atomic(const struct umbel_kernel_set *) chosen;

static int runs_here(const struct umbel_kernel_set *set) {
    if (!set) return 0;
#if defined(__x86_64__)
    if (set == umbel_set_avx512_bf16) return __builtin_cpu_supports("avx512bf16") && runs_here(umbel_set_avx512);
    if (set == umbel_set_avx512) {
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("fma") &&
               __builtin_cpu_supports("f16c");
    }
    if (set == umbel_set_avx2) {
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
    }
#endif
    return 1;
}

// The fastest first.
static const struct umbel_kernel_set *set_at(size_t index) {
    const struct umbel_kernel_set *const sets[] = {umbel_set_avx512_bf16, umbel_set_avx512, umbel_set_avx2, umbel_set_neon,
                                                   umbel_set_plain};
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        if (runs_here(sets[i]) && index-- == 0) return sets[i];
    }
    return NULL;
}

const char *umbel_kernels_available(size_t index) {
    const struct umbel_kernel_set *const set = set_at(index);
    return set ? set->name : NULL;
}

// NULL for one that does not run here.
static const struct umbel_kernel_set *set_named(const char *name) {
    for (size_t i = 0;; i++) {
        const struct umbel_kernel_set *const set = set_at(i);
        if (!set || strcmp(set->name, name) == 0) return set;
    }
}

int umbel_kernels_choose(const char *name) {
    const struct umbel_kernel_set *const set = set_named(name);
    if (set) atomic_store_explicit(&chosen, set, memory_order_release);
    return set != NULL;
}

static const struct umbel_kernel_set *kernels(void) {
    const struct umbel_kernel_set *set = atomic_load_explicit(&chosen, memory_order_acquire);
    if (__builtin_expect(set != NULL, 1)) return set;
    const char *const wanted = getenv("UMBEL_KERNELS");
    const struct umbel_kernel_set *const named = wanted ? set_named(wanted) : NULL;
    const struct umbel_kernel_set *none = NULL;
    // What somebody else has chosen meanwhile stays.
    atomic_compare_exchange_strong(&chosen, &none, named ? named : set_at(0));
    return atomic_load_explicit(&chosen, memory_order_acquire);
}

const char *umbel_kernels_chosen(void) { return kernels()->name; }

#define UMBEL_DOOR(RESULT, NAME, PARAMETERS, ARGUMENTS)                                                                  \
    RESULT umbel_##NAME PARAMETERS { return kernels()->NAME ARGUMENTS; }

UMBEL_KERNEL_LIST(UMBEL_DOOR)
UMBEL_F64_KERNEL_LIST(UMBEL_DOOR)
