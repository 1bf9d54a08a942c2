#include "umbel_kernels.h"
