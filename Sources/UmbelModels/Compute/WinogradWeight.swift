internal import CUmbelCompute
internal import CUmbelKernels
internal import UmbelTensor

/// The weight of a 3 × 3 convolution, of which Winograd's algorithm needs the points.
struct WinogradWeight: Sendable {
    let inputs: Int
    let outputs: Int
    let tile: WinogradTile
    let type: ComputeType
    /// (outputs, inputs, 3, 3)
    private let stored: TensorView

    /// - Precondition: `stored` is (outputs, inputs, 3, 3), of a floating-point type.
    init(_ stored: TensorView, tile: WinogradTile, type: ComputeType) {
        precondition(stored.shape.count == 4 && stored.shape[2...] == [3, 3] && stored.dtype.isFloat)
        (self.stored, self.tile, self.type) = (stored, tile, type)
        (outputs, inputs) = (stored.shape[0], stored.shape[1])
    }

    var panels: Int { (outputs + Panels.width - 1) / Panels.width }

    /// Turns a panel of outputs, or some units of its inputs, into points: units · 64 for each, `stride` units from one to the next.
    func transform(panel: Int, units: Range<Int>, into points: UnsafeMutablePointer<Float>, stride: Int) {
        precondition(panel >= 0 && panel < panels && units.lowerBound >= 0 && units.upperBound <= type.units(inputs))
        precondition(stride >= units.count * Panels.width)
        let rows = panel * Panels.width..<min(outputs, (panel + 1) * Panels.width)
        let range = units.lowerBound * type.unitNumbers..<min(inputs, units.upperBound * type.unitNumbers)
        guard let format = stored.dtype.turnedFormat, let start = stored.bytes.baseAddress else {
            return transformWidened(rows, range, into: points, stride: stride)
        }
        let first = (rows.lowerBound * inputs + range.lowerBound) * 9
        var weights = umbel_winograd_weights(
            start: start + first * stored.dtype.byteCount, format: format, stride: inputs * 9, outputs: rows.count,
            inputs: range.count, tile: tile.shape)
        umbel_winograd_weight(points, stride, &weights, type.unit)
    }

    /// A panel as it is stored: the inputs of one output behind those of another.
    func bytes(panel: Int) -> UnsafeRawBufferPointer {
        stored.rows(panel * Panels.width..<min(outputs, (panel + 1) * Panels.width)).bytes
    }

    /// Of a type that the kernel does not read.
    private func transformWidened(
        _ rows: Range<Int>, _ range: Range<Int>, into points: UnsafeMutablePointer<Float>, stride: Int
    ) {
        let numbers = Matrix(rows: rows.count, columns: range.count * 9)
        for (index, output) in rows.enumerated() {
            let first = (output * inputs + range.lowerBound) * 9
            stored.widen(first..<first + numbers.columns, into: numbers.row(index))
        }
        var weights = umbel_winograd_weights(
            start: numbers.start, format: UMBEL_F32, stride: numbers.columns, outputs: rows.count, inputs: range.count,
            tile: tile.shape)
        umbel_winograd_weight(points, stride, &weights, type.unit)
    }
}

/// All points of a weight, kept.
final class WinogradPoints: Sendable {
    /// For each point panel after panel, in units: (points · panels, units of the inputs · 64)
    let units: Matrix
    private let panels: Int

    var byteCount: Int { 4 * units.count }

    init(_ weight: WinogradWeight, pool: ComputePool) {
        let panels = weight.panels
        let units = Matrix(
            rows: weight.tile.points * panels, columns: weight.type.units(weight.inputs) * Panels.width, pool: pool)
        (self.units, self.panels) = (units, panels)
        pool.forEach(panels) { panel in
            weight.transform(
                panel: panel, units: 0..<weight.type.units(weight.inputs), into: units.row(panel),
                stride: panels * units.columns)
        }
    }

    /// A point's panels from one on.
    func row(point: Int, panel: Int) -> UnsafeMutablePointer<Float> { units.row(point * panels + panel) }
}
