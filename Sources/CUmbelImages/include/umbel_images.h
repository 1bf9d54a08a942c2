// Whole pictures between memory and memory, by libpng, libjpeg and libwebp. Swift cannot call the first two itself:
// they report errors by longjmp. Every jump begins and ends inside one function here, and nothing is kept between
// calls.
//
// A picture is rows from top to bottom of `width` × `channels` bytes without padding: 1 grey, 3 RGB, 4 RGBA (not
// premultiplied). Reading has two steps, so that the caller decides on the size before anything of that size is
// allocated: measure, then decode into memory of width × height × channels bytes.
#pragma once
#include <stddef.h>
#include <stdint.h>

enum umbel_image_status {
    UMBEL_IMAGE_DONE,
    // Damaged when reading, refused by the library when writing: the message says why.
    UMBEL_IMAGE_FAILED,
    // A valid file of a kind that is not read: the message names the kind.
    UMBEL_IMAGE_UNSUPPORTED,
};

// Why a call came to nothing, in the library's words.
struct umbel_image_failure {
    char message[200];
};

struct umbel_image_size {
    uint32_t width;
    uint32_t height;
    uint32_t channels;
};

// An encoded file; `start` goes to umbel_image_release. {NULL, 0} after a failure.
struct umbel_image_file {
    uint8_t *start;
    size_t count;
};

void umbel_image_release(struct umbel_image_file file);

// PNG. 16-bit samples become 8-bit ones (rounded), smaller ones are widened, palettes become RGB, transparency of any
// kind becomes a fourth channel, interlaced files are put in order. Text and other ancillary chunks are skipped.
enum umbel_image_status umbel_png_measure(const uint8_t *bytes, size_t count, struct umbel_image_size *size,
                                          struct umbel_image_failure *failure);
enum umbel_image_status umbel_png_decode(const uint8_t *bytes, size_t count, struct umbel_image_size size,
                                         uint8_t *pixels, struct umbel_image_failure *failure);
// `compression` 0…9.
enum umbel_image_status umbel_png_encode(const uint8_t *pixels, struct umbel_image_size size, int compression,
                                         struct umbel_image_file *file, struct umbel_image_failure *failure);

// JPEG, baseline and progressive, in grey or colour. Four inks are unsupported.
enum umbel_image_status umbel_jpeg_measure(const uint8_t *bytes, size_t count, struct umbel_image_size *size,
                                           struct umbel_image_failure *failure);
enum umbel_image_status umbel_jpeg_decode(const uint8_t *bytes, size_t count, struct umbel_image_size size,
                                          uint8_t *pixels, struct umbel_image_failure *failure);
// 1 or 3 channels; `quality` 1…100.
enum umbel_image_status umbel_jpeg_encode(const uint8_t *pixels, struct umbel_image_size size, int quality,
                                          struct umbel_image_file *file, struct umbel_image_failure *failure);

// WebP, lossy and lossless; 3 channels, or 4 if the file has opacity. Animations are unsupported.
enum umbel_image_status umbel_webp_measure(const uint8_t *bytes, size_t count, struct umbel_image_size *size,
                                           struct umbel_image_failure *failure);
enum umbel_image_status umbel_webp_decode(const uint8_t *bytes, size_t count, struct umbel_image_size size,
                                          uint8_t *pixels, struct umbel_image_failure *failure);
// 3 or 4 channels; `quality` 0…100. Lossless keeps the colours of transparent pixels too.
enum umbel_image_status umbel_webp_encode(const uint8_t *pixels, struct umbel_image_size size, float quality,
                                          int lossless, struct umbel_image_file *file,
                                          struct umbel_image_failure *failure);

// The bytes that a zlib stream stands for, which are at most `capacity`; -1 if they are more or the stream is damaged.
ptrdiff_t umbel_image_inflate(const uint8_t *bytes, size_t count, uint8_t *text, size_t capacity);
