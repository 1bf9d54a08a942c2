#include "umbel_vocabulary.h"
#include <zlib.h>

// #embed is of C23; clang has it in every edition, and warns.
#pragma clang diagnostic ignored "-Wc23-extensions"

// make-clip-merges.py says where it is from.
static const unsigned char packed[] = {
#embed "clip-merges.zlib"
};

const size_t umbel_clip_merges_length = 524605;

size_t umbel_clip_merges(char *text, size_t capacity) {
    if (capacity < umbel_clip_merges_length) return 0;
    uLongf length = capacity;
    return uncompress((Bytef *)text, &length, packed, sizeof packed) == Z_OK ? length : 0;
}
