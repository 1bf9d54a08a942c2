// Rows and columns of registers exchanged, and a weight widened so that registers hold a column of several rows.

#define SHUFFLED(A, B, ...) __builtin_shufflevector(A, B, __VA_ARGS__)

// Of each four numbers, the lower or upper two of both; of each four, the lower or upper pair; of all fours, every second.
#if LANES == 16
#define NUMBERS_LOW(A, B) SHUFFLED(A, B, 0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29)
#define NUMBERS_HIGH(A, B) SHUFFLED(A, B, 2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31)
#define PAIRS_LOW(A, B) SHUFFLED(A, B, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29)
#define PAIRS_HIGH(A, B) SHUFFLED(A, B, 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31)
#define FOURS_EVEN(A, B) SHUFFLED(A, B, 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27)
#define FOURS_ODD(A, B) SHUFFLED(A, B, 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31)
#elif LANES == 8
#define NUMBERS_LOW(A, B) SHUFFLED(A, B, 0, 8, 1, 9, 4, 12, 5, 13)
#define NUMBERS_HIGH(A, B) SHUFFLED(A, B, 2, 10, 3, 11, 6, 14, 7, 15)
#define PAIRS_LOW(A, B) SHUFFLED(A, B, 0, 1, 8, 9, 4, 5, 12, 13)
#define PAIRS_HIGH(A, B) SHUFFLED(A, B, 2, 3, 10, 11, 6, 7, 14, 15)
#define FOURS_EVEN(A, B) SHUFFLED(A, B, 0, 1, 2, 3, 8, 9, 10, 11)
#define FOURS_ODD(A, B) SHUFFLED(A, B, 4, 5, 6, 7, 12, 13, 14, 15)
#else
#define NUMBERS_LOW(A, B) SHUFFLED(A, B, 0, 4, 1, 5)
#define NUMBERS_HIGH(A, B) SHUFFLED(A, B, 2, 6, 3, 7)
#define PAIRS_LOW(A, B) SHUFFLED(A, B, 0, 1, 4, 5)
#define PAIRS_HIGH(A, B) SHUFFLED(A, B, 2, 3, 6, 7)
#endif

// As many registers as one has lanes: lane i of register j becomes lane j of register i.
INLINE void exchange(vu x[LANES]) {
    vu y[LANES];
    // Squares of four: register 4g + j then has column 4q + j of rows 4g … in its lanes 4q ….
    UNROLLED for (int g = 0; g < LANES; g += 4) {
        const vu a = NUMBERS_LOW(x[g], x[g + 1]), b = NUMBERS_LOW(x[g + 2], x[g + 3]);
        const vu c = NUMBERS_HIGH(x[g], x[g + 1]), d = NUMBERS_HIGH(x[g + 2], x[g + 3]);
        y[g] = PAIRS_LOW(a, b), y[g + 1] = PAIRS_HIGH(a, b);
        y[g + 2] = PAIRS_LOW(c, d), y[g + 3] = PAIRS_HIGH(c, d);
    }
    UNROLLED for (int j = 0; j < 4; j++) {
#if LANES == 16
        const vu a = FOURS_EVEN(y[j], y[4 + j]), b = FOURS_EVEN(y[8 + j], y[12 + j]);
        const vu c = FOURS_ODD(y[j], y[4 + j]), d = FOURS_ODD(y[8 + j], y[12 + j]);
        x[j] = FOURS_EVEN(a, b), x[8 + j] = FOURS_ODD(a, b);
        x[4 + j] = FOURS_EVEN(c, d), x[12 + j] = FOURS_ODD(c, d);
#elif LANES == 8
        x[j] = FOURS_EVEN(y[j], y[4 + j]), x[4 + j] = FOURS_ODD(y[j], y[4 + j]);
#else
        x[j] = y[j];
#endif
    }
}

// LANES rows of a tile, from row `first` on; the last one takes the place of those that there are not.
struct across {
    const char *row[LANES];
    size_t columns;
    ptrdiff_t below;  // bytes from the end of a row to what is read after it
};

INLINE struct across rows_across(const struct umbel_tile *tile, size_t first) {
    struct across across;
    across.columns = tile->columns;
    across.below = (ptrdiff_t)((tile->rows * tile->in_stride - tile->columns) * format_bytes(tile->in_format));
    const size_t bytes = tile->in_stride * format_bytes(tile->in_format);
    for (size_t r = 0; r < LANES; r++) {
        across.row[r] = (const char *)tile->in + (first + r < tile->rows ? first + r : tile->rows - 1) * bytes;
    }
    return across;
}

// Asks for a line of each row that is going to be loaded, into the second-level cache: it is read twice.
INLINE void prefetch_across(const struct across *across, size_t column, enum umbel_float_format format) {
    const size_t ahead = column + PREFETCHED_BYTES / format_bytes(format);
    const ptrdiff_t place = (ptrdiff_t)(ahead * format_bytes(format)) + (ahead < across->columns ? 0 : across->below);
    UNROLLED for (int r = 0; r < LANES; r++) __builtin_prefetch(across->row[r] + place, 0, 2);
}

// Fewer columns than two registers of 16 bits have, or another format.
INLINE void widen_few_across(float *out, size_t step, const struct across *across, size_t column, size_t count,
                             enum umbel_float_format format) {
    for (size_t i = 0; i < count; i += LANES) {
        const size_t left = count - i < LANES ? count - i : LANES;
        vu x[LANES];
        prefetch_across(across, column + i, format);
        UNROLLED for (int r = 0; r < LANES; r++) {
            vf wide;
            load_part(&wide, 1, across->row[r], column + i, left, format);
            x[r] = (vu)wide;
        }
        exchange(x);
        // With constant indices alone, the registers stay registers.
        UNROLLED for (int c = 0; c < LANES; c++) {
            if ((size_t)c < left) store_f32(out + (i + c) * step, (vf)x[c]);
        }
    }
}

// `count` columns, widened: column i is the register at out + i · step.
INLINE void widen_across(float *out, size_t step, struct across across, size_t column, size_t count,
                         enum umbel_float_format format) {
    size_t i = 0;
    if (format == UMBEL_BF16) {
        // Two neighbours of 16 bits are exchanged as one number.
        for (; i + 2 * LANES <= count; i += 2 * LANES) {
            vu x[LANES];
            prefetch_across(&across, column + i, format);
            UNROLLED for (int r = 0; r < LANES; r++) memcpy(&x[r], across.row[r] + 2 * (column + i), sizeof x[r]);
            exchange(x);
            UNROLLED for (int r = 0; r < LANES; r++) {
                store_f32(out + (i + 2 * r) * step, (vf)(x[r] << 16));
                store_f32(out + (i + 2 * r + 1) * step, (vf)(x[r] & 0xffff0000));
            }
        }
    }
    if (i < count) widen_few_across(out + i * step, step, &across, column + i, count - i, format);
}
