// The sums of a comparison, which its fast and its plain version share: what differs is the order of the loops.
#pragma once
#include "umbel_kernels.h"

#include <math.h>
#include <string.h>

#pragma STDC FP_CONTRACT OFF

enum { COMPARED = 8, SUMS = 7 };

static inline void add_differences(double sums[SUMS][COMPARED], int lane, double a, double b, double w) {
    const double distance = a - b, change_a = a - w, change_b = b - w;
    sums[0][lane] += a * a;
    sums[1][lane] += b * b;
    sums[2][lane] += w * w;
    sums[3][lane] += distance * distance;
    sums[4][lane] += change_a * change_a;
    sums[5][lane] += change_b * change_b;
    sums[6][lane] += change_a * change_b;
}

static inline double added(const double s[COMPARED]) {
    return ((s[0] + s[1]) + (s[2] + s[3])) + ((s[4] + s[5]) + (s[6] + s[7]));
}

static inline void finish_comparison(struct umbel_comparison *out, double sums[SUMS][COMPARED]) {
    out->squares_a = added(sums[0]);
    out->squares_b = added(sums[1]);
    out->squares_w = added(sums[2]);
    out->squares_distance = added(sums[3]);
    out->squares_change_a = added(sums[4]);
    out->squares_change_b = added(sums[5]);
    out->product = added(sums[6]);
}
