package import UmbelTensor

extension FeatureMap {
    /// Each place as a square of `factor` · `factor` places.
    package func upsampled(by factor: Int = 2, pool: ComputePool) -> FeatureMap {
        let out = FeatureMap(
            batch: batch, height: height * factor, width: width * factor, channels: channels, pool: pool)
        pool.forEachRange(batch * out.height, grain: 1) { lines in
            for line in lines {
                let (picture, row) = (line / out.height, line % out.height / factor)
                for column in 0..<out.width {
                    let from = values.row((picture * height + row) * width + column / factor)
                    out.values.row(line * out.width + column).update(from: from, count: channels)
                }
            }
        }
        return out
    }

    /// The channels of this map followed by those of another of the same size.
    package func concatenated(with other: FeatureMap, pool: ComputePool) -> FeatureMap {
        precondition(batch == other.batch && height == other.height && width == other.width)
        let out = FeatureMap(
            batch: batch, height: height, width: width, channels: channels + other.channels, pool: pool)
        pool.forEachRange(values.rows, grain: 64) { rows in
            for row in rows {
                out.values.row(row).update(from: values.row(row), count: channels)
                (out.values.row(row) + channels).update(from: other.values.row(row), count: other.channels)
            }
        }
        return out
    }

    /// self + other, of the same size.
    package func adding(_ other: FeatureMap, pool: ComputePool) -> FeatureMap {
        precondition(values.rows == other.values.rows && channels == other.channels)
        let out = with(Matrix(rows: values.rows, columns: channels, pool: pool))
        pool.forEachRange(values.count, grain: 4096) { range in
            for index in range { out.values.start[index] = values.start[index] + other.values.start[index] }
        }
        return out
    }

    /// A vector for each picture added to all of its places, in place.
    ///
    /// - Parameter vectors: (batch, channels)
    package func add(_ vectors: Matrix, pool: ComputePool) {
        precondition(vectors.rows == batch && vectors.columns == channels)
        pool.forEachRange(values.rows, grain: 64) { rows in
            for row in rows {
                let (place, vector) = (values.row(row), vectors.row(row / places))
                for channel in 0..<channels { place[channel] += vector[channel] }
            }
        }
    }
}
