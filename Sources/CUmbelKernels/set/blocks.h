// Rows of a block on their way out of registers.

#if BFLOAT_CONVERSION
typedef uint16_t vpair __attribute__((ext_vector_type(2 * LANES)));

// What was seen of numbers that the CPU rounded to bf16 by itself: their largest and their smallest magnitude.
struct converted {
    vpair most, least;
};

static const struct converted nothing_converted = {.least = 0x7fff};

// Rounds a row and stores it, with an even number of registers. The CPU rounds as `round_bfloat` does but for subnormal
// numbers, which it makes zero.
INLINE void store_converted(char *out, const vf *y, int vectors, int streaming, struct converted *seen) {
    UNROLLED for (int v = 0; v < vectors; v += 2) {
        const vpair rounded = (vpair)_mm512_cvtne2ps_pbh((__m512)y[v + 1], (__m512)y[v]);
        const vpair magnitude = rounded & 0x7fff;
        seen->most = __builtin_elementwise_max(seen->most, magnitude);
        seen->least = __builtin_elementwise_min(seen->least, magnitude);
        // In halves: where several rows are written in turns, whole lines past the caches were slower.
        vh half[2];
        memcpy(half, &rounded, sizeof half);
        STORE(vh, out + 2 * v * LANES, half[0]);
        STORE(vh, out + 2 * (v + 1) * LANES, half[1]);
    }
}

// Adds what was seen to `largest`. Returns 0 if there is a zero among the numbers: it may have been a subnormal number, so
// they have to be rounded again the other way.
INLINE int finish_converted(struct converted seen, vu *largest) {
    const vu wide = (vu)seen.most;
    *largest = __builtin_elementwise_max(*largest, __builtin_elementwise_max(wide << 16, wide & 0xffff0000));
    return __builtin_expect(_mm512_testn_epi16_mask((__m512i)seen.least, (__m512i)seen.least) == 0, 1);
}
#else
struct converted {
    int none;
};

static const struct converted nothing_converted = {0};

INLINE void store_converted(char *out, const vf *y, int vectors, int streaming, struct converted *seen) {
    (void)out, (void)y, (void)vectors, (void)streaming, (void)seen;
}

INLINE int finish_converted(struct converted seen, vu *largest) {
    (void)seen, (void)largest;
    return 1;
}
#endif

// Compares a row with what came before it, rounds it and stores it: `count` numbers of it exist.
INLINE void store_row(char *out, size_t column, size_t count, const vf *y, int vectors, enum umbel_float_format format,
                      int streaming, vu *largest) {
    for (int v = 0; v < vectors; v++) *largest = larger_magnitude(*largest, y[v]);
    store_part(out, column, count, y, vectors, format, streaming);
}
