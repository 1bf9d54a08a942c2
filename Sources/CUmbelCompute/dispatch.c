// Sends calls to the set that the kernels of merging were chosen from, which knows what runs on this CPU.
#include "umbel_compute_set.h"
#include "umbel_kernels.h"

#include <stdatomic.h>
#include <string.h>

static _Atomic(const struct umbel_compute_set *) chosen;

static const struct umbel_compute_set *set_named(const char *name) {
    const struct umbel_compute_set *const sets[] = {umbel_compute_avx512_bf16, umbel_compute_avx512, umbel_compute_avx2,
                                                    umbel_compute_neon};
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        if (sets[i] && strcmp(sets[i]->name, name) == 0) return sets[i];
    }
    return umbel_compute_plain;
}

const struct umbel_compute_set *umbel_compute_set_at(size_t index) {
    const char *const name = umbel_kernels_available(index);
    return name ? set_named(name) : NULL;
}

static const struct umbel_compute_set *kernels(void) {
    const struct umbel_compute_set *set = atomic_load_explicit(&chosen, memory_order_acquire);
    if (__builtin_expect(set != NULL, 1)) return set;
    const struct umbel_compute_set *none = NULL;
    // What somebody else has chosen meanwhile stays.
    atomic_compare_exchange_strong(&chosen, &none, set_named(umbel_kernels_chosen()));
    return atomic_load_explicit(&chosen, memory_order_acquire);
}

#define UMBEL_DOOR(NAME, PARAMETERS, ARGUMENTS)                                                                          \
    void umbel_##NAME PARAMETERS { kernels()->NAME ARGUMENTS; }

UMBEL_COMPUTE_LIST(UMBEL_DOOR)
