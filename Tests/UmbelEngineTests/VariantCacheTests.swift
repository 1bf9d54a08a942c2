import Dispatch
import Synchronization
import Testing
import UmbelEngine
import UmbelNames
import UmbelPOSIX
import UmbelTensor
import UmbelTesting

@testable import UmbelAdapters

@Suite("Variant cache")
struct VariantCacheTests {
    /// Adds one to a tensor, and counts how often it is asked to.
    private final class Counter: RowTransform {
        let calls = Atomic(0)
        /// Told when a call begins; nil for nobody.
        let begun: DispatchSemaphore?
        /// The first call waits for it; nil for none.
        let gate: DispatchSemaphore?
        let value: Float

        init(adding value: Float = 1, begun: DispatchSemaphore? = nil, gate: DispatchSemaphore? = nil) {
            self.value = value
            self.begun = begun
            self.gate = gate
        }

        var count: Int { calls.load(ordering: .relaxed) }

        func apply(to tile: RowTile, strength: Double) {
            let call = calls.wrappingAdd(1, ordering: .relaxed).oldValue
            begun?.signal()
            if call == 0 { gate?.wait() }
            for index in 0..<tile.count { tile.start[index] += value }
        }
    }

    private static let pool = ComputePool(threads: 2)

    /// A base of four tensors of 64 bytes.
    private static func base() throws -> BaseModel {
        let folder = try TemporaryFolder()
        let tensors = (0..<4).map { TestTensor("t\($0).weight", [4, 4], [Float](repeating: Float($0), count: 16)) }
        return try BaseModel(name: "base", path: folder.write(tensors.file(), to: "base.safetensors"))
    }

    private func variant(_ id: String, _ base: BaseModel, _ tensors: [Int], _ transform: any RowTransform) throws
        -> Variant
    {
        let patches = tensors.map { Patch(TargetView(pieces: [Piece(tensor: $0)], shape: [4, 4]), .rows(transform)) }
        let plan = MergePlan(
            base: base.weights, steps: [.init(binding: Binding(patches: patches, report: BindingReport()), strength: 1)]
        )
        return Variant(
            id: id, reference: try ModelReference("base"), model: MergedModel(base: base, plan: plan))
    }

    private func onThreads(_ count: Int, _ body: @escaping @Sendable () -> Void) throws {
        let group = DispatchGroup()
        for _ in 0..<count {
            group.enter()
            try Thread.start {
                body()
                group.leave()
            }
        }
        group.wait()
    }

    @Test("A tensor that many ask for at once is built once")
    func singleFlight() throws {
        let cache = VariantCache(pool: Self.pool, budget: 1 << 20)
        let counter = Counter()
        let made = try variant("v", Self.base(), [1], counter)
        let results = Mutex<[[Float]]>([])
        try onThreads(16) {
            do {
                let used = try cache.use("v") { made }
                let values = try cache.mergedTensor(1, of: used).view.values()
                results.withLock { $0.append(values) }
            } catch {
                Issue.record(error)
            }
        }
        #expect(counter.count == 1)
        #expect(results.withLock { $0 } == [[Float]](repeating: [Float](repeating: 2, count: 16), count: 16))
        #expect(cache.info("v")?.hits == 16)
        #expect(cache.info("v")?.state == .ready)
        #expect(cache.bytes == 64)
    }

    @Test("A failure goes to everybody who waits, and is not remembered")
    func failure() throws {
        let cache = VariantCache(pool: Self.pool, budget: 1 << 20)
        let counter = Counter(adding: .infinity)
        let base = try Self.base()
        let made = try variant("v", base, [0], counter)
        _ = try cache.use("v") { made }
        let failures = Mutex(0)
        try onThreads(8) {
            do throws(MergeError) {
                _ = try cache.mergedTensor(0, of: made)
            } catch {
                #expect(error == .notFinite(tensor: "t0.weight", row: 0))
                failures.withLock { $0 += 1 }
            }
        }
        #expect(failures.withLock { $0 } == 8)
        let before = counter.count
        #expect(throws: MergeError.self) { try cache.mergedTensor(0, of: made) }
        #expect(counter.count == before + 1, "tried again")
        #expect(cache.bytes == 0)
    }

