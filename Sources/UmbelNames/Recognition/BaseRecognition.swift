/// How the files of a base lie (names.md 2).
package enum BaseKind: Hashable, Sendable {
    /// A diffusers pipeline: `model_index.json` and a folder per component.
    case pipeline
    /// One diffusers component.
    case component
    /// A Hugging Face model: language model, encoder.
    case languageModel
    /// One file with everything in it.
    case singleFile
}

/// What a base is.
package struct BaseRecognition: Hashable, Sendable {
    package let kind: BaseKind
    /// "sd15", "flux", …; nil if the base has no name. A label for people; nothing is decided by it.
    package var family: String?
    /// Which of the family ("schnell", "inpainting"), where the tensors show it.
    package var edition: String?
    /// The parts that have weights. Everything else passes through untouched.
    package var components: [BaseComponent]

    package init(
        kind: BaseKind, family: String? = nil, edition: String? = nil, components: [BaseComponent] = []
    ) {
        self.kind = kind
        self.family = family
        self.edition = edition
        self.components = components
    }
}

/// A folder with weights; the base itself if `folder` is empty.
package struct BaseComponent: Hashable, Sendable {
    package let folder: String
    /// "UNet2DConditionModel", where the configuration says.
    package let className: String?
    package let weights: WeightFiles

    package init(folder: String, className: String?, weights: WeightFiles) {
        self.folder = folder
        self.className = className
        self.weights = weights
    }
}

/// Where a component's tensors are. Paths are relative to the base.
package enum WeightFiles: Hashable, Sendable {
    case file(String)
    /// The index file; its `weight_map` is authoritative.
    case sharded(index: String)
}

/// Why something is not a base that can be merged into.
package enum RecognitionError: Error, Hashable, Sendable {
    /// `adapter_config.json` lies there: an adapter, of this type.
    case adapter(type: String)
    /// Weights only in formats that run code when they are read.
    case unsafeWeights([String])
    /// Several single files; the user has to choose.
    case severalFiles([String])
    /// Shards without an index.
    case indexMissing([String])
    /// No weights at all.
    case noWeights
}
