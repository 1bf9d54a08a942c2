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
    fileprivate var shape: umbel_winograd_tile { umbel_winograd_tile(rows: rows, columns: columns) }
}

/// The weight of a 3 × 3 convolution for Winograd's algorithm (Lavin and Gray, arXiv 1509.09308): tiles of m × n results need
/// (m + 2) · (n + 2) products of a number each where the sum over positions needs 9 · m · n.
final class WinogradWeights: Sendable {
    private let inputs: Int
    private let outputs: Int
    private let tile: WinogradTile
    private let type: ComputeType
    /// For each point panel after panel, in units: (points · panels, units of the inputs · 64)
    private let units: Matrix

    private var points: Int { tile.points }
    var byteCount: Int { 4 * units.count }

    /// - Parameter weight: (outputs, inputs, 3, 3)
    init(
        _ weight: TensorView, outputs: Int, inputs: Int, tile: WinogradTile, type: ComputeType, pool: ComputePool
    ) {
        precondition(weight.elementCount == outputs * inputs * 9)
        (self.inputs, self.outputs, self.tile, self.type) = (inputs, outputs, tile, type)
        let panels = (outputs + Panels.width - 1) / Panels.width
        let units = Matrix(
            rows: tile.points * panels, columns: type.units(inputs) * Panels.width, pool: pool)
        self.units = units
        Panels.forEachPanel(of: weight, outputs: outputs, pool) { panel, count, rows in
            umbel_winograd_weight(
                units.row(panel), panels * units.columns, rows.start, count, inputs, tile.shape, type.unit)
        }
    }

    /// - Parameters:
    ///   - out: the result, of the size that the padding leaves.
    ///   - residual: is added, of the result's size.
    func convolve(
        _ x: FeatureMap, into out: FeatureMap, _ padding: Convolution.Padding, bias: Matrix?, residual: FeatureMap?,
        pool: ComputePool
    ) {
        let tiles = Tiles(x, out, padding, tile)
        let strip = stripLength(tiles.count)
        let width = type.units(inputs)
        let transformed = Matrix(rows: points, columns: Matrix.staggered(strip * width))
        let products = Matrix(rows: points, columns: Matrix.staggered(strip * outputs))
        for first in stride(from: 0, to: tiles.count, by: strip) {
            let count = min(strip, tiles.count - first)
            tiles.forEachPart(first, count, pool) { picture, range, place in
                var shape = tiles.shape
                umbel_winograd_input(
                    transformed.start + place * width, transformed.columns, x.values.row(picture * x.places), inputs,
                    &shape, range.lowerBound, range.count, type.unit)
            }
            multiply(transformed, products, count, pool)
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
        let bytes = 4 * points * (type.units(inputs) + outputs)
        let room = byteCount > 48 << 20 ? 24 << 20 : 12 << 20
        let most = max(48, room / bytes)
        let strips = (tiles + most - 1) / most
        let even = (tiles + strips - 1) / strips
        return min(tiles, (even + 5) / 6 * 6)
    }

    /// The product of `count` tiles and the weights at each point.
    private func multiply(_ left: Matrix, _ out: Matrix, _ count: Int, _ pool: ComputePool) {
        let panels = units.rows / points
        // Weights are read once for all tiles; columns are cut as well so that no thread waits long for another.
        let parts = pool.threads == 1 || panels < 4 ? 1 : 2
        let width = (panels + parts - 1) / parts * Panels.width
        pool.forEach(points * parts) { index in
            let (point, column) = (index / parts, index % parts * width)
            guard column < outputs else { return }
            var product = umbel_panel_product(
                out: out.row(point) + column, out_stride: outputs, left: left.row(point),
                left_stride: type.units(inputs), panels: units.row(point * panels + column / Panels.width),
                panel_stride: units.columns, rows: count, inner: type.units(inputs),
                columns: min(width, outputs - column),
                bias: nil, residual: nil, residual_stride: 0, unit: type.unit)
            umbel_multiply_panels(&product)
        }
    }
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
