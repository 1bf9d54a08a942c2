#include "growing_file.h"
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

void umbel_image_release(struct umbel_image_file file) { free(file.start); }

int umbel_image_append(struct umbel_growing_file *growing, const uint8_t *bytes, size_t count) {
    size_t needed = growing->file.count + count;
    if (needed > growing->capacity) {
        size_t capacity = needed + needed / 2 + 4096;
        uint8_t *longer = realloc(growing->file.start, capacity);
        if (longer == NULL) return 0;
        growing->file.start = longer;
        growing->capacity = capacity;
    }
    memcpy(growing->file.start + growing->file.count, bytes, count);
    growing->file.count = needed;
    return 1;
}

ptrdiff_t umbel_image_inflate(const uint8_t *bytes, size_t count, uint8_t *text, size_t capacity) {
    uLongf length = capacity;
    return uncompress(text, &length, bytes, count) == Z_OK ? (ptrdiff_t)length : -1;
}
