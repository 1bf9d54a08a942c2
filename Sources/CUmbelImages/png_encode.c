// Pixels → PNG of 8 bits a sample.
#include "failure.h"
#include "growing_file.h"
#include <png.h>
#include <setjmp.h>

struct writing {
    png_structp png;
    png_infop info;
    struct umbel_growing_file growing;
    struct umbel_image_failure *failure;
    jmp_buf stop;
};

static void on_error(png_structp png, png_const_charp message) {
    struct writing *writing = png_get_error_ptr(png);
    umbel_image_note(writing->failure, UMBEL_IMAGE_FAILED, message);
    longjmp(writing->stop, 1);
}

static void on_warning(png_structp png, png_const_charp message) {
    (void)png;
    (void)message;
}

static void append(png_structp png, png_bytep bytes, size_t count) {
    struct writing *writing = png_get_io_ptr(png);
    if (!umbel_image_append(&writing->growing, bytes, count)) png_error(png, "no memory");
}

static void flush(png_structp png) { (void)png; }

static void write_png(struct writing *writing, const uint8_t *pixels, struct umbel_image_size size, int compression) {
    png_structp png = writing->png;
    size_t stride = (size_t)size.width * size.channels;
    int kind = size.channels == 1   ? PNG_COLOR_TYPE_GRAY
               : size.channels == 3 ? PNG_COLOR_TYPE_RGB
                                    : PNG_COLOR_TYPE_RGB_ALPHA;
    png_set_write_fn(png, writing, append, flush);
    png_set_user_limits(png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
    png_set_compression_level(png, compression);
    png_set_IHDR(png, writing->info, size.width, size.height, 8, kind, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    png_write_info(png, writing->info);
    for (size_t row = 0; row < size.height; row++) png_write_row(png, pixels + row * stride);
    png_write_end(png, NULL);
}

// Errors come back to its setjmp.
static enum umbel_image_status attempt(struct writing *writing, const uint8_t *pixels, struct umbel_image_size size,
                                       int compression) {
    if (setjmp(writing->stop) != 0) return UMBEL_IMAGE_FAILED;
    writing->info = png_create_info_struct(writing->png);
    if (writing->info == NULL) png_error(writing->png, "no memory");
    write_png(writing, pixels, size, compression);
    return UMBEL_IMAGE_DONE;
}

enum umbel_image_status umbel_png_encode(const uint8_t *pixels, struct umbel_image_size size, int compression,
                                         struct umbel_image_file *file, struct umbel_image_failure *failure) {
    struct writing writing = {.failure = failure};
    *file = (struct umbel_image_file){NULL, 0};
    writing.png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &writing, on_error, on_warning);
    if (writing.png == NULL) return umbel_image_note(failure, UMBEL_IMAGE_FAILED, "no memory");
    enum umbel_image_status status = attempt(&writing, pixels, size, compression);
    png_destroy_write_struct(&writing.png, &writing.info);
    if (status == UMBEL_IMAGE_DONE)
        *file = writing.growing.file;
    else
        umbel_image_release(writing.growing.file);
    return status;
}
