/// The few facts in a base's JSON files that say what it is. Decoded elsewhere.
package struct BaseFacts: Hashable, Sendable {
    /// `peft_type` of `adapter_config.json`; set if that file is there and has one.
    package var adapterType: String?
    /// Components of `model_index.json`, with library and class; set if that file is there. Leave out `null` entries.
    package var pipeline: [PipelineEntry]?
    /// `_class_name` of `config.json`.
    package var className: String?
    /// `architectures` of `config.json`.
    package var architectures: [String]
    /// `model_type` of `config.json`.
    package var modelType: String?

    package init(
        adapterType: String? = nil, pipeline: [PipelineEntry]? = nil, className: String? = nil,
        architectures: [String] = [], modelType: String? = nil
    ) {
        self.adapterType = adapterType
        self.pipeline = pipeline
        self.className = className
        self.architectures = architectures
        self.modelType = modelType
    }

    package struct PipelineEntry: Hashable, Sendable {
        package let folder: String
        package let className: String

        package init(folder: String, className: String) {
            self.folder = folder
            self.className = className
        }
    }
}

/// What lies in a folder (names.md 2, first table), in the order given there.
///
/// - Parameters:
///   - files: paths relative to the base.
///   - variant: "fp16" and the like, if the user asked for one. Without that, a variant is used only where nothing else is.
package func recognize(
    files: [String], facts: BaseFacts, variant: String? = nil
) throws(RecognitionError) -> BaseRecognition {
    if let type = facts.adapterType { throw .adapter(type: type) }
    let choice = WeightChoice(files: files, variant: variant)
    if let pipeline = facts.pipeline {
        var components: [BaseComponent] = []
        // A scheduler or tokenizer has no weights and passes through.
        for entry in pipeline.sorted(by: { $0.folder < $1.folder }) {
            guard let weights = try choice.weights(in: entry.folder) else { continue }
            components.append(BaseComponent(folder: entry.folder, className: entry.className, weights: weights))
        }
        if components.isEmpty { throw .noWeights }
        return BaseRecognition(kind: .pipeline, components: components)
    }
    if facts.className != nil || facts.modelType != nil || !facts.architectures.isEmpty {
        guard let weights = try choice.weights(in: "") else { throw .noWeights }
        let name = facts.className ?? facts.architectures.first
        return BaseRecognition(
            kind: facts.className == nil ? .languageModel : .component,
            components: [BaseComponent(folder: "", className: name, weights: weights)])
    }
    let single = files.filter { $0.hasSuffix(".safetensors") && !$0.utf8.contains(UInt8(ascii: "/")) }.sorted()
    if single.count > 1 { throw .severalFiles(single) }
    guard let file = single.first else { throw choice.refusal(in: "") }
    return BaseRecognition(
        kind: .singleFile, components: [BaseComponent(folder: "", className: nil, weights: .file(file))])
}
