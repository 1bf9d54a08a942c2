internal import CUmbelCompute
internal import UmbelTensor

/// The results that Winograd's algorithm computes together. The larger, the fewer products, the more memory for weights, and the more
/// digits are lost: pairs of bf16 have too few for four by four.
enum WinogradTile: Sendable {
    case twoByTwo, twoByFour, fourByFour

    /// The fastest of those that `type` has the digits for, by what was measured.
    ///
    /// - Parameter places: of the result; few are not worth reading larger weights.
    init(places: Int, _ type: ComputeType) {
        switch type {
        case .f32: self = places < 24 * 24 ? .twoByTwo : .fourByFour
        case .bf16: self = places < 12 * 12 ? .twoByTwo : .twoByFour
        }
    }

    var rows: Int { self == .fourByFour ? 4 : 2 }
    var columns: Int { self == .twoByTwo ? 2 : 4 }
    var points: Int { (rows + 2) * (columns + 2) }
    var shape: umbel_winograd_tile { umbel_winograd_tile(rows: rows, columns: columns) }
}

/// A 3 × 3 convolution by Winograd's algorithm (Lavin and Gray, arXiv 1509.09308): tiles of m × n results need (m + 2) · (n + 2)
/// products of a number each where the sum over positions needs 9 · m · n.
struct Winograd: Sendable {
    let weight: WinogradWeight
    /// The weight's points; nil to make them where they are used.
    let kept: WinogradPoints?

    private var inputs: Int { weight.inputs }
    private var outputs: Int { weight.outputs }
    private var points: Int { weight.tile.points }
    /// Units of the inputs.
    private var inner: Int { weight.type.units(weight.inputs) }

    /// - Parameters:
    ///   - out: the result, of the size that the padding leaves.
    ///   - residual: is added, of the result's size.
    func convolve(
        _ x: FeatureMap, into out: FeatureMap, _ padding: Convolution.Padding, bias: Matrix?, residual: FeatureMap?,
        pool: ComputePool
    ) {
        let tiles = Tiles(x, out, padding, weight.tile)
        let strip = stripLength(tiles.count)
        let transformed = Matrix(rows: points, columns: Matrix.staggered(strip * inner), pool: pool)
        let products = Matrix(rows: points, columns: Matrix.staggered(strip * outputs), pool: pool)
        for first in stride(from: 0, to: tiles.count, by: strip) {
            let count = min(strip, tiles.count - first)
            tiles.forEachPart(first, count, pool) { picture, range, place in
                var shape = tiles.shape
                umbel_winograd_input(
                    transformed.start + place * inner, transformed.columns, x.values.row(picture * x.places), inputs,
                    &shape, range.lowerBound, range.count, weight.type.unit)
            }
            if let kept {
                multiply(transformed, by: kept, into: products, count, pool)
            } else {
                multiply(transformed, into: products, count, pool)
            }
            tiles.forEachPart(first, count, pool) { picture, range, place in
                var shape = tiles.shape
                umbel_winograd_output(
                    out.values.row(picture * out.places), products.start + place * outputs, products.columns, outputs,
                    &shape, range.lowerBound, range.count, bias.map { UnsafePointer($0.start) },
                    residual.map { UnsafePointer($0.values.row(picture * out.places)) })
            }
        }
    }

    /// Tiles that are transformed, multiplied and transformed back together: what lies between fits into the last cache, or
    /// nearly so where reading the weight for each strip costs more.
    private func stripLength(_ tiles: Int) -> Int {
        let bytes = 4 * points * (inner + outputs)
        let room = 4 * points * inner * outputs > 48 << 20 ? 24 << 20 : 12 << 20
        let most = max(48, room / bytes)
        let strips = (tiles + most - 1) / most
        let even = (tiles + strips - 1) / strips
        return min(tiles, (even + 5) / 6 * 6)
    }

