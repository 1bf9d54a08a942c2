package import UmbelFormats
internal import UmbelNames
package import UmbelTensor

/// A parsed adapter file: its modules by algorithm and its embeddings, with every key accounted for. Knows no base.
package struct Adapter: Sendable {
    /// Whose naming and settings the file follows.
    package enum Format: String, Sendable {
        case lycoris, kohya, peft, diffusers
        /// Words for prompts, and no weights.
        case textualInversion = "textual_inversion"
    }

    package struct Module: Sendable {
        package let factors: ModuleFactors
        package let algorithm: any Algorithm.Type
    }

    package let format: Format
    /// In the order of their first key in the file.
    package let modules: [Module]
    /// Keys that no algorithm owns.
    package let unknownKeys: [String]
    /// What was noticed and does not keep the file from being merged.
    package let notes: [AdapterNote]
    package let context: AdapterContext
    package let metadata: [(name: String, value: String)]
    /// Textual inversions: those that are bundled with the adapter, in the order of their names, or the one that the file is.
    package let embeddings: [Embedding]
    /// The type of most of the factors.
    package let dtype: DType

    /// Reads the modules of a file.
    ///
    /// - Parameters:
    ///   - config: PEFT's settings from the file beside it.
    ///   - pool: where the numbers are looked through; nil for the calling thread alone.
    /// - Throws: for a file without any tensor, for a fault in a tensor (NaN, a type without meaning here), for a module
    ///   of no known algorithm or of two.
    package init(
        file: SafetensorsFile, config: PEFTConfig? = nil, pool: ComputePool? = nil
    ) throws(AdapterError) {
        try self.init(file: file, config: config, readings: TensorReadings(of: file, pool ?? ComputePool(threads: 1)))
    }

    /// The same for a file whose tensors have been read.
    package init(
        file: SafetensorsFile, config: PEFTConfig? = nil, readings: TensorReadings
    ) throws(AdapterError) {
        guard !file.index.entries.isEmpty else { throw .noTensors }
        let isEmbedding = config == nil && Embedding.order(file.index.entries.map(\.name)) != nil
        var collector = ModuleCollector(isEmbedding: isEmbedding)
        for entry in readings.values { try collector.add(entry) }
        let metadata = file.index.metadata ?? []
        context = try Self.context(config: config, metadata: metadata, shared: collector.shared)
        let sorted = try collector.sorted(in: context)
        modules = sorted.modules
        unknownKeys =
            collector.unknownKeys + collector.strangeBundles + sorted.unknownKeys
            + Self.unusedShared(collector.sharedKeys, sorted.modules)
        notes = collector.notes + sorted.notes + Self.scaleNotes(modules, context)
        embeddings = collector.embeddings
        self.metadata = metadata
        let holdsWords = modules.isEmpty && unknownKeys.isEmpty && !embeddings.isEmpty
        format = holdsWords ? .textualInversion : Self.format(modules, config: config, metadata: metadata)
        dtype = collector.mostFrequentType
    }

    /// Tensors of the whole model that no module of the file makes use of.
    private static func unusedShared(_ keys: [String], _ modules: [Module]) -> [String] {
        let users = [VeRA.name, VBLoRA.name, RandLoRA.name]
        return modules.contains { users.contains($0.algorithm.name) } ? [] : keys
    }

    /// Axes of the file's DoRA magnitudes, as far as their shapes tell without a base.
    package var doraAxes: Set<DoRA.Axis> {
        var axes: Set<DoRA.Axis> = []
        for module in modules {
            if module.factors.has(.magnitude) { axes.insert(.output) }
            guard let shape = module.factors[.doraScale]?.shape else { continue }
            axes.insert(shape.count > 1 && shape[0] == 1 && shape[1] != 1 ? .input : .output)
        }
        return axes
    }

    /// The first fault that no base could heal: a factor that is missing, ranks that disagree.
    ///
    /// Algorithms check a module against a target; this one has a weight of one element, and what they say of its shape
    /// is not listened to.
    package func structuralError() -> ModuleError? {
        let view = TargetView(pieces: [Piece(tensor: 0)], shape: [1, 1])
        let bias = TargetView(pieces: [Piece(tensor: 1)], shape: [1])
        let target = Target(component: "", module: "", weight: view, bias: bias)
        for module in modules {
            do {
                _ = try module.algorithm.patches(for: module.factors, on: target, in: context)
            } catch {
                if error.isStructural { return error }
            }
        }
        return nil
    }

    private static func context(
        config: PEFTConfig?, metadata: [(name: String, value: String)], shared: [String: TensorView]
    ) throws(AdapterError) -> AdapterContext {
        var context = AdapterContext()
        context.peft = config
        context.shared = shared
        context.metadata = Dictionary(metadata.map { ($0.name, $0.value) }, uniquingKeysWith: { first, _ in first })
        if config == nil, let text = context.metadata["lora_adapter_metadata"] {
            do {
                context.componentConfigs = try PEFTConfig.components(header: text)
            } catch {
                throw .config(error)
            }
        }
        return context
    }

    private static func format(
        _ modules: [Module], config: PEFTConfig?, metadata: [(name: String, value: String)]
    ) -> Format {
        let stems = modules.map(\.factors.stem)
        let writer = metadata.first { $0.name == "ss_network_module" }?.value ?? ""
        if config != nil || stems.contains(where: { $0.hasPrefix("base_model.model.") }) { return .peft }
        let isMangled = stems.contains { !$0.contains(".") }
        guard isMangled else { return .diffusers }
        let plain: Set = ["lora"]
        if stems.contains(where: { $0.hasPrefix("lycoris_") }) || writer.hasPrefix("lycoris") { return .lycoris }
        return modules.allSatisfy { plain.contains($0.algorithm.name) } ? .kohya : .lycoris
    }

    /// A pair without alpha and settings is read as alpha = rank, which may not be what it was trained with.
    private static func scaleNotes(_ modules: [Module], _ context: AdapterContext) -> [AdapterNote] {
        let guessed = modules.filter { module in
            module.algorithm.roles.contains { $0.role == .alpha } && module.algorithm.rank(of: module.factors) != nil
                && !module.factors.has(.alpha) && context.config(for: module.factors.stem) == nil
        }
        guard !guessed.isEmpty else { return [] }
        return [AdapterNote(.scaleGuessed, keys: guessed.map(\.factors.stem))]
    }
}

/// Why a file is no adapter that can be merged into anything.
package enum AdapterError: Error, Hashable, Sendable {
    case noTensors
    case config(PEFTConfigError)
    case module(ModuleError)
    case duplicateRole(module: String, keys: [String])
}
