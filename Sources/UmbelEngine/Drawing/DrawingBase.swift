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
    /// Networks by variant, the last used last.
    private let kept = Mutex<[(id: String, networks: DiffusionNetworks)]>([])

    /// How many variants' networks are kept. The layers that no adapter touches are the same in all of them.
    private static let keptVariants = 4

    /// - Throws: `ModelError` for a base of which no pictures can be made.
    init(_ base: BaseModel) throws(ModelError) {
        self.base = base
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
        let known = kept.withLock { kept -> DiffusionNetworks? in
            guard let index = kept.firstIndex(where: { $0.id == variant.id }) else { return nil }
            let entry = kept.remove(at: index)
            kept.append(entry)
            return entry.networks
        }
        if let known { return known }
        let made = try make(variant, cache)
        return kept.withLock { kept in
            kept.removeAll { $0.id == variant.id }
            kept.append((variant.id, made))
            if kept.count > Self.keptVariants { kept.removeFirst() }
            return made
        }
    }

    private func make(_ variant: Variant, _ cache: VariantCache) throws(EngineError) -> DiffusionNetworks {
        let sources: [String: any WeightSource]
        do {
            sources = try weights.sources(of: variant, cache: cache)
        } catch {
            throw .merge(error)
        }
        do {
            return try parts.networks { sources[$0] ?? weights.source($0) }
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
