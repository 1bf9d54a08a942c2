internal import UmbelAdapters
internal import UmbelTensor

/// Tells variants whose text encoders have the same weights: one that changes the U-Net alone encodes texts as its base does.
enum TextWeights {
    /// Equal for two variants only if their text encoders are the same to the bit; nil if there are no words for what a recipe
    /// does to them.
    static func name(of variant: Variant) -> String? {
        let model = variant.model
        // The tensors of a single file are of one component, whatever they are for.
        let changes = model.plan.changes { $0.isEmpty || $0.hasPrefix("text_encoder") }
        guard let changes else { return nil }
        return (["\(model.base.name) \(model.dtype?.rawValue ?? "as it is")"] + changes).joined(separator: "\n")
    }
}
