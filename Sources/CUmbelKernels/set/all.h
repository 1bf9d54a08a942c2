// All kernels of a set; defines `kernels` from them.
#include "vectors.h"

#include "../comparison_sums.h"
#include "../kernel_set.h"
#include "blocks.h"
#include "cayley.h"
#include "compare.h"
#include "decomposition.h"
#include "elementwise.h"
#include "formats.h"
#include "products.h"
#include "merge.h"
#include "kronecker.h"
#include "transpose.h"
#include "project.h"
#include "generalise.h"
#include "rotate.h"
#include "rotate_rows.h"
#include "sums.h"
#include "normalise.h"

#define SET_MEMBER(RESULT, NAME, PARAMETERS, ARGUMENTS) .NAME = set_##NAME,

static const struct umbel_kernel_set kernels = {.name = SET_NAME, UMBEL_KERNEL_LIST(SET_MEMBER) UMBEL_F64_KERNEL_LIST(SET_MEMBER)};
