// Weights to panels, and numbers to pairs of bf16.
#pragma once

static void set_pack_panel(void *panel, const float *weight, size_t outputs, size_t inputs, size_t positions,
                           enum umbel_unit unit) {
    const size_t units = unit == UMBEL_PAIRS ? (inputs + 1) / 2 : inputs;
    memset(panel, 0, positions * units * UMBEL_WEIGHT_COLUMNS * sizeof(uint32_t));
    for (size_t i = 0; i < inputs; i++) {
        for (size_t p = 0; p < positions; p++) {
            const float *const in = weight + i * positions + p;
            if (unit == UMBEL_NUMBERS) {
                float *const out = (float *)panel + (p * units + i) * UMBEL_WEIGHT_COLUMNS;
                for (size_t o = 0; o < outputs; o++) out[o] = in[o * inputs * positions];
            } else {
                uint16_t *const out = (uint16_t *)panel + (p * units + i / 2) * 2 * UMBEL_WEIGHT_COLUMNS + i % 2;
                for (size_t o = 0; o < outputs; o++) out[2 * o] = (uint16_t)round_one_bfloat(in[o * inputs * positions]);
            }
        }
    }
}

static void set_pack_columns(uint32_t *out, size_t out_stride, const float *in, size_t in_stride, size_t rows,
                             size_t columns) {
    for (size_t r = 0; r < rows; r++, out += out_stride, in += in_stride) {
        for (size_t c = 0; c < columns; c += LANES) {
            store_bfloat(out + c / 2, load_part(in + c, columns - c), columns - c);
        }
    }
}

static void set_pack_rows(uint32_t *out, const float *in, size_t in_stride, size_t rows, size_t columns) {
    for (size_t r = 0; r < rows; r += 2, out += columns, in += 2 * in_stride) {
        for (size_t c = 0; c < columns; c += LANES) {
            const vu first = round_bfloat(load_part(in + c, columns - c));
            const vu second = r + 1 < rows ? round_bfloat(load_part(in + in_stride + c, columns - c)) : 0;
            store_part((float *)out + c, (vf)(first | second << 16), columns - c);
        }
    }
}
