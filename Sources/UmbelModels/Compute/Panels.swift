internal import CUmbelCompute
internal import CUmbelKernels
internal import UmbelTensor

/// A weight, or some outputs of it, in the order in which products read it: for each 64 outputs a panel with all units of the
/// inner dimension.
final class Panels: Sendable {
    static let width = UMBEL_WEIGHT_COLUMNS

    let type: ComputeType
    /// The output that the first panel begins with.
    private let first: Int
    /// Units of the inner dimension.
    let inner: Int
    /// (panels, inner · 64) in units
    private let units: Matrix

    /// - Parameters:
    ///   - weight: (outputs, inputs · positions), the positions of each input behind each other; the inner dimension goes through
    ///     the inputs of position after position.
    ///   - first: the output that it begins with, of a weight of which it is a part.
    /// - Precondition: so many elements of a floating-point type.
    init(
        _ weight: TensorView, outputs: Int, inputs: Int, positions: Int = 1, type: ComputeType, from first: Int = 0,
        pool: ComputePool
    ) {
        precondition(weight.elementCount == outputs * inputs * positions)
        (self.type, self.first) = (type, first)
        let inner = positions * type.units(inputs)
        self.inner = inner
        let units = Matrix(rows: (outputs + Self.width - 1) / Self.width, columns: inner * Self.width, pool: pool)
        self.units = units
        if positions == 1, let format = weight.dtype.turnedFormat {
            Self.turn(weight, format, outputs: outputs, inputs: inputs, into: units, type, pool)
        } else {
            Self.forEachPanel(of: weight, outputs: outputs, pool) { panel, count, rows in
                umbel_pack_panel(units.row(panel), rows.start, count, inputs, positions, type.unit)
            }
        }
    }

    /// Packs a weight (outputs, inputs) straight from where it is stored.
    private static func turn(
        _ weight: TensorView, _ format: umbel_float_format, outputs: Int, inputs: Int, into units: Matrix,
        _ type: ComputeType, _ pool: ComputePool
    ) {
        pool.forEach(units.rows) { panel in
            let first = panel * width
            guard let start = weight.bytes.baseAddress else { return }
            umbel_turn_panel(
                units.row(panel), start + first * inputs * weight.dtype.byteCount, format, min(width, outputs - first),
                inputs, type.unit)
        }
    }

    /// Calls `body` with each panel's index, the number of its outputs and their rows widened to f32.
    static func forEachPanel(
        of weight: TensorView, outputs: Int, _ pool: ComputePool,
        _ body: @Sendable (Int, Int, Matrix) -> Void
    ) {
        let columns = weight.elementCount / max(1, outputs)
        pool.forEach((outputs + width - 1) / width) { panel in
            let first = panel * width
            let count = min(width, outputs - first)
            let rows = Matrix(rows: count, columns: columns)
            weight.widen(first * columns..<(first + count) * columns, into: rows.start)
            body(panel, count, rows)
        }
    }

    var byteCount: Int { 4 * units.count }

    /// From the start of one panel to that of the next.
    var stride: Int { units.columns }

    /// The panel that begins with an output, a multiple of 64.
    func from(output: Int) -> UnsafePointer<Float> { UnsafePointer(units.row((output - first) / Self.width)) }
}

extension DType {
    /// What panels are made of without being widened before; nil for other types.
    var turnedFormat: umbel_float_format? {
        switch self {
        case .f32, .bf16, .f16: floatFormat
        default: nil
        }
    }
}
