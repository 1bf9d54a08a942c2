// For 64-bit ARM, all of which have NEON.
#include "kernel_set.h"

#if defined(__aarch64__)

#define SET_NAME "neon"
#define LANES 4
#define BLOCK_VECTORS 4
#define HALF_CONVERSION 1
#define BFLOAT_CONVERSION 0
#define FUSES 1
#include "set/all.h"

const struct umbel_kernel_set *const umbel_set_neon = &kernels;
#else
const struct umbel_kernel_set *const umbel_set_neon = NULL;
#endif
