// Whole arrays widened to f32 and rounded from it, special numbers included.

static void widen_f16(float *restrict out, const void *restrict in, size_t count) {
    for (size_t i = 0; i < count; i++) out[i] = from_f16(load16(in, i));
}

static void widen_bf16(float *restrict out, const void *restrict in, size_t count) {
    for (size_t i = 0; i < count; i++) out[i] = float_of((uint32_t)load16(in, i) << 16);
}

static void widen_f8(float *restrict out, const uint8_t *restrict in, size_t count, enum umbel_float_format format) {
    float table[256];
    for (int b = 0; b < 256; b++) {
        table[b] = format == UMBEL_F8_E4M3 ? from_f8((uint8_t)b, 4, 3, 0) : from_f8((uint8_t)b, 5, 2, 1);
    }
    for (size_t i = 0; i < count; i++) out[i] = table[in[i]];
}

static void narrow_f16(void *restrict out, const float *restrict in, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const uint16_t h = to_f16(in[i]);
        memcpy((char *)out + 2 * i, &h, 2);
    }
}

static void narrow_bf16(void *restrict out, const float *restrict in, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const uint16_t h = to_bf16(in[i]);
        memcpy((char *)out + 2 * i, &h, 2);
    }
}

static void set_widen(float *restrict out, const void *restrict in, size_t count, enum umbel_float_format format) {
    switch (format) {
    case UMBEL_F32: memcpy(out, in, 4 * count); break;
    case UMBEL_F16: widen_f16(out, in, count); break;
    case UMBEL_BF16: widen_bf16(out, in, count); break;
    case UMBEL_F8_E4M3:
    case UMBEL_F8_E5M2: widen_f8(out, in, count, format); break;
    case UMBEL_F64:
        for (size_t i = 0; i < count; i++) {
            double d;
            memcpy(&d, (const char *)in + 8 * i, 8);
            out[i] = (float)d;
        }
        break;
    }
}

static void set_narrow(void *restrict out, const float *restrict in, size_t count, enum umbel_float_format format) {
    switch (format) {
    case UMBEL_F32: memcpy(out, in, 4 * count); break;
    case UMBEL_F16: narrow_f16(out, in, count); break;
    case UMBEL_BF16: narrow_bf16(out, in, count); break;
    case UMBEL_F8_E4M3:
        for (size_t i = 0; i < count; i++) ((uint8_t *)out)[i] = to_f8(in[i], 4, 3, 0);
        break;
    case UMBEL_F8_E5M2:
        for (size_t i = 0; i < count; i++) ((uint8_t *)out)[i] = to_f8(in[i], 5, 2, 1);
        break;
    case UMBEL_F64:
        for (size_t i = 0; i < count; i++) {
            const double d = in[i];
            memcpy((char *)out + 8 * i, &d, 8);
        }
        break;
    }
}
