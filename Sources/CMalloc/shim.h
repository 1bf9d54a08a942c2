// glibc's own calls about its heap, which Swift's Glibc module leaves out.
#include <malloc.h>

static inline void umbel_heap_limit_arenas(int arenas) { mallopt(M_ARENA_MAX, arenas); }
// Once set, the threshold stays where it is instead of following the largest block that was freed.
static inline void umbel_heap_map_from(int bytes) { mallopt(M_MMAP_THRESHOLD, bytes); }
static inline void umbel_heap_trim(void) { malloc_trim(0); }
