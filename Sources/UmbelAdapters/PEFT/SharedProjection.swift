internal import UmbelTensor

/// Frozen matrices that all modules of a model cut their own part from.
extension TensorView {
    /// The first rows and columns of a matrix; nil if it has fewer.
    func leading(rows: Int, columns: Int) -> Matrix? {
        guard shape.count == 2, dtype.isFloat, shape[0] >= rows, shape[1] >= columns else { return nil }
        let part = Matrix(rows: rows, columns: columns)
        for row in 0..<rows { widen(row * shape[1]..<row * shape[1] + columns, into: part.row(row)) }
        return part
    }
}

extension AdapterContext {
    /// A whole-model tensor, of which some files repeat a copy under the module.
    func requireShared(_ name: String, _ module: ModuleFactors, _ copy: Role? = nil) throws(ModuleError) -> TensorView {
        if let copy, let own = try module.optional(copy) { return own }
        guard let view = shared[name] else { throw .missingFactor(module: module.stem, key: name) }
        guard view.dtype.isFloat else { throw .unsupportedDType(key: name, dtype: view.dtype) }
        guard view.elementCount > 0 else { throw .emptyTensor(key: name, shape: view.shape) }
        return view
    }
}
