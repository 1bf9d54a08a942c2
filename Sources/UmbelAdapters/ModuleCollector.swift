internal import UmbelTensor

/// Groups the tensors of an adapter file by module, then finds the algorithm of each.
struct ModuleCollector {
    private(set) var shared: [String: TensorView] = [:]
    private(set) var sharedKeys: [String] = []
    private(set) var unknownKeys: [String] = []
    /// The tensors of each bundled embedding, by its name.
    private var bundles: [String: [(key: String, view: TensorView)]] = [:]
    /// Those of the embedding that the file is.
    private var own: [(key: String, view: TensorView)] = []
    private let isEmbedding: Bool
    private var modules: [String: ModuleFactors] = [:]
    private var order: [String] = []
    private var ignored: [String] = []
    private var residuals: [String] = []
    private var typeCounts: [DType: Int] = [:]

    /// Tensors of the whole model in PEFT files, by the last part of their name.
    private static let sharedNames: Set = ["vera_A", "vera_B", "vblora_vector_bank", "randlora_A", "randlora_B"]

    /// The sparse residual that LyCORIS' extraction tool stores and no consumer reads.
    private static let residualSuffixes = [".bias_indices", ".bias_values", ".bias_size"]

    /// - Parameter isEmbedding: the file is one embedding, and its tensors belong to no modules.
    init(isEmbedding: Bool = false) {
        self.isEmbedding = isEmbedding
    }

    /// The embedding that the file is, or those that it bundles, in the order of their names.
    var embeddings: [Adapter.Embedding] {
        if !own.isEmpty { return [Adapter.Embedding(name: nil, tensors: own)].compactMap(\.self) }
        return bundles.sorted { $0.key < $1.key }.compactMap { Adapter.Embedding(name: $0.key, tensors: $0.value) }
    }

    /// Keys of bundled embeddings that are none.
    var strangeBundles: [String] {
        let strange = bundles.filter { Adapter.Embedding(name: $0.key, tensors: $0.value) == nil }
        return strange.flatMap { name, tensors in
            tensors.map { Adapter.Embedding.bundlePrefix + ($0.key.isEmpty ? name : "\(name).\($0.key)") }
        }.sorted()
    }

    /// A tensor with what can be said of it without the others.
    struct Reading: Sendable {
        let key: String
        let view: TensorView
        let split: AdapterKey
        /// The first element that is NaN or infinite.
        let nonFinite: Int?

        init(key: String, view: TensorView) {
            self.key = key
            self.view = view
            split = AdapterKey(key)
            nonFinite = view.firstNonFinite()
        }
    }

    mutating func add(_ reading: Reading) throws(AdapterError) {
        let (key, view, split) = (reading.key, reading.view, reading.split)
        if isEmbedding {
            typeCounts[view.dtype, default: 0] += 1
            return own.append((key, view))
        }
        if let (name, key) = Adapter.Embedding.bundled(key) { return bundles[name, default: []].append((key, view)) }
        if Self.residualSuffixes.contains(where: key.hasSuffix) { return residuals.append(key) }
        // What a live PEFT model keeps of the layer it replaced is the base's own.
        if key.holds(".original_module.") { return ignored.append(key) }
        if let index = reading.nonFinite { throw .module(.nonFinite(key: key, index: index)) }
        typeCounts[view.dtype, default: 0] += view.dtype.isFloat ? 1 : 0
        let last = key.utf8.lastIndex(of: UInt8(ascii: ".")).map { String(key[key.index(after: $0)...]) } ?? key
        if Self.sharedNames.contains(last) {
            shared[last] = view
            sharedKeys.append(key)
            return
        }
        guard let role = split.role else { return unknownKeys.append(key) }
        if modules[split.stem] == nil { order.append(split.stem) }
        guard modules[split.stem, default: ModuleFactors(stem: split.stem)].add(role, key: key, view) else {
            throw .duplicateRole(module: split.stem, keys: [modules[split.stem]?.key(role) ?? key, key])
        }
    }

    var mostFrequentType: DType {
        typeCounts.max { ($0.value, $0.key.rawValue) < ($1.value, $1.key.rawValue) }?.key ?? .f32
    }

    var notes: [AdapterNote] {
        var notes: [AdapterNote] = []
        if !ignored.isEmpty { notes.append(AdapterNote(.keyIgnored, "copies of the base's own layers", keys: ignored)) }
        if !residuals.isEmpty {
            notes.append(
                AdapterNote(.residualNotApplied, "the sparse residual of an extraction is not applied", keys: residuals)
            )
        }
        if !bundles.isEmpty {
            let names = bundles.keys.sorted()
            notes.append(AdapterNote(.bundledEmbeddings, "\(names.count) bundled embeddings", keys: names))
        }
        return notes
    }

    /// The modules with their algorithms, and the keys that no algorithm of their module owns.
    func sorted(
        in context: AdapterContext
    ) throws(AdapterError) -> (modules: [Adapter.Module], unknownKeys: [String], notes: [AdapterNote]) {
        var result: [Adapter.Module] = []
        var unknown: [String] = []
        var idleAlphas: [String] = []
        // A module of which even the suffix is unknown is one of an unknown algorithm, if it has nothing else.
        let foreign = Dictionary(grouping: unknownKeys) { AdapterKey($0).stem }
        for (stem, keys) in foreign.sorted(by: { $0.key < $1.key }) where stem != keys.first && modules[stem] == nil {
            throw .module(.unknownAlgorithm(module: stem, keys: keys))
        }
        for stem in order {
            guard let module = modules[stem] else { continue }
            guard let algorithm = AlgorithmList.all.first(where: { $0.claims(module, in: context) }) else {
                throw .module(.unknownAlgorithm(module: stem, keys: module.allKeys))
            }
            let leftOver = module.removing(algorithm.roles.map(\.role) + companions(of: module, context))
            let keys = leftOver.allKeys
            if !keys.isEmpty, let other = AlgorithmList.all.first(where: { $0.claims(leftOver, in: context) }) {
                throw .module(.twoFamilies(module: stem, algorithms: [algorithm.name, other.name]))
            }
            // Some tools write an alpha for every module, whether its algorithm has a scale or not.
            let idle = leftOver.has(.alpha) ? [leftOver.key(.alpha)] : []
            idleAlphas += idle
            unknown += keys.filter { !idle.contains($0) }
            result.append(Adapter.Module(factors: module, algorithm: algorithm))
        }
        let notes =
            idleAlphas.isEmpty
            ? [] : [AdapterNote(.keyIgnored, "an alpha that its module's algorithm does not have", keys: idleAlphas)]
        return (result, unknown, notes)
    }

    /// Roles that may stand beside any algorithm's in a PEFT file.
    private func companions(of module: ModuleFactors, _ context: AdapterContext) -> [Role] {
        context.isPEFT(module) ? (WholeTensor.roles + TrainableTokens.roles).map(\.role) : []
    }
}
