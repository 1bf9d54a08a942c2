package import UmbelNames
package import UmbelTensor

/// A part of a single-file checkpoint, by the names and in the shapes of diffusers and transformers.
///
/// It lies above whatever has the file's own tensors, merged ones included, and keeps nothing but names: rows of a fused
/// tensor are looked at where they are, and only what is turned over is copied.
package struct RenamedWeights: WeightSource {
    private let source: any WeightSource
    /// The file's tensors, by the numbers that the table has for them.
    private let files: [String]
    private let views: [String: TargetView]

    /// - Parameters:
    ///   - names: the file's tensors, in the order of the table's catalog.
    ///   - component: the part, as a pipeline's folder would be called.
    package init(_ source: any WeightSource, names: [String], _ table: NameTable, component: String) {
        self.source = source
        files = names
        var views: [String: TargetView] = [:]
        for module in table.modules(of: component) {
            let path = module.module.isEmpty ? "" : module.module + "."
            if let weight = module.weight { views[path + "weight"] = weight }
            if let bias = module.bias { views[path + "bias"] = bias }
        }
        self.views = views
    }

    package var names: [String] { Array(views.keys) }

    package func tensor(_ name: String) -> TensorView? {
        // None of the families that are drawn with needs several pieces for a canonical tensor.
        guard let view = views[name], view.pieces.count == 1, let piece = view.pieces.first,
            let stored = source.tensor(files[piece.tensor])
        else { return nil }
        return stored.piece(piece, shape: view.shape)
    }

    package func layer<Layer: PackedLayer>(
        of tensors: [String], kind: String, _ make: (Packing) throws(ModelError) -> Layer
    ) throws(ModelError) -> Layer {
        let stored = tensors.map { name in
            views[name].flatMap(\.pieces.first).map { files[$0.tensor] } ?? name
        }
        // Several layers may be made of the same stored tensor.
        return try source.layer(of: stored, kind: kind + " as " + tensors.joined(separator: ", "), make)
    }

    /// What the file calls a tensor; nil for one that it does not have.
    package func storedName(_ name: String) -> String? {
        views[name].flatMap(\.pieces.first).map { files[$0.tensor] }
    }
}

extension TensorView {
    /// A part of this tensor; nil where the part is none of it.
    fileprivate func piece(_ piece: Piece, shape: [Int]) -> TensorView? {
        guard piece.leadingAxes == 1, piece.slab == nil, !piece.halvesSwapped else { return nil }
        guard let turned = piece.transposed ? transposed() : self else { return nil }
        let range = piece.rows ?? 0..<(turned.shape.first ?? 1)
        guard range.upperBound <= turned.shape.first ?? 0 else { return nil }
        let part = turned.rows(range)
        return part.shape == shape ? part : nil
    }

    /// A copy with the two axes exchanged, in f32; nil for what has not two axes of floating-point numbers.
    private func transposed() -> TensorView? {
        guard shape.count == 2, dtype.isFloat else { return nil }
        let copy = matrix().transposed()
        let bytes = UnsafeRawBufferPointer(start: copy.start, count: copy.count * MemoryLayout<Float>.stride)
        return TensorView(dtype: .f32, shape: [copy.rows, copy.columns], bytes: bytes, owner: copy)
    }
}
