// Weights to panels, and numbers to pairs of bf16.
#pragma once

// Numbers of a weight's row that are turned over together: a cache line. Read one by one, the rows of a wide weight would push
// each other out of the first cache.
enum { PACKED_NUMBERS = 16 };

typedef float vf4 __attribute__((ext_vector_type(4)));

// Four numbers of four rows each, turned over.
INLINE void turn_four(float *out, size_t out_stride, const float *in, size_t in_stride) {
    vf4 row[4];
    UNROLLED for (int r = 0; r < 4; r++) memcpy(&row[r], in + r * in_stride, sizeof row[r]);
    const vf4 low[2] = {__builtin_shufflevector(row[0], row[1], 0, 4, 1, 5), __builtin_shufflevector(row[2], row[3], 0, 4, 1, 5)};
    const vf4 high[2] = {__builtin_shufflevector(row[0], row[1], 2, 6, 3, 7), __builtin_shufflevector(row[2], row[3], 2, 6, 3, 7)};
    const vf4 column[4] = {
        __builtin_shufflevector(low[0], low[1], 0, 1, 4, 5), __builtin_shufflevector(low[0], low[1], 2, 3, 6, 7),
        __builtin_shufflevector(high[0], high[1], 0, 1, 4, 5), __builtin_shufflevector(high[0], high[1], 2, 3, 6, 7)};
    UNROLLED for (int c = 0; c < 4; c++) memcpy(out + c * out_stride, &column[c], sizeof column[c]);
}

// `count` numbers from the one at `first` on of each output's `length`: out(count, 64).
INLINE void turn_outputs(float *out, const float *weight, size_t outputs, size_t length, size_t first, size_t count) {
    size_t o = 0;
    for (; count == PACKED_NUMBERS && o + 4 <= outputs; o += 4) {
        UNROLLED for (size_t i = 0; i < PACKED_NUMBERS; i += 4) {
            turn_four(out + i * UMBEL_WEIGHT_COLUMNS + o, UMBEL_WEIGHT_COLUMNS, weight + o * length + first + i, length);
        }
    }
    for (; o < outputs; o++) {
        for (size_t i = 0; i < count; i++) out[i * UMBEL_WEIGHT_COLUMNS + o] = weight[o * length + first + i];
    }
}

// Two rows of a panel's numbers as one of its pairs.
INLINE void pair_rows(uint32_t *out, const float *first, const float *second) {
    for (size_t c = 0; c < UMBEL_WEIGHT_COLUMNS; c += LANES) {
        const vu pair = round_bfloat(load(first + c)) | round_bfloat(load(second + c)) << 16;
        memcpy(out + c, &pair, sizeof pair);
    }
}

static void pack_numbers(float *panel, const float *weight, size_t outputs, size_t inputs, size_t positions) {
    const size_t length = inputs * positions;
    float block[PACKED_NUMBERS * UMBEL_WEIGHT_COLUMNS] = {0};
    for (size_t first = 0; first < length; first += PACKED_NUMBERS) {
        const size_t count = length - first < PACKED_NUMBERS ? length - first : PACKED_NUMBERS;
        turn_outputs(block, weight, outputs, length, first, count);
        for (size_t i = 0; i < count; i++) {
            const size_t unit = (first + i) % positions * inputs + (first + i) / positions;
            memcpy(panel + unit * UMBEL_WEIGHT_COLUMNS, block + i * UMBEL_WEIGHT_COLUMNS, UMBEL_WEIGHT_COLUMNS * sizeof *panel);
        }
    }
}

// Pairs of neighbouring inputs lie `positions` numbers apart: so many numbers are turned over that whole pairs are there.
static void pack_pairs(uint32_t *panel, const float *weight, size_t outputs, size_t inputs, size_t positions) {
    const size_t units = (inputs + 1) / 2;
    float block[2][PACKED_NUMBERS * UMBEL_WEIGHT_COLUMNS] = {{0}};
    if (positions == 1) {
        for (size_t first = 0; first < inputs; first += PACKED_NUMBERS) {
            const size_t count = inputs - first < PACKED_NUMBERS ? inputs - first : PACKED_NUMBERS;
            turn_outputs(block[0], weight, outputs, inputs, first, count);
            if (count % 2) memset(block[0] + count * UMBEL_WEIGHT_COLUMNS, 0, UMBEL_WEIGHT_COLUMNS * sizeof(float));
            for (size_t i = 0; i < count; i += 2, panel += UMBEL_WEIGHT_COLUMNS) {
                pair_rows(panel, block[0] + i * UMBEL_WEIGHT_COLUMNS, block[0] + (i + 1) * UMBEL_WEIGHT_COLUMNS);
            }
        }
        return;
    }
    for (size_t input = 0; input < inputs; input += 2) {
        for (size_t first = 0; first < positions; first += PACKED_NUMBERS) {
            const size_t count = positions - first < PACKED_NUMBERS ? positions - first : PACKED_NUMBERS;
            for (size_t half = 0; half < 2; half++) {
                if (input + half < inputs) {
                    turn_outputs(block[half], weight, outputs, inputs * positions, (input + half) * positions + first, count);
                } else {
                    memset(block[half], 0, sizeof block[half]);
                }
            }
            for (size_t p = 0; p < count; p++) {
                pair_rows(panel + ((first + p) * units + input / 2) * UMBEL_WEIGHT_COLUMNS,
                          block[0] + p * UMBEL_WEIGHT_COLUMNS, block[1] + p * UMBEL_WEIGHT_COLUMNS);
            }
        }
    }
}

static void set_pack_panel(void *panel, const float *weight, size_t outputs, size_t inputs, size_t positions,
                           enum umbel_unit unit) {
    if (unit == UMBEL_PAIRS) pack_pairs(panel, weight, outputs, inputs, positions);
    else pack_numbers(panel, weight, outputs, inputs, positions);
}

// How far ahead of what is packed numbers are asked for: they come from memory, and little is done with each.
enum { PACKED_AHEAD = 4096 };

static void set_pack_columns(uint32_t *out, size_t out_stride, const float *in, size_t in_stride, size_t rows,
                             size_t columns) {
    for (size_t r = 0; r < rows; r++, out += out_stride, in += in_stride) {
        size_t c = 0;
        for (; c + 4 * LANES <= columns; c += 4 * LANES) {
            UNROLLED for (size_t v = 0; v < 4 * LANES; v += LANES) {
                __builtin_prefetch(in + c + v + PACKED_AHEAD);
                store_bfloat(out + (c + v) / 2, load(in + c + v), LANES);
            }
        }
        for (; c < columns; c += LANES) {
            store_bfloat(out + c / 2, load_part(in + c, columns - c), columns - c);
        }
    }
}

static void set_pack_rows(uint32_t *out, size_t out_stride, const float *in, size_t in_stride, size_t rows,
                          size_t columns) {
    for (size_t r = 0; r < rows; r += 2, out += out_stride, in += 2 * in_stride) {
        for (size_t c = 0; c < columns; c += LANES) {
            const vu first = round_bfloat(load_part(in + c, columns - c));
            const vu second = r + 1 < rows ? round_bfloat(load_part(in + in_stride + c, columns - c)) : 0;
            store_part((float *)out + c, (vf)(first | second << 16), columns - c);
        }
    }
}
