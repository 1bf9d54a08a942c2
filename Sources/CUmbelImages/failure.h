// Notes a failure's message, cut to what fits.
#pragma once
#include "umbel_images.h"
#include <stdio.h>

static inline enum umbel_image_status umbel_image_note(struct umbel_image_failure *failure,
                                                       enum umbel_image_status status, const char *message) {
    snprintf(failure->message, sizeof failure->message, "%s", message);
    return status;
}
