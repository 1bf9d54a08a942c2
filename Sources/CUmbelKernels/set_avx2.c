// For CPUs with AVX2, FMA and F16C.
#include "kernel_set.h"

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)
#define SET_NAME "avx2"
#define LANES 8
#define BLOCK_VECTORS 2
#define HALF_CONVERSION 1
#define BFLOAT_CONVERSION 0
#define FUSES 1
#include "set/all.h"
#pragma clang attribute pop
const struct umbel_kernel_set *const umbel_set_avx2 = &kernels;
#else
const struct umbel_kernel_set *const umbel_set_avx2 = NULL;
#endif
