// Rows of a block on their way out of registers.

#if BFLOAT_CONVERSION
enum { BLOCK_LINES = BLOCK_VECTORS / 2 };

// Numbers that the CPU rounded to bf16 by itself, two registers of f32 in one, and what was seen of them. The CPU rounds as
// `round_bfloat` does but for subnormal numbers, which it makes zero.
struct converted {
    vu line[BLOCK_ROWS][BLOCK_LINES];
    int rows, lines;  // that there are, and registers of each
    // Bits that all have, and bits that some have.
    vu all, some;
};

INLINE void nothing_converted(struct converted *converted) {
    converted->all = ~(vu){0};
    converted->some = (vu){0};
}

// Row `r` of a block, an even number of registers.
INLINE void convert_row(struct converted *converted, int r, const vf *y, int vectors) {
    UNROLLED for (int v = 0; v < vectors; v += 2) {
        converted->line[r][v / 2] = (vu)_mm512_cvtne2ps_pbh((__m512)y[v + 1], (__m512)y[v]);
    }
    // Two at a time are one instruction each.
    UNROLLED for (int line = 0; line < vectors / 2; line += 2) {
        const vu one = converted->line[r][line], other = converted->line[r][line + 1 < vectors / 2 ? line + 1 : line];
        converted->all &= one & other;
        converted->some |= one | other;
    }
    converted->rows = r + 1;
    converted->lines = vectors / 2;
}

// Stores the rows of a block.
INLINE void store_converted(char *out, size_t stride, const struct converted *converted, int rows, int vectors,
                            int streaming) {
#define EVERY_LINE(STORING)                                                                                              \
    UNROLLED for (int r = 0; r < rows; r++) {                                                                            \
        UNROLLED for (int v = 0; v < vectors / 2; v++) {                                                                 \
            const vu line = converted->line[r][v];                                                                       \
            char *const place = out + r * stride + v * sizeof line;                                                      \
            STORING;                                                                                                     \
        }                                                                                                                \
    }
    if (streaming) {
        // Written as instructions: of __builtin_nontemporal_store, the compiler made ordinary stores here.
        EVERY_LINE(__asm__ volatile("vmovntdq %1, %0" : "=m"(*(vu *)place) : "v"(line)))
    } else {
        EVERY_LINE(memcpy(place, &line, sizeof line))
    }
#undef EVERY_LINE
}

// Whether the upper two bits of all exponents differ.
static __attribute__((noinline)) int all_between(const struct converted *converted) {
    vu differ = ~(vu){0};
    for (int r = 0; r < converted->rows; r++) {
        for (int line = 0; line < converted->lines; line++) {
            differ &= converted->line[r][line] ^ converted->line[r][line] << 1;
        }
    }
    return _mm512_testn_epi16_mask((__m512i)differ, _mm512_set1_epi16(0x4000)) == 0;
}

// Returns 0 if there is a number that may need more than the CPU's own rounding, or may be too large: a zero for one.
//
// If the upper two bits of an exponent differ, the magnitude is from 2^-63 to 2^65: neither subnormal nor infinity nor NaN.
// Those of weights are mostly below 2, where the upper bit is 0 and the other one 1.
INLINE int all_ordinary(const struct converted *converted) {
    const vu small = converted->all & ~(converted->some >> 1);
    if (__builtin_expect(_mm512_testn_epi16_mask((__m512i)small, _mm512_set1_epi16(0x2000)) == 0, 1)) return 1;
    const struct converted kept = *converted;
    return all_between(&kept);
}
#else
struct converted {
    int none;
};

INLINE void nothing_converted(struct converted *converted) { (void)converted; }

INLINE void convert_row(struct converted *converted, int r, const vf *y, int vectors) {
    (void)converted, (void)r, (void)y, (void)vectors;
}

INLINE void store_converted(char *out, size_t stride, const struct converted *converted, int rows, int vectors,
                            int streaming) {
    (void)out, (void)stride, (void)converted, (void)rows, (void)vectors, (void)streaming;
}

INLINE int all_ordinary(const struct converted *converted) {
    (void)converted;
    return 1;
}
#endif

// Compares a row with what came before it, rounds it and stores it: `count` numbers of it exist.
INLINE void store_row(char *out, size_t column, size_t count, const vf *y, int vectors, enum umbel_float_format format,
                      int streaming, vu *largest) {
    for (int v = 0; v < vectors; v++) *largest = larger_magnitude(*largest, y[v]);
    store_part(out, column, count, y, vectors, format, streaming);
}
