// A call of Linux about the pages of a file, which Swift's Glibc module leaves out.
#include <sys/types.h>

extern int sync_file_range(int, __off64_t, __off64_t, unsigned int);

// Has a part of a file on its way to the disk, and waits for nothing: SYNC_FILE_RANGE_WRITE.
static inline void umbel_begin_writeback(int descriptor, long offset, long count) {
    sync_file_range(descriptor, offset, count, 2);
}
