// The Cayley transform of the blocks of rotations, in f64: they are small, but they are inverted.

// Turns `left` into the identity and `result` into left⁻¹ · result; 0 if `left` is singular.
INLINE int eliminate(double *restrict left, double *restrict result, size_t size) {
    for (size_t pivot = 0; pivot < size; pivot++) {
        size_t best = pivot;
        for (size_t row = pivot + 1; row < size; row++) {
            if (fabs(left[row * size + pivot]) > fabs(left[best * size + pivot])) best = row;
        }
        if (left[best * size + pivot] == 0) return 0;
        double *const left_pivot = left + pivot * size, *const result_pivot = result + pivot * size;
        for (size_t column = 0; column < size && best != pivot; column++) {
            const double one = left_pivot[column], other = result_pivot[column];
            left_pivot[column] = left[best * size + column];
            result_pivot[column] = result[best * size + column];
            left[best * size + column] = one;
            result[best * size + column] = other;
        }
        for (size_t row = 0; row < size; row++) {
            if (row == pivot) continue;
            double *const left_row = left + row * size, *const result_row = result + row * size;
            const double factor = left_row[pivot] / left_pivot[pivot];
            if (factor == 0) continue;
            for (size_t column = pivot; column < size; column++) left_row[column] -= factor * left_pivot[column];
            for (size_t column = 0; column < size; column++) result_row[column] -= factor * result_pivot[column];
        }
    }
    for (size_t row = 0; row < size; row++) {
        const double divisor = left[row * size + row];
        for (size_t column = 0; column < size; column++) result[row * size + column] /= divisor;
    }
    return 1;
}

// X·(I − Q) = I + Q  ⇔  (I − Q)ᵀ·Xᵀ = (I + Q)ᵀ
static int set_cayley(double *out, const double *q, size_t size, double *scratch) {
    double *const left = scratch, *const right = scratch + size * size;
    for (size_t row = 0; row < size; row++) {
        for (size_t column = 0; column < size; column++) {
            const double one = row == column, value = q[column * size + row];
            left[row * size + column] = one - value;
            right[row * size + column] = one + value;
        }
    }
    if (!eliminate(left, right, size)) return 0;
    for (size_t row = 0; row < size; row++) {
        for (size_t column = 0; column < size; column++) out[row * size + column] = right[column * size + row];
    }
    return 1;
}
