// The kernels in one instruction set.
#pragma once
#include "umbel_compute.h"

#include "umbel_compute_list.h"

#define UMBEL_COMPUTE_MEMBER(NAME, PARAMETERS, ARGUMENTS) void(*NAME) PARAMETERS;

struct umbel_compute_set {
    const char *name;
    UMBEL_COMPUTE_LIST(UMBEL_COMPUTE_MEMBER)
};

// Those that run on this CPU, the fastest first; NULL behind the last. Results of two sets differ in their last bits.
const struct umbel_compute_set *umbel_compute_set_at(size_t index);

// NULL where the program was not compiled for such a CPU.
extern const struct umbel_compute_set *const umbel_compute_avx512_bf16;
extern const struct umbel_compute_set *const umbel_compute_avx512;
extern const struct umbel_compute_set *const umbel_compute_avx2;
extern const struct umbel_compute_set *const umbel_compute_neon;
extern const struct umbel_compute_set *const umbel_compute_plain;
