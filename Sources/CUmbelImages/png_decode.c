// PNG → pixels. What changes after setjmp lives in `struct reading`, which belongs to the caller of the function that
// calls setjmp: its own variables would be lost by the jump.
#include "failure.h"
#include <png.h>
#include <setjmp.h>
#include <string.h>

struct reading {
    png_structp png;
    png_infop info;
    const uint8_t *next;
    size_t left;
    struct umbel_image_failure *failure;
    jmp_buf stop;
};

static void on_error(png_structp png, png_const_charp message) {
    struct reading *reading = png_get_error_ptr(png);
    umbel_image_note(reading->failure, UMBEL_IMAGE_FAILED, message);
    longjmp(reading->stop, 1);
}

// Warnings are about chunks that are skipped anyway.
static void on_warning(png_structp png, png_const_charp message) {
    (void)png;
    (void)message;
}

static void take(png_structp png, png_bytep bytes, size_t count) {
    struct reading *reading = png_get_io_ptr(png);
    if (count > reading->left) png_error(png, "ends too early");
    memcpy(bytes, reading->next, count);
    reading->next += count;
    reading->left -= count;
}

// The size by the header. The caller has its own limits, which are checked on what this tells: libpng's are lifted.
static struct umbel_image_size read_header(struct reading *reading) {
    png_structp png = reading->png;
    png_set_read_fn(png, reading, take);
    png_set_user_limits(png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
    png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
    png_read_info(png, reading->info);
    int transparent = png_get_valid(png, reading->info, PNG_INFO_tRNS) != 0;
    int kind = png_get_color_type(png, reading->info);
    struct umbel_image_size size = {
        png_get_image_width(png, reading->info),
        png_get_image_height(png, reading->info),
        transparent || (kind & PNG_COLOR_MASK_ALPHA) ? 4 : (kind & PNG_COLOR_MASK_COLOR) ? 3 : 1,
    };
    return size;
}

static void read_pixels(struct reading *reading, struct umbel_image_size size, uint8_t *pixels) {
    png_structp png = reading->png;
    size_t stride = (size_t)size.width * size.channels;
    png_set_expand(png);
    png_set_scale_16(png);
    if (size.channels == 4) png_set_gray_to_rgb(png);
    int passes = png_set_interlace_handling(png);
    png_read_update_info(png, reading->info);
    if (png_get_rowbytes(png, reading->info) != stride) png_error(png, "rows of another length than announced");
    for (int pass = 0; pass < passes; pass++)
        for (size_t row = 0; row < size.height; row++) png_read_row(png, pixels + row * stride, NULL);
    png_read_end(png, NULL);
}

// Reads the header into `size`, or with `pixels` the whole picture of that size. Errors come back to its setjmp.
static enum umbel_image_status attempt(struct reading *reading, struct umbel_image_size *size, uint8_t *pixels) {
    if (setjmp(reading->stop) != 0) return UMBEL_IMAGE_FAILED;
    reading->info = png_create_info_struct(reading->png);
    if (reading->info == NULL) png_error(reading->png, "no memory");
    struct umbel_image_size found = read_header(reading);
    if (pixels == NULL)
        *size = found;
    else if (memcmp(&found, size, sizeof found) != 0)
        png_error(reading->png, "another size than measured");
    else
        read_pixels(reading, found, pixels);
    return UMBEL_IMAGE_DONE;
}

static enum umbel_image_status read_png(const uint8_t *bytes, size_t count, struct umbel_image_size *size,
                                        uint8_t *pixels, struct umbel_image_failure *failure) {
    struct reading reading = {.next = bytes, .left = count, .failure = failure};
    reading.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &reading, on_error, on_warning);
    if (reading.png == NULL) return umbel_image_note(failure, UMBEL_IMAGE_FAILED, "no memory");
    enum umbel_image_status status = attempt(&reading, size, pixels);
    png_destroy_read_struct(&reading.png, &reading.info, NULL);
    return status;
}

enum umbel_image_status umbel_png_measure(const uint8_t *bytes, size_t count, struct umbel_image_size *size,
                                          struct umbel_image_failure *failure) {
    return read_png(bytes, count, size, NULL, failure);
}

enum umbel_image_status umbel_png_decode(const uint8_t *bytes, size_t count, struct umbel_image_size size,
                                         uint8_t *pixels, struct umbel_image_failure *failure) {
    return read_png(bytes, count, &size, pixels, failure);
}
