internal import Synchronization
package import UmbelModels
package import UmbelTensor

/// Draws with the pipelines of the bases. A pipeline is read when it is first asked for; its layers are packed once,
/// and those that an adapter changes while they compute.
package final class PipelinePainter: Painter {
    private let bases: [BaseModel]
    private let cache: VariantCache
    private let pool: ComputePool
    private let settings: PainterSettings
    /// Enough for a step of SDXL at 1024 × 1024.
    private static let activationBytes = 1 << 30
    private let opened = Mutex<[String: Result<DrawingBase, ModelError>]>([:])

    package init(
        bases: [BaseModel], cache: VariantCache, pool: ComputePool, settings: PainterSettings = PainterSettings()
    ) {
        self.settings = settings
        self.bases = bases
        self.cache = cache
        self.pool = pool
    }

    package func canDraw(_ base: String) -> Bool {
        if case .success? = try? opening(base) { true } else { false }
    }

    package func refusal(of base: String) -> ModelError? {
        if case .failure(let error)? = try? opening(base) { error } else { nil }
    }

    package func draw(
        _ request: DrawingRequest, with model: SteppedModel, sharing share: DrawingShare,
        checkpoint: @escaping DrawingWatch.Checkpoint, progress: @escaping DrawingWatch.Progress
    ) throws(EngineError) -> [DrawnPicture] {
        let name = model.first.model.base.name
        let base: DrawingBase
        switch try opening(name) {
        case .success(let found): base = found
        case .failure(let error): throw .cannotDraw(base: name, error)
        }
        var networks: [DiffusionNetworks] = []
        for stage in model.stages { networks.append(try base.networks(of: stage.variant, cache: cache)) }
        defer { trim() }
        let drawer = StableDiffusion(base.pipeline, pool: pool, autoencoderBytes: settings.autoencoderBytes)
        // What a step's activations leave is the memory of the next.
        let memory = ActivationMemory(Self.activationBytes)
        defer { withExtendedLifetime(memory) {} }
        do {
            return try drawer.draw(
                request, embeddings: model.words.embeddings,
                networks: { (done) throws(ModelError) in
                    networks[model.stages.lastIndex { $0.from <= done } ?? 0]
                }, sharing: share, checkpoint: checkpoint, progress: progress)
        } catch {
            throw .drawing(error)
        }
    }

    package var memory: [LayerMemory] { drawing.map(\.memory).sorted { $0.base < $1.base } }

    package func forget(variant id: String) {
        for base in drawing { base.forget(variant: id) }
    }

    /// The bases that have drawn, or were asked whether they can.
    private var drawing: [DrawingBase] {
        opened.withLock { Array($0.values) }.compactMap { if case .success(let base) = $0 { base } else { nil } }
    }

    /// Bounds what variants keep, in equal parts for each base of which variants are kept.
    private func trim() {
        let bases = drawing.filter { !$0.memory.variants.isEmpty }
        for base in bases { base.trim(to: settings.layerBytes / bases.count) }
    }

    private func opening(_ name: String) throws(EngineError) -> Result<DrawingBase, ModelError> {
        if let known = opened.withLock({ $0[name] }) { return known }
        guard let base = bases.first(where: { $0.name == name }) else { throw .unknownBase(name) }
        let result: Result<DrawingBase, ModelError>
        do throws(ModelError) {
            result = .success(try DrawingBase(base, settings.computeType))
        } catch {
            result = .failure(error)
        }
        opened.withLock { $0[name] = $0[name] ?? result }
        return result
    }
}
