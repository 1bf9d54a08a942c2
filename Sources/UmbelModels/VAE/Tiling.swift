internal import UmbelTensor

/// A large picture in squares that overlap by a quarter and are blended where they do, so that memory stays bounded. The result
/// is not quite that of the whole: each square is normalised and attended to by itself. As diffusers does it.
package struct Tiling: Hashable, Sendable {
    /// Side of a square, in places of the latents; a multiple of 4.
    package let latentSize: Int

    /// - Parameters:
    ///   - pictureSize: side of a square, in places of the picture; rounded up to a size of which a quarter is whole.
    ///   - reduction: places of the picture for one of the latents.
    package init(pictureSize: Int, reduction: Int) {
        let latents = (max(1, pictureSize) + reduction - 1) / reduction
        latentSize = (latents + 3) / 4 * 4
    }

    /// Is a map of latents of that size larger than a square?
    package func applies(height: Int, width: Int) -> Bool { height > latentSize || width > latentSize }

    /// - Parameters:
    ///   - sources: places of what comes in for one of the latents.
    ///   - results: the same of what comes out.
    ///   - compute: of a square.
    /// - Throws: what `compute` throws.
    func run(
        _ map: FeatureMap, sources: Int, results: Int,
        _ compute: (FeatureMap) throws(ModelError) -> FeatureMap
    ) throws(ModelError) -> FeatureMap {
        let (size, step) = (latentSize * sources, latentSize * sources / 4 * 3)
        let overlap = latentSize * results / 4
        let (height, width) = (map.height / sources * results, map.width / sources * results)
        var result: FeatureMap?
        var above: [FeatureMap] = []
        for (row, top) in stride(from: 0, to: map.height, by: step).enumerated() {
            var line: [FeatureMap] = []
            for (column, left) in stride(from: 0, to: map.width, by: step).enumerated() {
                let square = try compute(map.cut(top: top, left: left, height: size, width: size))
                if row > 0 { square.blendTop(with: above[column], overlap) }
                if column > 0 { square.blendLeft(with: line[column - 1], overlap) }
                line.append(square)
                let whole =
                    result ?? FeatureMap(batch: map.batch, height: height, width: width, channels: square.channels)
                whole.paste(
                    square, top: top / sources * results, left: left / sources * results,
                    limit: latentSize * results - overlap)
                result = whole
            }
            above = line
        }
        guard let result else { return try compute(map) }
        return result
    }
}

extension FeatureMap {
    /// A part, as far as there is one.
    func cut(top: Int, left: Int, height wanted: Int, width wantedWidth: Int) -> FeatureMap {
        let (rows, columns) = (min(wanted, height - top), min(wantedWidth, width - left))
        let out = FeatureMap(batch: batch, height: rows, width: columns, channels: channels)
        for picture in 0..<batch {
            for row in 0..<rows {
                let from = values.row((picture * height + top + row) * width + left)
                out.values.row((picture * rows + row) * columns).update(from: from, count: columns * channels)
            }
        }
        return out
    }

    /// Puts the upper left part of a square at a place, no more than `limit` places of it and as far as there is room.
    fileprivate func paste(_ square: FeatureMap, top: Int, left: Int, limit: Int) {
        let rows = min(limit, square.height, height - top)
        let columns = min(limit, square.width, width - left)
        guard columns > 0 else { return }
        for picture in 0..<batch {
            for row in 0..<max(0, rows) {
                let from = square.values.row((picture * square.height + row) * square.width)
                values.row((picture * height + top + row) * width + left).update(from: from, count: columns * channels)
            }
        }
    }

    /// Lets the first rows come out of the last rows of what is above: of row y of n, y / n is its own.
    fileprivate func blendTop(with above: FeatureMap, _ overlap: Int) {
        let count = min(above.height, height, overlap)
        for picture in 0..<batch {
            for row in 0..<count {
                let other = above.values.row((picture * above.height + above.height - count + row) * above.width)
                let own = values.row((picture * height + row) * width)
                Self.mix(own, other, Float(row) / Float(count), count: width * channels)
            }
        }
    }

    /// The same for the first columns and what is on the left.
    fileprivate func blendLeft(with left: FeatureMap, _ overlap: Int) {
        let count = min(left.width, width, overlap)
        for picture in 0..<batch {
            for row in 0..<height {
                for column in 0..<count {
                    let place = (picture * left.height + row) * left.width + left.width - count + column
                    let own = values.row((picture * height + row) * width + column)
                    Self.mix(own, left.values.row(place), Float(column) / Float(count), count: channels)
                }
            }
        }
    }

    private static func mix(
        _ own: UnsafeMutablePointer<Float>, _ other: UnsafePointer<Float>, _ share: Float, count: Int
    ) {
        for index in 0..<count { own[index] = other[index] * (1 - share) + own[index] * share }
    }
}
