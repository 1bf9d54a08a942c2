extension TensorNames {
    /// Weights that are stored as small numbers with scales in tensors of their own (names.md 13). Decided per tensor: the
    /// norms and embeddings of the same model are usually plain.
    ///
    /// GPTQ and AWQ have no `weight` at all (`qweight`), so their layers are no modules in the first place.
    var quantizedWeights: [Int] {
        index.compactMap { name, tensor in
            guard name.hasSuffix(".weight") else { return nil }
            let module = name.dropLast("weight".utf8.count)
            let scales = ["weight_scale_inv", "weight_scale", "weight.absmax", "SCB", "scale_weight"]
            return scales.contains { contains(module + $0) } ? tensor : nil
        }
    }
}
