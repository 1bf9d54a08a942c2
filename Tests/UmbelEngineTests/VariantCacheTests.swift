import Dispatch
import Foundation
import Synchronization
import Testing
import UmbelAdapters
import UmbelEngine
import UmbelTensor
import UmbelTesting

@Suite("The cache of merged tensors")
struct VariantCacheTests {
    /// A service's engine on the small Llama, with one adapter under two names.
    private func engine(cacheBytes: Int) throws -> Engine {
        let root = URL(filePath: Goldens.folder).deletingLastPathComponent().deletingLastPathComponent()
        let base = try BaseModel(name: "stories", path: root.appending(path: "demo/bases/stories-llama").path)
        let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString).path
        let engine = Engine(
            bases: [base], adapters: try AdapterStore(folder: folder), cacheBytes: cacheBytes, pool: MergeResult.pool)
        let file = root.appending(path: "demo/adapters/stories-llama/lycoris-loha-robot.safetensors")
        let upload = try engine.adapters.beginUpload()
        try Data(contentsOf: file).withUnsafeBytes { try upload.write($0) }
        try upload.finish()
        _ = try engine.add(upload, as: "robot", options: AdapterOptions()) { _ in }
        return engine
    }

    @Test("A tensor is built once, however many ask for it at the same time")
    func buildsOnce() throws {
        let engine = try engine(cacheBytes: 1 << 28)
        let variant = try engine.variant("stories+robot:0.5")
        for tensor in variant.model.plan.touched {
            let seen = Mutex<[MergedTensor]>([])
            DispatchQueue.concurrentPerform(iterations: 8) { _ in
                guard let merged = try? engine.cache.mergedTensor(tensor, of: variant) else { return }
                seen.withLock { $0.append(merged) }
            }
            // The tensors are held until here, so that equal identities mean one object.
            let all = seen.withLock { $0 }
            #expect(all.count == 8)
            #expect(Set(all.map(ObjectIdentifier.init)).count == 1)
        }
        #expect(engine.cache.bytes == variant.mergedBytes)
    }

    @Test("What was used longest ago goes first, and what is pinned stays")
    func evicts() throws {
        let bytes = try engine(cacheBytes: 1 << 28).variant("stories+robot").mergedBytes
        let engine = try engine(cacheBytes: bytes * 2)
        let variants = try [0.1, 0.2, 0.3].map { try engine.variant("stories+robot:\($0)") }
        #expect(try engine.cache.makeResident(variants[0], pin: true) == false)
        #expect(try engine.cache.makeResident(variants[1], pin: false) == false)
        #expect(try engine.cache.makeResident(variants[0], pin: false) == true, "it was resident")
        #expect(try engine.cache.makeResident(variants[2], pin: false) == false)
        #expect(engine.cache.info(variants[0].id)?.state == .ready)
        #expect(engine.cache.info(variants[1].id)?.residentBytes == 0)
        #expect(engine.cache.info(variants[2].id)?.state == .ready)
        #expect(engine.cache.bytes <= engine.cache.budget)
        #expect(engine.cache.remove(variants[0].id) && !engine.cache.remove(variants[0].id))
    }

    @Test("A variant larger than the budget is refused, and its tensors can be had all the same")
    func isLargerThanBudget() throws {
        let engine = try engine(cacheBytes: 1000)
        let variant = try engine.variant("stories+robot")
        #expect(throws: EngineError.self) { try engine.cache.makeResident(variant, pin: false) }
        let tensor = try #require(variant.model.plan.touched.min())
        #expect(try engine.cache.mergedTensor(tensor, of: variant).byteCount > 1000)
        #expect(engine.cache.bytes == 0)
    }

    @Test("New variants are remembered however many there were before")
    func remembersNewVariants() throws {
        let engine = try engine(cacheBytes: 1 << 28)
        for index in 1...1100 { _ = try engine.variant("stories+robot:0.\(1000 + index)") }
        let variant = try engine.variant("stories+robot:0.75")
        #expect(try engine.cache.makeResident(variant, pin: false) == false)
        #expect(engine.cache.info(variant.id)?.state == .ready)
    }
}
