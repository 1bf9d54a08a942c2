internal import Synchronization
internal import UmbelFormats
internal import UmbelModels
internal import UmbelPOSIX

/// A base that draws: its pipeline, and the networks of the variants that drew last.
final class DrawingBase: Sendable {
    let base: BaseModel
    let pipeline: DiffusionPipeline
    private let weights: ComponentWeights
    private let parts: DiffusionParts
    private let computeType: ComputeType
    private let kept = Mutex(KeptNetworks())

    /// - Throws: `ModelError` for a base of which no pictures can be made.
    init(_ base: BaseModel, _ computeType: ComputeType) throws(ModelError) {
        self.base = base
        self.computeType = computeType
        weights = ComponentWeights(base)
        if let file = weights.file {
            parts = try DiffusionParts(file, beside: CompanionFiles(base))
        } else {
            parts = try DiffusionParts(FolderOfBase(base))
        }
        pipeline = parts.pipeline
    }

    /// The networks of a variant of the base.
    func networks(of variant: Variant, cache: VariantCache) throws(EngineError) -> DiffusionNetworks {
        if let known = kept.withLock({ $0.use(variant.id) }) { return known }
        let (made, layers) = try make(variant, cache)
        return kept.withLock { kept in
            if let known = kept.use(variant.id) { return known }
            kept.insert(variant.id, made, layers: layers)
            return made
        }
    }

    /// Lets networks of variants go that were not used for longest, until their own layers take no more than `bytes`.
    func trim(to bytes: Int) { kept.withLock { $0.trim(to: bytes) } }

    func forget(variant id: String) { kept.withLock { $0.remove(id) } }

    var memory: LayerMemory {
        LayerMemory(base: base.name, shared: weights.packedBytes, variants: kept.withLock { $0.variants })
    }

    /// - Returns: the networks, and the layers that the variant has for itself.
    private func make(
        _ variant: Variant, _ cache: VariantCache
    ) throws(EngineError) -> (networks: DiffusionNetworks, layers: [LayerCache]) {
        let made: (sources: [String: any WeightSource], layers: [LayerCache])
        do {
            made = try weights.sources(of: variant, cache: cache)
        } catch {
            throw .merge(error)
        }
        do {
            let networks = try parts.networks(textWeights: TextWeights.name(of: variant), computeType: computeType) {
                made.sources[$0] ?? weights.source($0)
            }
            return (networks, made.layers)
        } catch {
            throw .cannotDraw(base: base.name, error)
        }
    }
}

/// The files of a base that are no weights.
struct FolderOfBase: ModelFolder {
    private let base: BaseModel

    init(_ base: BaseModel) {
        self.base = base
    }

    func file(_ path: String) -> [UInt8]? {
        guard case .other(let file)? = base.file(path)?.content else { return nil }
        return Array(file.bytes)
    }
}
