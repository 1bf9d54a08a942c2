import Foundation
import Synchronization
import Testing
import UmbelEngine
import UmbelFormats
import UmbelModels
import UmbelTensor
import UmbelTesting

/// Pictures of the small trained pipeline, and of every adapter for it, against diffusers' own: the same seed, the same
/// latents, the same picture.
@Suite("Drawings of the small trained pipeline")
struct DrawingGoldenTests {
    struct Run: Decodable, Sendable, CustomTestStringConvertible {
        var name: String?
        let prompt: String
        let negative: String?
        let seed: UInt64
        let steps: Int
        let guidance: Double
        let scheduler: String

        var testDescription: String { name ?? prompt }

        /// As diffusers' pipeline takes it.
        var request: DrawingRequest {
            var request = DrawingRequest()
            request.prompt = prompt
            request.negativePrompt = negative ?? ""
            request.seed = seed
            request.steps = steps
            request.guidance = guidance
            request.emphasis = .none
            return request
        }
    }

    struct Index: Decodable, Sendable {
        struct Stack: Decodable, Sendable {
            let order: [Use]
            let run: Run
        }

        struct Use: Decodable, Sendable {
            let name: String
            let strength: Double

            init(from decoder: any Decoder) throws {
                var list = try decoder.unkeyedContainer()
                name = try list.decode(String.self)
                strength = try list.decode(Double.self)
            }
        }

        let runs: [Run]
        let adapter_runs: [Run]
        let stacks: [Stack]
    }

    static let index = Result { try Goldens.decode("drawing/index.json", as: Index.self) }
    static let runs = (try? index.get().runs) ?? []
    static let adapters = ModelGoldenTests.items.filter { $0.base == "shapes-sd" }

    /// What a schedule of the goldens' index is here.
    private static func schedule(_ name: String) throws -> ScheduleConfig {
        let bytes = try Data(contentsOf: URL(filePath: Goldens.path("drawing/index.json")))
        let found = try #require(try JSON(parsing: Array(bytes))["schedulers"]?[name])
        let fields = Dictionary(
            uniqueKeysWithValues: try #require(found["config"]?.members).map { ($0.name, $0.value) })
        return ScheduleConfig(className: try #require(found["class"]?.string), fields: fields)
    }

    private struct Drawn {
        let latents: [[Float]]
        let picture: DrawnPicture
    }

    private func draw(
        _ run: Run, with adapters: [(path: String, strength: Double)] = []
    ) throws -> Drawn {
        let merge = try MergeResult(base: "\(ModelGoldenTests.demo)/bases/shapes-sd", adapters: adapters)
        let parts = try DiffusionParts(DemoFolder(base: merge.base), schedule: try Self.schedule(run.scheduler))
        let networks = try parts.networks { component in
            let tensors = merge.base.weights.catalog.tensors.enumerated().filter { $0.element.component == component }
            return TensorsByName(
                Dictionary(
                    uniqueKeysWithValues: tensors.map { index, tensor in
                        (
                            tensor.name,
                            merge.touched[merge.base.weights.label(index)]?.view ?? merge.base.weights.views[index]
                        )
                    }))
        }
        let steps = Mutex<[[Float]]>([])
        let pictures = try StableDiffusion(parts.pipeline, pool: MergeResult.pool).draw(
            run.request, networks: { _ in networks },
            progress: { progress in if !progress.latents.isEmpty { steps.withLock { $0.append(progress.latents) } } })
        return Drawn(latents: steps.withLock { $0 }, picture: try #require(pictures.first))
    }

    private func numbers(_ name: String, in golden: SafetensorsFile) throws -> [Float] {
        try #require(golden.view(name)).values()
    }

    private func distance(_ a: [Float], _ b: [Float]) -> Float {
        a.count == b.count ? zip(a, b).map { abs($0 - $1) }.max() ?? 0 : .infinity
    }

    @Test("The corpus is there")
    func corpusIsComplete() throws {
        #expect(Self.runs.count == 13)
        #expect(Self.adapters.count == 28)
    }

    @Test("A picture of the base is diffusers' picture", arguments: runs)
    func base(_ run: Run) throws {
        let golden = try SafetensorsFile(path: Goldens.path("drawing/base/\(run.name ?? "").safetensors"))
        let drawn = try draw(run)
        #expect(distance(drawn.latents[0], try numbers("latents_after_step0", in: golden)) < 1e-3)
        #expect(distance(try #require(drawn.latents.last), try numbers("latents_final", in: golden)) < 1e-3)
        let expected = try numbers("image", in: golden)
        let places = drawn.picture.width * drawn.picture.height
        let levels = (0..<3 * places).map { index in
            let value = min(1, max(0, expected[index] / 2 + 0.5)) * 255
            return abs(
                value.rounded(.toNearestOrEven) - Float(drawn.picture.pixels[index % places * 3 + index / places]))
        }
        #expect(levels.max() ?? .infinity <= 1)
    }

    @Test("A picture with an adapter is diffusers' picture", arguments: adapters)
    func adapter(_ item: ModelGoldenTests.Item) throws {
        let golden = try SafetensorsFile(path: Goldens.path("drawing/adapters/\(item.adapter).safetensors"))
        for (index, run) in try Self.index.get().adapter_runs.enumerated() {
            let drawn = try draw(run, with: [(item.path, 1)])
            let expected = try numbers("run\(index).latents_final", in: golden)
            #expect(distance(try #require(drawn.latents.last), expected) < 1e-3, "run \(index)")
        }
    }

    @Test("A picture with a stack of adapters is diffusers' picture", arguments: 0..<5)
    func stack(_ index: Int) throws {
        let stack = try Self.index.get().stacks[index]
        let golden = try SafetensorsFile(path: Goldens.path("drawing/stacks/\(index).safetensors"))
        let adapters = stack.order.map { use in
            (path: "\(ModelGoldenTests.demo)/adapters/shapes-sd/\(use.name).safetensors", strength: use.strength)
        }
        let drawn = try draw(stack.run, with: adapters)
        #expect(distance(try #require(drawn.latents.last), try numbers("latents_final", in: golden)) < 1e-3)
    }
}

private struct DemoFolder: ModelFolder {
    let base: BaseModel

    func file(_ path: String) -> [UInt8]? {
        guard case .other(let file)? = base.file(path)?.content else { return nil }
        return Array(file.bytes)
    }
}
