internal import UmbelTensor

extension FeatureMap {
    /// The map at another size, each place as its nearest neighbour: the index times the ratio of the sizes in f32, rounded
    /// down, as torch's `interpolate(mode="nearest")` has it.
    func nearest(height newHeight: Int, width newWidth: Int, pool: ComputePool) -> FeatureMap {
        if newHeight == 2 * height, newWidth == 2 * width { return upsampled(pool: pool) }
        let out = FeatureMap(batch: batch, height: newHeight, width: newWidth, channels: channels, pool: pool)
        let (rowScale, columnScale) = (Float(height) / Float(newHeight), Float(width) / Float(newWidth))
        pool.forEachRange(batch * newHeight, grain: 1) { lines in
            for line in lines {
                let row = min(height - 1, Int(Float(line % newHeight) * rowScale))
                let from = (line / newHeight * height + row) * width
                for column in 0..<newWidth {
                    let place = from + min(width - 1, Int(Float(column) * columnScale))
                    out.values.row(line * newWidth + column).update(from: values.row(place), count: channels)
                }
            }
        }
        return out
    }

    /// The mean of each square of 2 · 2 places. An odd last row or column is left out.
    func averagedPairs(pool: ComputePool) -> FeatureMap {
        let out = FeatureMap(batch: batch, height: height / 2, width: width / 2, channels: channels, pool: pool)
        pool.forEachRange(batch * out.height, grain: 1) { lines in
            for line in lines {
                let top = (line / max(1, out.height) * height + 2 * (line % max(1, out.height))) * width
                for column in 0..<out.width {
                    let (upper, lower) = (values.row(top + 2 * column), values.row(top + width + 2 * column))
                    let place = out.values.row(line * out.width + column)
                    for channel in 0..<channels {
                        let (right, left) = (channels + channel, channel)
                        place[channel] = (upper[left] + upper[right] + lower[left] + lower[right]) / 4
                    }
                }
            }
        }
        return out
    }

    /// x · (1 + scale) + shift, in place, with a scale and a shift for each channel of each picture.
    ///
    /// - Parameter vectors: (batch, 2 · channels): scales, then shifts.
    func modulate(_ vectors: Matrix, pool: ComputePool) {
        precondition(vectors.rows == batch && vectors.columns == 2 * channels)
        pool.forEachRange(values.rows, grain: 64) { rows in
            for row in rows {
                let (place, scale) = (values.row(row), vectors.row(row / places))
                let shift = scale + channels
                for channel in 0..<channels { place[channel] = place[channel] * (1 + scale[channel]) + shift[channel] }
            }
        }
    }

    /// x · factor + offset, in place.
    func rescale(by factor: Float, adding offset: Float = 0, pool: ComputePool) {
        pool.forEachRange(values.count, grain: 1 << 16) { range in
            for index in range { values.start[index] = values.start[index] * factor + offset }
        }
    }
}