    /// The product of `count` tiles and the weights at each point.
    private func multiply(
        _ left: Matrix, by kept: WinogradPoints, into out: Matrix, _ count: Int, _ pool: ComputePool
    ) {
        // Weights are read once for all tiles; columns are cut as well so that no thread waits long for another.
        let parts = pool.threads == 1 || weight.panels < 4 ? 1 : 2
        let width = (weight.panels + parts - 1) / parts * Panels.width
        pool.forEach(points * parts) { index in
            let (point, column) = (index / parts, index % parts * width)
            guard column < outputs else { return }
            var product = umbel_panel_product(
                out: out.row(point) + column, out_stride: outputs, left: left.row(point), left_stride: inner,
                panels: kept.row(point: point, panel: column / Panels.width), panel_stride: kept.units.columns,
                rows: count, inner: inner, columns: min(width, outputs - column),
                bias: nil, residual: nil, residual_stride: 0, ahead: nil, ahead_bytes: 0, unit: weight.type.unit)
            umbel_multiply_panels(&product)
        }
    }

    /// The same of a weight whose points are made where they are used, and are gone afterwards: those of some inputs of a panel at a
    /// time, which are in a thread's caches for all tiles. Meanwhile the panel that is next comes from memory.
    private func multiply(_ left: Matrix, into out: Matrix, _ count: Int, _ pool: ComputePool) {
        let parts = PanelParts(panels: weight.panels, rows: count, threads: pool.threads)
        let units = Self.parts(of: inner)
        pool.forEach(parts.count) { index in
            let (panel, rows) = parts[index]
            // Other threads take the parts between.
            let next = index + pool.threads < parts.count ? weight.bytes(panel: parts[index + pool.threads].panel) : nil
            var ahead = Ahead(next, steps: points * units.count)
            let made = Matrix(rows: points, columns: Matrix.staggered(units[0].count * Panels.width))
            for units in units {
                weight.transform(panel: panel, units: units, into: made.start, stride: made.columns)
                for point in 0..<points {
                    let place = out.row(point) + rows.lowerBound * outputs + panel * Panels.width
                    var product = umbel_panel_product(
                        out: place, out_stride: outputs,
                        left: left.row(point) + rows.lowerBound * inner + units.lowerBound, left_stride: inner,
                        panels: made.row(point), panel_stride: made.columns, rows: rows.count, inner: units.count,
                        columns: min(Panels.width, outputs - panel * Panels.width), bias: nil,
                        residual: units.lowerBound == 0 ? nil : UnsafePointer(place), residual_stride: outputs,
                        ahead: ahead.start, ahead_bytes: ahead.length, unit: weight.type.unit)
                    umbel_multiply_panels(&product)
                    ahead.step()
                }
            }
        }
    }

    /// The parts of an inner dimension that products go through one after the other, the first the longest.
    private static func parts(of inner: Int) -> [Range<Int>] {
        var parts = [0..<umbel_inner_part(inner)]
        while let end = parts.last?.upperBound, end < inner { parts.append(end..<end + umbel_inner_part(inner - end)) }
        return parts
    }
}

/// Memory that is brought into the caches in so many steps.
private struct Ahead {
    private(set) var start: UnsafeRawPointer?
    /// Bytes of a step.
    let length: Int

    init(_ bytes: UnsafeRawBufferPointer?, steps: Int) {
        start = bytes?.baseAddress
        length = (bytes?.count ?? 0) / max(1, steps)
    }

    mutating func step() { start = start.map { $0 + length } }
}

/// The tiles of a batch of pictures, picture after picture.
private struct Tiles: Sendable {
    let shape: umbel_winograd
    private let each: Int
    let count: Int

    init(_ x: FeatureMap, _ out: FeatureMap, _ padding: Convolution.Padding, _ tile: WinogradTile) {
        let across = (out.width + tile.columns - 1) / tile.columns
        each = across * ((out.height + tile.rows - 1) / tile.rows)
        count = each * x.batch
        shape = umbel_winograd(
            tile: tile.shape, height: x.height, width: x.width, top: padding.top, left: padding.left,
            out_height: out.height,
            out_width: out.width, tiles_across: across)
    }

    /// Calls `body` with a picture, a range of its tiles and where that begins among the `count` tiles from `first` on.
    func forEachPart(
        _ first: Int, _ count: Int, _ pool: ComputePool, _ body: @Sendable (Int, Range<Int>, Int) -> Void
    ) {
        pool.forEachRange(count, grain: 8) { range in
            var tile = first + range.lowerBound
            while tile < first + range.upperBound {
                let picture = tile / each
                let end = min(first + range.upperBound, (picture + 1) * each)
                body(picture, tile - picture * each..<end - picture * each, tile - first)
                tile = end
            }
        }
    }
}
