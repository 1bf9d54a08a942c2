// For 64-bit ARM, all of which have NEON.
#include "umbel_compute_set.h"

#if defined(__aarch64__)
#define SET_NAME "neon"
#define LANES 4
#define TILE_VECTORS 4
#define BFLOAT_PRODUCTS 0
#define HALF_CONVERSION 1
#define FUSES 1
#include "set/all.h"
const struct umbel_compute_set *const umbel_compute_neon = &kernels;
#else
const struct umbel_compute_set *const umbel_compute_neon = NULL;
#endif
