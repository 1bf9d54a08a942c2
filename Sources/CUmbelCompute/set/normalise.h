// Mean 0 and variance 1, over groups of channels or over rows.
#pragma once

// So many rows are added in f32, of so many channels: the sums stay in the first cache, and rows are read in their order.
enum { SUMMED_ROWS = 32, SUMMED_CHANNELS = 512 };

// Sums and sums of squares of a few rows; what is behind the last channel stays zero.
INLINE void add_rows(float *sums, float *squares, const float *x, size_t stride, size_t rows, size_t channels) {
    memset(sums, 0, SUMMED_CHANNELS * sizeof *sums);
    memset(squares, 0, SUMMED_CHANNELS * sizeof *squares);
    for (size_t r = 0; r < rows; r++, x += stride) {
        for (size_t c = 0; c < channels; c += LANES) {
            const vf value = load_part(x + c, channels - c);
            store(sums + c, load(sums + c) + value);
            store(squares + c, multiply_add(value, value, load(squares + c)));
        }
    }
}

static void set_channel_sums(double *sums, const float *x, size_t rows, size_t channels) {
    float some[SUMMED_CHANNELS], squares[SUMMED_CHANNELS];
    for (size_t first = 0; first < channels; first += SUMMED_CHANNELS) {
        const size_t width = channels - first < SUMMED_CHANNELS ? channels - first : SUMMED_CHANNELS;
        for (size_t r = 0; r < rows; r += SUMMED_ROWS) {
            const size_t height = rows - r < SUMMED_ROWS ? rows - r : SUMMED_ROWS;
            add_rows(some, squares, x + r * channels + first, channels, height, width);
            for (size_t c = 0; c < width; c++) sums[first + c] += (double)some[c];
            for (size_t c = 0; c < width; c++) sums[channels + first + c] += (double)squares[c];
        }
    }
}

INLINE void scale_shift(float *y, const float *x, const float *factors, const float *shifts, size_t rows,
                        size_t channels, int takes_silu) {
    for (size_t r = 0; r < rows; r++, y += channels, x += channels) {
        for (size_t c = 0; c < channels; c += LANES) {
            const size_t left = channels - c;
            const vf value = multiply_add(load_part(x + c, left), load_part(factors + c, left), load_part(shifts + c, left));
            store_part(y + c, takes_silu ? silu(value) : value, left);
        }
    }
}

static void set_scale_shift(float *y, const float *x, const float *factors, const float *shifts, size_t rows,
                            size_t channels, int takes_silu) {
    if (takes_silu) scale_shift(y, x, factors, shifts, rows, channels, 1);
    else scale_shift(y, x, factors, shifts, rows, channels, 0);
}

INLINE float total(vf x) {
    float numbers[LANES], sum = 0;
    store(numbers, x);
    for (size_t i = 0; i < LANES; i++) sum += numbers[i];
    return sum;
}

INLINE float squared_distance(const float *x, float mean, size_t columns) {
    vf squares = 0;
    size_t c = 0;
    for (; c + LANES <= columns; c += LANES) {
        const vf distance = load(x + c) - mean;
        squares = multiply_add(distance, distance, squares);
    }
    float sum = total(squares);
    for (; c < columns; c++) sum += (x[c] - mean) * (x[c] - mean);
    return sum;
}

static void set_normalise_rows(float *y, const float *x, const float *factors, const float *shifts, size_t rows,
                               size_t columns, float epsilon) {
    for (size_t r = 0; r < rows; r++, y += columns, x += columns) {
        vf sums = 0;
        for (size_t c = 0; c < columns; c += LANES) sums += load_part(x + c, columns - c);
        const float mean = total(sums) / (float)columns;
        const float factor = 1 / sqrtf(squared_distance(x, mean, columns) / (float)columns + epsilon);
        for (size_t c = 0; c < columns; c += LANES) {
            const size_t left = columns - c;
            const vf normal = (load_part(x + c, left) - mean) * factor;
            store_part(y + c, multiply_add(normal, load_part(factors + c, left), load_part(shifts + c, left)), left);
        }
    }
}
