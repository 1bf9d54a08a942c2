// JPEG → pixels. libjpeg only warns of damaged data and goes on with grey; here that is an error.
#include "failure.h"
#include <setjmp.h>
// jpeglib.h needs stdio.h, which failure.h includes, before it.
#include <jpeglib.h>
#include <jerror.h>

// Each pass over a progressive file costs work for the whole picture, however short the pass is in the file. Encoders
// write some ten.
enum { MOST_SCANS = 100 };

struct reading {
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr errors;
    struct jpeg_progress_mgr progress;
    struct umbel_image_failure *failure;
    jmp_buf stop;
};

static void on_error(j_common_ptr jpeg) {
    struct reading *reading = jpeg->client_data;
    char message[JMSG_LENGTH_MAX];
    jpeg->err->format_message(jpeg, message);
    umbel_image_note(reading->failure, UMBEL_IMAGE_FAILED, message);
    longjmp(reading->stop, 1);
}

static int harmless(int warning) {
    // Bytes between segments, and the version of a header: the pixels are whole.
    return warning == JWRN_EXTRANEOUS_DATA || warning == JWRN_JFIF_MAJOR || warning == JWRN_ADOBE_XFORM;
}

static void on_message(j_common_ptr jpeg, int level) {
    if (level < 0 && !harmless(jpeg->err->msg_code)) on_error(jpeg);
}

static void on_progress(j_common_ptr jpeg) {
    struct reading *reading = jpeg->client_data;
    if (reading->jpeg.input_scan_number <= MOST_SCANS) return;
    umbel_image_note(reading->failure, UMBEL_IMAGE_FAILED, "too many scans");
    longjmp(reading->stop, 1);
}

// Four inks have no channels here: 0.
static struct umbel_image_size read_header(struct reading *reading, const uint8_t *bytes, size_t count) {
    struct jpeg_decompress_struct *jpeg = &reading->jpeg;
    jpeg_mem_src(jpeg, bytes, count);
    jpeg_read_header(jpeg, TRUE);
    int grey = jpeg->jpeg_color_space == JCS_GRAYSCALE;
    int colour = jpeg->jpeg_color_space == JCS_YCbCr || jpeg->jpeg_color_space == JCS_RGB;
    jpeg->out_color_space = grey ? JCS_GRAYSCALE : JCS_RGB;
    return (struct umbel_image_size){jpeg->image_width, jpeg->image_height, grey ? 1 : colour ? 3 : 0};
}

static void read_pixels(struct reading *reading, struct umbel_image_size size, uint8_t *pixels) {
    struct jpeg_decompress_struct *jpeg = &reading->jpeg;
    size_t stride = (size_t)size.width * size.channels;
    reading->progress.progress_monitor = on_progress;
    jpeg->progress = &reading->progress;
    jpeg_start_decompress(jpeg);
    while (jpeg->output_scanline < size.height) {
        JSAMPROW row = pixels + jpeg->output_scanline * stride;
        jpeg_read_scanlines(jpeg, &row, 1);
    }
    jpeg_finish_decompress(jpeg);
}

// Reads the header into `size`, or with `pixels` the whole picture of that size. Errors come back to its setjmp, so
// what changes after it belongs to the caller.
static enum umbel_image_status attempt(struct reading *reading, const uint8_t *bytes, size_t count,
                                       struct umbel_image_size *size, uint8_t *pixels) {
    if (setjmp(reading->stop) != 0) return UMBEL_IMAGE_FAILED;
    jpeg_create_decompress(&reading->jpeg);
    struct umbel_image_size found = read_header(reading, bytes, count);
    if (found.channels == 0) return umbel_image_note(reading->failure, UMBEL_IMAGE_UNSUPPORTED, "CMYK");
    if (pixels == NULL)
        *size = found;
    else if (found.width != size->width || found.height != size->height || found.channels != size->channels)
        return umbel_image_note(reading->failure, UMBEL_IMAGE_FAILED, "another size than measured");
    else
        read_pixels(reading, found, pixels);
    return UMBEL_IMAGE_DONE;
}

static enum umbel_image_status read_jpeg(const uint8_t *bytes, size_t count, struct umbel_image_size *size,
                                         uint8_t *pixels, struct umbel_image_failure *failure) {
    struct reading reading = {.failure = failure};
    reading.jpeg.err = jpeg_std_error(&reading.errors);
    reading.errors.error_exit = on_error;
    reading.errors.emit_message = on_message;
    reading.jpeg.client_data = &reading;
    enum umbel_image_status status = attempt(&reading, bytes, count, size, pixels);
    jpeg_destroy_decompress(&reading.jpeg);
    return status;
}

enum umbel_image_status umbel_jpeg_measure(const uint8_t *bytes, size_t count, struct umbel_image_size *size,
                                           struct umbel_image_failure *failure) {
    return read_jpeg(bytes, count, size, NULL, failure);
}

enum umbel_image_status umbel_jpeg_decode(const uint8_t *bytes, size_t count, struct umbel_image_size size,
                                          uint8_t *pixels, struct umbel_image_failure *failure) {
    return read_jpeg(bytes, count, &size, pixels, failure);
}
