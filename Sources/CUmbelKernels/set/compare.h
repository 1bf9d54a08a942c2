// Distances of two tensors from each other and from a third, for reports: one pass, sums in f64.

// The largest is searched in a pass of its own, and its place in a third: those passes find the numbers in cache.
static void set_compare(struct umbel_comparison *out, const float *a, const float *b, const float *w,
                        size_t count) {
    double sums[SUMS][COMPARED] = {{0}};
    size_t i = 0;
    for (; i + COMPARED <= count; i += COMPARED) {
        for (int lane = 0; lane < COMPARED; lane++) add_differences(sums, lane, a[i + lane], b[i + lane], w[i + lane]);
    }
    for (; i < count; i++) add_differences(sums, i % COMPARED, a[i], b[i], w[i]);
    finish_comparison(out, sums);

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
