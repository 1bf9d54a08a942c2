import UmbelAdapters
import UmbelFormats
import UmbelNames
import UmbelTensor

/// A base model in memory, as far as these tests need one: its tensors, and targets found by name alone.
struct TinyBase {
    private(set) var names: [String] = []
    private(set) var shapes: [[Int]] = []
    private(set) var values: [Matrix] = []
    private var positions: [String: Int] = [:]
    private let isConv1D: Bool

    init(_ golden: GoldenCase) throws {
        let file = try SafetensorsFile(path: "\(golden.baseFolder)/model.safetensors")
        isConv1D = golden.base == "gpt2"
        for entry in file.index.entries {
            positions[entry.name] = names.count
            names.append(entry.name)
            shapes.append(entry.shape)
            values.append(file.view(entry).matrix())
        }
    }

    subscript(name: String) -> Matrix? { positions[name].map { values[$0] } }

    /// The target of a PEFT module path.
    func target(_ module: String) -> Target {
        let isTransposed = isConv1D && ["c_attn", "c_proj", "c_fc"].contains { module.hasSuffix($0) }
        return Target(
            component: "", module: module, weight: view("\(module).weight", transposed: isTransposed),
            bias: view("\(module).bias"))
    }

    private func view(_ name: String, transposed: Bool = false) -> TargetView? {
        guard let position = positions[name] else { return nil }
        var piece = Piece(tensor: position)
        piece.transposed = transposed
        return TargetView(pieces: [piece], shape: transposed ? shapes[position].reversed() : shapes[position])
    }

    /// The weights of the experts of one parameter, stacked in one tensor or as a tensor each.
    func experts(_ module: String, parameter: String) -> [TargetView] {
        if let position = positions["\(module).\(parameter)"] {
            let shape = shapes[position]
            return (0..<shape[0]).map { expert in
                var piece = Piece(tensor: position)
                piece.leadingAxes = 2
                piece.slab = expert * shape[1]..<(expert + 1) * shape[1]
                return TargetView(pieces: [piece], shape: [shape[1], shape[2]])
            }
        }
        let parts = parameter == "gate_up_proj" ? ["gate_proj", "up_proj"] : [parameter]
        var views: [TargetView] = []
        while true {
            let pieces = parts.compactMap { positions["\(module).\(views.count).\($0).weight"] }
            guard pieces.count == parts.count, let first = pieces.first else { return views }
            views.append(
                TargetView(
                    pieces: pieces.map { Piece(tensor: $0) },
                    shape: [pieces.reduce(0) { $0 + shapes[$1][0] }, shapes[first][1]]))
        }
    }

    /// The view as a matrix of its own.
    func gather(_ view: TargetView) -> Matrix {
        let result = Matrix(rows: view.rows, columns: view.columns)
        var row = 0
        for piece in view.pieces {
            let part = part(piece)
            result.row(row).update(from: part.start, count: part.count)
            row += part.rows
        }
        return result
    }

    mutating func scatter(_ matrix: Matrix, _ view: TargetView) {
        var row = 0
        for piece in view.pieces {
            var part = part(piece)
            part.start.update(from: matrix.row(row), count: part.count)
            row += part.rows
            if piece.transposed { part = part.transposed() }
            let whole = values[piece.tensor].copy()
            whole.start.update(from: values[piece.tensor].start, count: whole.count)
            let offset = (piece.slab?.lowerBound ?? 0) * part.columns
            (whole.start + offset).update(from: part.start, count: part.count)
            values[piece.tensor] = whole
        }
    }

    mutating func replace(_ view: TargetView, _ tensor: TensorView) {
        guard let piece = view.pieces.first else { return }
        values[piece.tensor] = tensor.matrix()
        shapes[piece.tensor] = tensor.shape
    }

    private func part(_ piece: Piece) -> Matrix {
        let shape = shapes[piece.tensor]
        let rows = shape.prefix(piece.leadingAxes).reduce(1, *)
        let columns = shape.dropFirst(piece.leadingAxes).reduce(1, *)
        let slab = piece.slab ?? 0..<rows
        let part = Matrix(rows: slab.count, columns: columns)
        part.start.update(from: values[piece.tensor].start + slab.lowerBound * columns, count: part.count)
        return piece.transposed ? part.transposed() : part
    }
}
