// Distances of two tensors from each other and from a third, for reports: one pass, sums in f64.
#include "umbel_kernels.h"

#include "clones.h"
#include <math.h>

enum { LANES = 8, SUMS = 7 };

static inline __attribute__((always_inline)) void add(double sums[SUMS][LANES], int lane, double a, double b, double w) {
    const double distance = a - b, change_a = a - w, change_b = b - w;
    sums[0][lane] += a * a;
    sums[1][lane] += b * b;
    sums[2][lane] += w * w;
    sums[3][lane] += distance * distance;
    sums[4][lane] += change_a * change_a;
    sums[5][lane] += change_b * change_b;
    sums[6][lane] += change_a * change_b;
}

static inline __attribute__((always_inline)) double tree(const double s[LANES]) {
    return ((s[0] + s[1]) + (s[2] + s[3])) + ((s[4] + s[5]) + (s[6] + s[7]));
}

static inline __attribute__((always_inline)) void finish(struct umbel_comparison *out, double sums[SUMS][LANES]) {
    out->squares_a = tree(sums[0]);
    out->squares_b = tree(sums[1]);
    out->squares_w = tree(sums[2]);
    out->squares_distance = tree(sums[3]);
    out->squares_change_a = tree(sums[4]);
    out->squares_change_b = tree(sums[5]);
    out->product = tree(sums[6]);
}

// The largest is searched in a pass of its own, and its place in a third: those passes find the numbers in cache.
UMBEL_CLONES void umbel_compare(struct umbel_comparison *out, const float *a, const float *b, const float *w,
                                size_t count) {
    double sums[SUMS][LANES] = {{0}};
    size_t i = 0;
    for (; i + LANES <= count; i += LANES) {
        for (int lane = 0; lane < LANES; lane++) add(sums, lane, a[i + lane], b[i + lane], w[i + lane]);
    }
    for (; i < count; i++) add(sums, i % LANES, a[i], b[i], w[i]);
    finish(out, sums);

    double largest = 0;
    size_t equal = 0;
    for (i = 0; i < count; i++) {
        const double distance = fabs((double)a[i] - (double)b[i]);
        largest = distance > largest ? distance : largest;
        equal += a[i] == b[i];
    }
    out->largest = largest;
    out->equal = equal;
    out->largest_index = 0;
    if (largest == 0) return;
    while (fabs((double)a[out->largest_index] - (double)b[out->largest_index]) != largest) out->largest_index++;
}

void umbel_compare_reference(struct umbel_comparison *out, const float *a, const float *b, const float *w,
                             size_t count) {
    double sums[SUMS][LANES] = {{0}};
    out->largest = 0;
    out->largest_index = 0;
    out->equal = 0;
    for (size_t i = 0; i < count; i++) {
        add(sums, i % LANES, a[i], b[i], w[i]);
        if (a[i] == b[i]) out->equal++;
        const double distance = fabs((double)a[i] - (double)b[i]);
        if (distance > out->largest) {
            out->largest = distance;
            out->largest_index = i;
        }
    }
    finish(out, sums);
}
