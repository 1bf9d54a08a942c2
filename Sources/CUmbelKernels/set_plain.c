// For any CPU: whatever the compiler may assume of the architecture; fused sums by the C library where it may not assume
// them.
#include "kernel_set.h"

#define SET_NAME "plain"
#define LANES 4
#define BLOCK_VECTORS 2
#define HALF_CONVERSION 0
#define BFLOAT_CONVERSION 0
#define FUSES 0
#include "set/all.h"

const struct umbel_kernel_set *const umbel_set_plain = &kernels;