    @Test("What was used longest ago goes first, what is pinned stays")
    func eviction() throws {
        let cache = VariantCache(pool: Self.pool, budget: 128)
        let base = try Self.base()
        func resident(_ id: String) -> Int? { cache.info(id)?.residentBytes }
        func use(_ id: String, pin: Bool = false) throws {
            let made = try cache.use(id) { () throws(EngineError) in
                do { return try variant(id, base, [0], Counter()) } catch { throw .internalInconsistency("\(error)") }
            }
            _ = try cache.makeResident(made, pin: pin)
        }
        try use("a")
        try use("b")
        try use("a")
        try use("c")
        #expect(resident("a") == 64 && resident("b") == 0 && resident("c") == 64)
        #expect(cache.bytes == 128)
        #expect(cache.all().map(\.variant.id) == ["c", "a"], "the last used first")
        try use("a", pin: true)
        try use("b")
        try use("c")
        #expect(resident("a") == 64 && resident("b") == 0 && resident("c") == 64)
        try use("b", pin: true)
        #expect(throws: EngineError.self) { try use("c") }
        #expect(cache.bytes == 128)
        #expect(cache.remove("a"))
        #expect(!cache.remove("a"))
        try use("c")
        #expect(cache.bytes == 128 && resident("c") == 64)
    }

    @Test("What never fits is refused whole, and handed out piece by piece")
    func overBudget() throws {
        let cache = VariantCache(pool: Self.pool, budget: 100)
        let counter = Counter()
        let made = try variant("v", Self.base(), [0, 1], counter)
        _ = try cache.use("v") { made }
        do {
            _ = try cache.makeResident(made, pin: false)
            Issue.record("made resident")
        } catch {
            guard case .overBudget(bytes: 128, budget: 100) = error else { throw error }
        }
        for _ in 0..<3 {
            #expect(try cache.mergedTensor(0, of: made).view.values().first == 1)
            #expect(try cache.mergedTensor(1, of: made).view.values().first == 2)
        }
        #expect(cache.bytes <= 100)
        #expect(counter.count == 1 + 3, "the first stays, the second is merged each time")
    }

    @Test("A variant that is let go while it is built, and asked for again, is counted once")
    func removalWhileBuilding() throws {
        let cache = VariantCache(pool: Self.pool, budget: 1 << 20)
        let (begun, gate) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        let made = try variant("v", Self.base(), [0], Counter(begun: begun, gate: gate))
        _ = try cache.use("v") { made }
        let done = DispatchGroup()
        done.enter()
        try Thread.start {
            do throws(MergeError) { _ = try cache.mergedTensor(0, of: made) } catch { Issue.record(error) }
            done.leave()
        }
        begun.wait()
        #expect(cache.remove("v"))
        _ = try cache.use("v") { made }
        _ = try cache.mergedTensor(0, of: made)
        gate.signal()
        done.wait()
        #expect(cache.bytes == 64)
        #expect(cache.remove("v"))
        #expect(cache.bytes == 0)
    }

    @Test("Tensors that are computed together are built together")
    func clusters() throws {
        let cache = VariantCache(pool: Self.pool, budget: 1 << 20)
        let counter = Counter()
        let base = try Self.base()
        let view = TargetView(pieces: [Piece(tensor: 0), Piece(tensor: 2)], shape: [8, 4])
        let binding = Binding(patches: [Patch(view, .rows(counter))], report: BindingReport())
        let made = Variant(
            id: "v", reference: try ModelReference("base"),
            model: MergedModel(
                base: base, plan: MergePlan(base: base.weights, steps: [.init(binding: binding, strength: 1)])))
        _ = try cache.use("v") { made }
        #expect(try cache.mergedTensor(2, of: made).view.values().first == 3)
        #expect(try cache.mergedTensor(0, of: made).view.values().first == 1)
        #expect(counter.count == 1)
        #expect(cache.bytes == 128)
    }

    @Test("Variants that hold nothing are forgotten in the end, the one just asked for never")
    func forgetting() throws {
        let cache = VariantCache(pool: Self.pool, budget: 1 << 20)
        let base = try Self.base()
        for index in 0..<1100 {
            let made = try variant("v\(index)", base, [0], Counter())
            _ = try cache.use(made.id) { made }
            #expect(cache.variant(made.id) != nil)
        }
        #expect(cache.variant("v0") == nil)
        #expect(cache.variant("v1099") != nil)
        #expect(cache.all().isEmpty, "nothing is resident")
    }
}
