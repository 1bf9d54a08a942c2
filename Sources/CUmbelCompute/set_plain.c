// For any CPU: whatever the compiler may assume of the architecture.
#include "umbel_compute_set.h"

#define SET_NAME "plain"
#define LANES 4
#define TILE_VECTORS 2
#define BFLOAT_PRODUCTS 0
#define HALF_CONVERSION 0
#define FUSES 0
#include "set/all.h"

const struct umbel_compute_set *const umbel_compute_plain = &kernels;
