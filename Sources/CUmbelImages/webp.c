// WebP, by the simple interface for reading and the advanced one for writing.
#include "failure.h"
#include "growing_file.h"
#include <webp/decode.h>
#include <webp/encode.h>

static const char *decoding_message(VP8StatusCode code) {
    switch (code) {
    case VP8_STATUS_OUT_OF_MEMORY: return "no memory";
    case VP8_STATUS_BITSTREAM_ERROR: return "bitstream error";
    case VP8_STATUS_UNSUPPORTED_FEATURE: return "unsupported feature";
    case VP8_STATUS_NOT_ENOUGH_DATA: return "ends too early";
    default: return "not readable";
    }
}

enum umbel_image_status umbel_webp_measure(const uint8_t *bytes, size_t count, struct umbel_image_size *size,
                                           struct umbel_image_failure *failure) {
    WebPBitstreamFeatures features;
    VP8StatusCode code = WebPGetFeatures(bytes, count, &features);
    if (code != VP8_STATUS_OK) return umbel_image_note(failure, UMBEL_IMAGE_FAILED, decoding_message(code));
    if (features.has_animation) return umbel_image_note(failure, UMBEL_IMAGE_UNSUPPORTED, "animation");
    size->width = (uint32_t)features.width;
    size->height = (uint32_t)features.height;
    size->channels = features.has_alpha ? 4 : 3;
    return UMBEL_IMAGE_DONE;
}

enum umbel_image_status umbel_webp_decode(const uint8_t *bytes, size_t count, struct umbel_image_size size,
                                          uint8_t *pixels, struct umbel_image_failure *failure) {
    WebPDecoderConfig config;
    if (!WebPInitDecoderConfig(&config)) return umbel_image_note(failure, UMBEL_IMAGE_FAILED, "another libwebp");
    size_t stride = (size_t)size.width * size.channels;
    config.output.colorspace = size.channels == 4 ? MODE_RGBA : MODE_RGB;
    config.output.is_external_memory = 1;
    config.output.u.RGBA.rgba = pixels;
    config.output.u.RGBA.stride = (int)stride;
    config.output.u.RGBA.size = stride * size.height;
    VP8StatusCode code = WebPDecode(bytes, count, &config);
    int same = config.output.width == (int)size.width && config.output.height == (int)size.height;
    WebPFreeDecBuffer(&config.output);
    if (code != VP8_STATUS_OK) return umbel_image_note(failure, UMBEL_IMAGE_FAILED, decoding_message(code));
    return same ? UMBEL_IMAGE_DONE : umbel_image_note(failure, UMBEL_IMAGE_FAILED, "another size than measured");
}

static const char *encoding_message(WebPEncodingError code) {
    switch (code) {
    case VP8_ENC_ERROR_OUT_OF_MEMORY:
    case VP8_ENC_ERROR_BITSTREAM_OUT_OF_MEMORY: return "no memory";
    case VP8_ENC_ERROR_BAD_DIMENSION: return "sides beyond what the format holds";
    case VP8_ENC_ERROR_PARTITION0_OVERFLOW:
    case VP8_ENC_ERROR_PARTITION_OVERFLOW: return "more data than a partition holds";
    case VP8_ENC_ERROR_FILE_TOO_BIG: return "file beyond 4 GiB";
    default: return "not writable";
    }
}

static int append(const uint8_t *bytes, size_t count, const WebPPicture *picture) {
    return umbel_image_append(picture->custom_ptr, bytes, count);
}

static int import(WebPPicture *picture, const uint8_t *pixels, struct umbel_image_size size) {
    int stride = (int)(size.width * size.channels);
    return size.channels == 4 ? WebPPictureImportRGBA(picture, pixels, stride)
                              : WebPPictureImportRGB(picture, pixels, stride);
}

enum umbel_image_status umbel_webp_encode(const uint8_t *pixels, struct umbel_image_size size, float quality,
                                          int lossless, struct umbel_image_file *file,
                                          struct umbel_image_failure *failure) {
    *file = (struct umbel_image_file){NULL, 0};
    WebPConfig config;
    WebPPicture picture;
    if (!WebPConfigInit(&config) || !WebPPictureInit(&picture))
        return umbel_image_note(failure, UMBEL_IMAGE_FAILED, "another libwebp");
    struct umbel_growing_file growing = {{NULL, 0}, 0};
    config.quality = quality;
    config.lossless = lossless;
    config.exact = lossless;
    picture.use_argb = lossless;
    picture.width = (int)size.width;
    picture.height = (int)size.height;
    picture.writer = append;
    picture.custom_ptr = &growing;
    int done = import(&picture, pixels, size) && WebPEncode(&config, &picture);
    WebPEncodingError code = picture.error_code;
    WebPPictureFree(&picture);
    if (!done) {
        umbel_image_release(growing.file);
        return umbel_image_note(failure, UMBEL_IMAGE_FAILED, encoding_message(code));
    }
    *file = growing.file;
    return UMBEL_IMAGE_DONE;
}
