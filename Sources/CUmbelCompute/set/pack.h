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
        store(out + c, (vf)pair_of(load(first + c), load(second + c)));
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

// A shuffle of two registers, alike in each 128 bits; those of the second are counted from LANES.
#if LANES == 16
#define EVERYWHERE(A, B, C, D)                                                                                           \
    A, B, C, D, A + 4, B + 4, C + 4, D + 4, A + 8, B + 8, C + 8, D + 8, A + 12, B + 12, C + 12, D + 12
#elif LANES == 8
#define EVERYWHERE(A, B, C, D) A, B, C, D, A + 4, B + 4, C + 4, D + 4
#else
#define EVERYWHERE(A, B, C, D) A, B, C, D
#endif
// Each 128 bits of two registers whole, by their numbers.
#define FOUR(A) 4 * (A), 4 * (A) + 1, 4 * (A) + 2, 4 * (A) + 3

// Of four registers, squares of four by four words are turned over where they are.
INLINE void turn_fours(vu rows[4]) {
    const vu low[2] = {__builtin_shufflevector(rows[0], rows[1], EVERYWHERE(0, LANES, 1, LANES + 1)),
                       __builtin_shufflevector(rows[2], rows[3], EVERYWHERE(0, LANES, 1, LANES + 1))};
    const vu high[2] = {__builtin_shufflevector(rows[0], rows[1], EVERYWHERE(2, LANES + 2, 3, LANES + 3)),
                        __builtin_shufflevector(rows[2], rows[3], EVERYWHERE(2, LANES + 2, 3, LANES + 3))};
    rows[0] = __builtin_shufflevector(low[0], low[1], EVERYWHERE(0, 1, LANES, LANES + 1));
    rows[1] = __builtin_shufflevector(low[0], low[1], EVERYWHERE(2, 3, LANES + 2, LANES + 3));
    rows[2] = __builtin_shufflevector(high[0], high[1], EVERYWHERE(0, 1, LANES, LANES + 1));
    rows[3] = __builtin_shufflevector(high[0], high[1], EVERYWHERE(2, 3, LANES + 2, LANES + 3));
}

// A square of words, turned over.
INLINE void turn_square(vu rows[LANES]) {
    UNROLLED for (int r = 0; r < LANES; r += 4) turn_fours(rows + r);
#if LANES == 16
    UNROLLED for (int r = 0; r < 4; r++) {
        const vu a = rows[r], b = rows[r + 4], c = rows[r + 8], d = rows[r + 12];
        const vu ab[2] = {__builtin_shufflevector(a, b, FOUR(0), FOUR(1), FOUR(4), FOUR(5)),
                          __builtin_shufflevector(a, b, FOUR(2), FOUR(3), FOUR(6), FOUR(7))};
        const vu cd[2] = {__builtin_shufflevector(c, d, FOUR(0), FOUR(1), FOUR(4), FOUR(5)),
                          __builtin_shufflevector(c, d, FOUR(2), FOUR(3), FOUR(6), FOUR(7))};
        UNROLLED for (int half = 0; half < 2; half++) {
            rows[r + 8 * half] = __builtin_shufflevector(ab[half], cd[half], FOUR(0), FOUR(2), FOUR(4), FOUR(6));
            rows[r + 8 * half + 4] = __builtin_shufflevector(ab[half], cd[half], FOUR(1), FOUR(3), FOUR(5), FOUR(7));
        }
    }
#elif LANES == 8
    UNROLLED for (int r = 0; r < 4; r++) {
        const vu a = rows[r], b = rows[r + 4];
        rows[r] = __builtin_shufflevector(a, b, FOUR(0), FOUR(2));
        rows[r + 4] = __builtin_shufflevector(a, b, FOUR(1), FOUR(3));
    }
#endif
}

// The first or second number of words that hold two, widened.
INLINE vf number_of(vu words, int second, enum umbel_float_format format) {
    if (format == UMBEL_BF16) return (vf)(second ? words & 0xffff0000 : words << 16);
    return widen_half(__builtin_convertvector(second ? words >> 16 : words & 0xffff, vh));
}

