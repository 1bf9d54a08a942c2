// For CPUs with AVX-512 F, BW, DQ and VL.
#include "umbel_compute_set.h"

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,f16c"))), apply_to = function)
#define SET_NAME "avx512"
#define LANES 16
#define TILE_VECTORS 4
#define BFLOAT_PRODUCTS 0
#define HALF_CONVERSION 1
#define FUSES 1
#include "set/all.h"
#pragma clang attribute pop
const struct umbel_compute_set *const umbel_compute_avx512 = &kernels;
#else
const struct umbel_compute_set *const umbel_compute_avx512 = NULL;
#endif
