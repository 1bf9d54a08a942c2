/// What a single file is, by its tensors: the first signature that fits (names.md 2, second table).
package func recognize(tensors: [BaseTensor]) -> BaseRecognition {
    let whole = TensorNames(tensors)
    let denoiser = TensorNames(under: "model.diffusion_model.", tensors)
    for names in [denoiser, whole] {
        guard let (family, isOriginal) = Family.of(names) else { continue }
        return BaseRecognition(
            kind: isOriginal ? .singleFile : .component,
            family: family.label.map { $0(whole, names) } ?? family.name,
            edition: family.edition(names))
    }
    return BaseRecognition(kind: whole.areOfLanguageModel ? .languageModel : .singleFile)
}

/// The label of a base by its tensors: of a single file, or of a pipeline's denoiser. Nil: unnamed, and mergeable all the same.
package func family(ofTensors tensors: [BaseTensor]) -> String? {
    let folders = Set(tensors.map(\.component))
    guard let main = ["unet", "transformer", "prior"].first(where: folders.contains) else {
        return recognize(tensors: tensors).family
    }
    return recognize(tensors: tensors.filter { $0.component == main }).family
}

extension TensorNames {
    /// The names that begin with `prefix`, without it.
    init(under prefix: String, _ tensors: [BaseTensor]) {
        let names = tensors.enumerated().filter { $0.element.name.hasPrefix(prefix) }
        self.init(names.map { (String($0.element.name.dropFirst(prefix.utf8.count)), $0.offset) }, in: tensors)
    }

    /// Whether layers lie where Hugging Face's language models and encoders have them.
    var areOfLanguageModel: Bool {
        [
            "model.layers.0.", "layers.0.", "transformer.h.0.", "h.0.", "bert.", "encoder.layer.0.",
            "gpt_neox.layers.0.",
            "encoder.block.0.layer.0.", "language_model.model.layers.0.", "model.language_model.layers.0.",
        ].contains(where: contains(prefix:))
    }
}
