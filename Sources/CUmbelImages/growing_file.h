// A file that grows in memory while it is written.
#pragma once
#include "umbel_images.h"

struct umbel_growing_file {
    struct umbel_image_file file;
    size_t capacity;
};

// 0 if there is no memory; what is there stays.
int umbel_image_append(struct umbel_growing_file *growing, const uint8_t *bytes, size_t count);
