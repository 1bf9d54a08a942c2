// All kernels of a set; defines `kernels` from them.
#include "vectors.h"

#include "exponential.h"

#include "activations.h"
#include "attention.h"
#include "convolution.h"
#include "normalise.h"
#include "pack.h"
#include "products.h"
#include "winograd.h"

#define SET_MEMBER(NAME, PARAMETERS, ARGUMENTS) .NAME = set_##NAME,

static const struct umbel_compute_set kernels = {.name = SET_NAME, UMBEL_COMPUTE_LIST(SET_MEMBER)};
