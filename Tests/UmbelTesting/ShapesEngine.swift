import UmbelEngine
import UmbelPOSIX
import UmbelRegistry

/// An engine with the small trained pipeline as `shapes`, and the painter that draws with it.
package final class ShapesEngine: Sendable {
    package let engine: Engine
    package let painter: PipelinePainter
    private let folder: TemporaryFolder

    /// Where the pipeline and its adapters are.
    package static let demo = Goldens.folder.replacing("Tests/Goldens", with: "demo")

    package init() throws {
        folder = try TemporaryFolder()
        let store = try AdapterStore(folder: folder.path + "/data")
        let base = try BaseModel(name: "shapes", path: "\(Self.demo)/bases/shapes-sd")
        engine = Engine(
            bases: [base], adapters: store, traffic: try TrafficTable(store), cacheBytes: 1 << 28,
            pool: MergeResult.pool)
        painter = PipelinePainter(bases: [base], cache: engine.cache, pool: engine.pool)
    }

    /// Stores an adapter of the demo, or points the name to it.
    package func put(_ adapter: String, as name: String) throws {
        let path = "\(Self.demo)/adapters/shapes-sd/\(adapter).safetensors"
        let upload = try engine.upload(tensors: FileDescriptor.read(path), config: nil)
        _ = try engine.add(upload, as: name, options: AdapterOptions()) { (_) throws(EngineError) in }
    }

    package func remove(_ name: String) throws { try engine.remove(name) { (_) throws(EngineError) in } }

    /// Points a route with one arm to a model.
    package func point(_ route: String, to model: String) throws {
        let arms = [TrafficRoute.Arm(name: "only", model: model, weight: 1)]
        let content = try TrafficRoute(arms: arms)
        _ = try engine.putRoute(route, content, warm: true) { (_) throws(EngineError) in }
    }
}
