// Pixels → baseline JPEG, colours at half resolution as usual.
#include "failure.h"
#include "growing_file.h"
#include <setjmp.h>
// jpeglib.h needs stdio.h, which failure.h includes, before it.
#include <jpeglib.h>
#include <jerror.h>

struct writing {
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr errors;
    struct jpeg_destination_mgr destination;
    uint8_t piece[16384];
    struct umbel_growing_file growing;
    struct umbel_image_failure *failure;
    jmp_buf stop;
};

static void on_error(j_common_ptr jpeg) {
    struct writing *writing = jpeg->client_data;
    char message[JMSG_LENGTH_MAX];
    jpeg->err->format_message(jpeg, message);
    umbel_image_note(writing->failure, UMBEL_IMAGE_FAILED, message);
    longjmp(writing->stop, 1);
}

static void on_message(j_common_ptr jpeg, int level) {
    (void)jpeg;
    (void)level;
}

static void begin(j_compress_ptr jpeg) {
    struct writing *writing = jpeg->client_data;
    writing->destination.next_output_byte = writing->piece;
    writing->destination.free_in_buffer = sizeof writing->piece;
}

static void append(j_compress_ptr jpeg, size_t count) {
    struct writing *writing = jpeg->client_data;
    if (!umbel_image_append(&writing->growing, writing->piece, count)) ERREXIT1(jpeg, JERR_OUT_OF_MEMORY, 0);
    begin(jpeg);
}

// Called when the piece is full, whatever free_in_buffer says.
static boolean next_piece(j_compress_ptr jpeg) {
    append(jpeg, sizeof ((struct writing *)jpeg->client_data)->piece);
    return TRUE;
}

static void end(j_compress_ptr jpeg) {
    struct writing *writing = jpeg->client_data;
    append(jpeg, sizeof writing->piece - writing->destination.free_in_buffer);
}

static void write_jpeg(struct writing *writing, const uint8_t *pixels, struct umbel_image_size size, int quality) {
    struct jpeg_compress_struct *jpeg = &writing->jpeg;
    size_t stride = (size_t)size.width * size.channels;
    writing->destination.init_destination = begin;
    writing->destination.empty_output_buffer = next_piece;
    writing->destination.term_destination = end;
    jpeg->dest = &writing->destination;
    jpeg->image_width = size.width;
    jpeg->image_height = size.height;
    jpeg->input_components = (int)size.channels;
    jpeg->in_color_space = size.channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_set_defaults(jpeg);
    jpeg_set_quality(jpeg, quality, TRUE);
    jpeg->optimize_coding = TRUE;
    jpeg_start_compress(jpeg, TRUE);
    while (jpeg->next_scanline < size.height) {
        // libjpeg does not write to the row, it only does not say so.
        JSAMPROW row = (JSAMPROW)(uintptr_t)(pixels + jpeg->next_scanline * stride);
        jpeg_write_scanlines(jpeg, &row, 1);
    }
    jpeg_finish_compress(jpeg);
}

// Errors come back to its setjmp, so what changes after it belongs to the caller.
static enum umbel_image_status attempt(struct writing *writing, const uint8_t *pixels, struct umbel_image_size size,
                                       int quality) {
    if (setjmp(writing->stop) != 0) return UMBEL_IMAGE_FAILED;
    jpeg_create_compress(&writing->jpeg);
    write_jpeg(writing, pixels, size, quality);
    return UMBEL_IMAGE_DONE;
}

enum umbel_image_status umbel_jpeg_encode(const uint8_t *pixels, struct umbel_image_size size, int quality,
                                          struct umbel_image_file *file, struct umbel_image_failure *failure) {
    struct writing writing = {.failure = failure};
    *file = (struct umbel_image_file){NULL, 0};
    writing.jpeg.err = jpeg_std_error(&writing.errors);
    writing.errors.error_exit = on_error;
    writing.errors.emit_message = on_message;
    writing.jpeg.client_data = &writing;
    enum umbel_image_status status = attempt(&writing, pixels, size, quality);
    jpeg_destroy_compress(&writing.jpeg);
    if (status == UMBEL_IMAGE_DONE)
        *file = writing.growing.file;
    else
        umbel_image_release(writing.growing.file);
    return status;
}
