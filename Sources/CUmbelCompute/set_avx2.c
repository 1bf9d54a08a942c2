// For CPUs with AVX2, FMA and F16C.
#include "umbel_compute_set.h"

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)
#define SET_NAME "avx2"
#define LANES 8
#define TILE_VECTORS 2
#define BFLOAT_PRODUCTS 0
#define HALF_CONVERSION 1
#define FUSES 1
#include "set/all.h"
#pragma clang attribute pop
const struct umbel_compute_set *const umbel_compute_avx2 = &kernels;
#else
const struct umbel_compute_set *const umbel_compute_avx2 = NULL;
#endif
