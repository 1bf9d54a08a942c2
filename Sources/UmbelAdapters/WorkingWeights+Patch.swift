internal import UmbelNames
internal import UmbelTensor

extension WorkingWeights {
    /// Applies one patch of an adapter.
    ///
    /// - Throws: for a value or a decomposition that does not exist; the tensor is not named where only the view is known.
    mutating func apply(_ patch: Patch, strength: Double, pool: ComputePool) throws(MergeError) {
        guard let view = patch.view else { return }
        switch patch.change {
        case .add, .leftOut: return
        case .replace(let stored):
            guard let tensor = view.wholeTensor else {
                let replacement = stored.matrix(rows: view.rows)
                return try update(view) { (matrix) throws(MergeError) in
                    matrix.start.update(from: replacement.start, count: matrix.count)
                }
            }
            replace(tensor, stored.matrix(), shape: stored.shape)
        case .pad(let shape):
            guard let tensor = view.wholeTensor, let matrix = matrices[tensor], let old = shapes[tensor] else { return }
            replace(tensor, matrix.padded(from: old, to: shape), shape: shape)
        case .derive(let source, let transform):
            let values = gathered(source)
            try update(view) { (matrix) throws(MergeError) in
                transform.apply(to: matrix, from: values, strength: strength)
            }
        case .transform(let transform, _):
            try update(view) { (matrix) throws(MergeError) in
                try transform.apply(to: matrix, strength: strength, pool: pool)
            }
        case .combined(let change): try change.apply(to: &self, strength: strength, pool: pool)
        }
    }

    /// A copy of some of the tensors, or zeros in their place.
    func copy(of tensors: Set<Int>, zeroed: Bool) -> WorkingWeights {
        var copy = WorkingWeights()
        for tensor in tensors {
            guard let matrix = matrices[tensor], let shape = shapes[tensor] else { continue }
            let copied = zeroed ? Matrix(rows: matrix.rows, columns: matrix.columns, repeating: 0) : matrix.copy()
            copy.replace(tensor, copied, shape: shape)
        }
        return copy
    }
}

extension Matrix {
    /// The tensor of shape `old` in the corner of zeros of shape `new`.
    fileprivate func padded(from old: [Int], to new: [Int]) -> Matrix {
        let result = Matrix(rows: new.first ?? 1, columns: new.flattenedColumns, repeating: 0)
        var index = [Int](repeating: 0, count: old.count)
        for offset in 0..<count {
            var rest = offset
            for axis in old.indices.reversed() {
                index[axis] = rest % old[axis]
                rest /= old[axis]
            }
            result.start[zip(index, new).reduce(0) { $0 * $1.1 + $1.0 }] = start[offset]
        }
        return result
    }
}
