#pragma once

// Compiles a function for several instruction sets and picks one when the program starts. The results are equal to the
// bit: see umbel_kernels.h. Contraction is off so that only what is written as fma is fused.
#if defined(__x86_64__)
#define UMBEL_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define UMBEL_CLONES
#endif

#pragma STDC FP_CONTRACT OFF
