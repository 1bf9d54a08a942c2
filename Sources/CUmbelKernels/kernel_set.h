// The kernels in one instruction set.
#pragma once
#include "umbel_decomposition.h"
#include "umbel_kernels.h"

#include "decomposition_list.h"
#include "kernel_list.h"

#define UMBEL_MEMBER(RESULT, NAME, PARAMETERS, ARGUMENTS) RESULT(*NAME) PARAMETERS;

struct umbel_kernel_set {
    const char *name;
    UMBEL_KERNEL_LIST(UMBEL_MEMBER)
    UMBEL_F64_KERNEL_LIST(UMBEL_MEMBER)
};

// NULL where the program was not compiled for such a CPU.
extern const struct umbel_kernel_set *const umbel_set_avx512_bf16;
extern const struct umbel_kernel_set *const umbel_set_avx512;
extern const struct umbel_kernel_set *const umbel_set_avx2;
extern const struct umbel_kernel_set *const umbel_set_neon;
extern const struct umbel_kernel_set *const umbel_set_plain;