// Words of LANES outputs, turned over, as units of a panel: `inputs` is how many there are from the first of these on.
INLINE void store_turned(uint32_t *panel, const vu square[LANES], size_t inputs, enum umbel_float_format format,
                         enum umbel_unit unit) {
    UNROLLED for (size_t w = 0; w < LANES; w++) {
        const size_t input = format == UMBEL_F32 ? w : 2 * w;
        if (input >= inputs) continue;
        if (unit == UMBEL_NUMBERS) {
            const vf first = format == UMBEL_F32 ? (vf)square[w] : number_of(square[w], 0, format);
            store(panel + input * UMBEL_WEIGHT_COLUMNS, first);
            if (format == UMBEL_F32 || input + 1 >= inputs) continue;
            store(panel + (input + 1) * UMBEL_WEIGHT_COLUMNS, number_of(square[w], 1, format));
        } else if (format == UMBEL_F32) {
            if (w % 2) continue;
            store(panel + w / 2 * UMBEL_WEIGHT_COLUMNS, (vf)pair_of((vf)square[w], (vf)square[w + 1]));
        } else {
            const vu pair = pair_of(number_of(square[w], 0, format), number_of(square[w], 1, format));
            store(panel + w * UMBEL_WEIGHT_COLUMNS, (vf)(format == UMBEL_BF16 ? square[w] : pair));
        }
    }
}

// LANES columns of a panel, of which `rows` are outputs. What is stored is turned over as it is, two numbers of 16 bits
// together, and widened or rounded afterwards.
INLINE void turn_rows(uint32_t *panel, const char *weight, size_t rows, size_t inputs, enum umbel_float_format format,
                      enum umbel_unit unit) {
    const size_t size = format == UMBEL_F32 ? 4 : 2, together = LANES * 4 / size;
    const size_t step = (unit == UMBEL_PAIRS ? together / 2 : together) * UMBEL_WEIGHT_COLUMNS;
    vu square[LANES];
    size_t i = 0;
    for (; rows >= LANES && i + together <= inputs; i += together, panel += step) {
        UNROLLED for (size_t r = 0; r < LANES; r++) square[r] = (vu)load(weight + (r * inputs + i) * size);
        turn_square(square);
        store_turned(panel, square, together, format, unit);
    }
    for (; i < inputs; i += together, panel += step) {
        const size_t count = inputs - i < together ? inputs - i : together;
        memset(square, 0, sizeof square);
        for (size_t r = 0; r < rows && r < LANES; r++) memcpy(&square[r], weight + (r * inputs + i) * size, count * size);
        turn_square(square);
        store_turned(panel, square, count, format, unit);
    }
}

INLINE void turn_panel(uint32_t *panel, const char *weight, size_t outputs, size_t inputs, enum umbel_float_format format,
                       enum umbel_unit unit) {
    const size_t size = format == UMBEL_F32 ? 4 : 2;
    for (size_t o = 0; o < UMBEL_WEIGHT_COLUMNS; o += LANES) {
        const size_t first = o < outputs ? o : outputs;
        turn_rows(panel + o, weight + first * inputs * size, outputs - first, inputs, format, unit);
    }
}

static void set_turn_panel(void *panel, const void *weight, enum umbel_float_format format, size_t outputs, size_t inputs,
                           enum umbel_unit unit) {
    switch (format) {
    case UMBEL_BF16:
        if (unit == UMBEL_PAIRS) turn_panel(panel, weight, outputs, inputs, UMBEL_BF16, UMBEL_PAIRS);
        else turn_panel(panel, weight, outputs, inputs, UMBEL_BF16, UMBEL_NUMBERS);
        return;
    case UMBEL_F16:
        if (unit == UMBEL_PAIRS) turn_panel(panel, weight, outputs, inputs, UMBEL_F16, UMBEL_PAIRS);
        else turn_panel(panel, weight, outputs, inputs, UMBEL_F16, UMBEL_NUMBERS);
        return;
    default:
        if (unit == UMBEL_PAIRS) turn_panel(panel, weight, outputs, inputs, UMBEL_F32, UMBEL_PAIRS);
        else turn_panel(panel, weight, outputs, inputs, UMBEL_F32, UMBEL_NUMBERS);
        return;
    }
}

static void set_pack_panel(void *panel, const float *weight, size_t outputs, size_t inputs, size_t positions,
                           enum umbel_unit unit) {
    if (positions == 1) set_turn_panel(panel, weight, UMBEL_F32, outputs, inputs, unit);
    else if (unit == UMBEL_PAIRS) pack_pairs(panel, weight, outputs, inputs, positions);
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
            const vf first = load_part(in + c, columns - c);
            const vf second = r + 1 < rows ? load_part(in + in_stride + c, columns - c) : 0;
            store_part((float *)out + c, (vf)pair_of(first, second), columns - c);
        }
    }
}
