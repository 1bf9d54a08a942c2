import Dispatch
import Glibc
import Synchronization
import Testing
import UmbelNames
import UmbelPOSIX
import UmbelTensor
import UmbelTesting

@testable import UmbelAdapters
@testable import UmbelEngine

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
        try onThreads(64) {
            do {
                let used = try cache.use("v") { made }
                let values = try cache.mergedTensor(1, of: used).view.values()
                results.withLock { $0.append(values) }
            } catch {
                Issue.record(error)
            }
        }
        #expect(counter.count == 1)
        #expect(results.withLock { $0 } == [[Float]](repeating: [Float](repeating: 2, count: 16), count: 64))
        #expect(cache.info("v")?.hits == 64)
        #expect(cache.info("v")?.state == .ready)
        #expect(cache.bytes == 64)
        let counters = cache.counters
        #expect(counters.builds == 1 && counters.misses == 1 && counters.hits + counters.joined == 63)
        #expect(counters.running == 0 && counters.waiting == 0)
    }

    @Test("Everybody who asks while a tensor is built waits for that build, and nobody waits afterwards")
    func waiters() throws {
        let cache = VariantCache(pool: Self.pool, budget: 1 << 20)
        let (begun, gate) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        let counter = Counter(begun: begun, gate: gate)
        let made = try variant("v", Self.base(), [1], counter)
        _ = try cache.use("v") { made }
        let done = DispatchGroup()
        func ask() throws {
            done.enter()
            try Thread.start {
                do throws(MergeError) { _ = try cache.mergedTensor(1, of: made) } catch { Issue.record(error) }
                done.leave()
            }
        }
        try ask()
        begun.wait()
        for _ in 0..<63 { try ask() }
        while cache.counters.waiting < 63 { sched_yield() }
        #expect(cache.counters.running == 1)
        #expect(cache.info("v")?.state == .merging)
        gate.signal()
        done.wait()
        #expect(counter.count == 1)
        #expect(cache.counters.joined == 63)
        #expect(cache.counters.running == 0 && cache.counters.waiting == 0)
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
        // Once to merge, and once more to name the row.
        #expect(counter.count == before + 2, "tried again")
        #expect(cache.bytes == 0)
        #expect(cache.counters.failedBuilds == cache.counters.builds)
        #expect(cache.counters.running == 0 && cache.counters.waiting == 0)
    }

    @Test("Small tensors are merged side by side, each once, whoever else asks for them")
    func sideBySide() throws {
        let cache = VariantCache(pool: Self.pool, budget: 1 << 20)
        let counter = Counter()
        let made = try variant("v", Self.base(), [0, 1, 2, 3], counter)
        let order = ResidenceOrder(of: made)
        #expect(order.small == [[0], [1], [2], [3]] && order.large.isEmpty)
        let used = try cache.use("v") { made }
        try onThreads(8) {
            do { _ = try cache.makeResident(used) } catch { Issue.record(error) }
        }
        #expect(counter.count == 4)
        #expect(cache.info("v")?.state == .ready)
        #expect(cache.counters.builds == 4 && cache.counters.running == 0 && cache.counters.waiting == 0)
    }

    @Test(
        "Of several small tensors that cannot be merged, the first is named, whichever failed first", arguments: 0..<10)
    func firstFailure(round: Int) throws {
        let cache = VariantCache(pool: ComputePool(threads: 3), budget: 1 << 20)
        let made = try variant("v", Self.base(), [1, 2, 3], Counter(adding: .infinity))
        _ = try cache.use("v") { made }
        do {
            _ = try cache.makeResident(made)
            Issue.record("merged to infinity")
        } catch {
            guard case .merge(.notFinite(tensor: "t1.weight", row: 0)) = error else { throw error }
        }
        #expect(cache.bytes == 0)
    }

    private func use(_ id: String, _ tensors: [Int] = [0], in cache: VariantCache, _ base: BaseModel, pin: Bool? = nil)
        throws -> VariantCache.Residence
    {
        let made = try cache.use(id) { () throws(EngineError) in
            do { return try variant(id, base, tensors, Counter()) } catch { throw .internalInconsistency("\(error)") }
        }
        return try cache.makeResident(made, pin: pin)
    }

    @Test("What is pushed out is what the policy says, what is pinned stays")
    func eviction() throws {
        let cache = VariantCache(pool: Self.pool, budget: 192)
        let base = try Self.base()
        func resident(_ id: String) -> Int? { cache.info(id)?.residentBytes }
        for id in ["a", "b", "c", "d", "e"] { #expect(try use(id, in: cache, base) == .made) }
        #expect(cache.bytes == 192)
        #expect(cache.counters.evictions == 2 && cache.counters.evictedBytes == 128)
        #expect(resident("e") == 64, "what was just made stays")
        #expect(cache.all().count == 3)
        #expect(try use("a", in: cache, base, pin: true) != .streaming)
        for id in ["b", "c", "d", "e"] { _ = try use(id, in: cache, base) }
        #expect(resident("a") == 64)
        #expect(cache.info("a")?.pinned == true)
        #expect(try use("a", in: cache, base, pin: false) == .present)
        #expect(cache.info("a")?.pinned == false)
        #expect(cache.remove("a"))
        #expect(!cache.remove("a"))
        #expect(cache.bytes == 128)
    }

    @Test("Pins leave a slot, and a pin that cannot be kept is refused before anything is merged")
    func pins() throws {
        let cache = VariantCache(pool: Self.pool, budget: 256)
        let base = try Self.base()
        _ = try use("a", in: cache, base, pin: true)
        _ = try use("large", [1, 2, 3], in: cache, base)
        #expect(throws: EngineError.self) { try use("b", in: cache, base, pin: true) }
        #expect(cache.info("b")?.pinned == false && cache.info("b")?.residentBytes == 0)
        #expect(cache.remove("large"))
        for id in ["b", "c"] { _ = try use(id, in: cache, base, pin: true) }
        do {
            _ = try use("d", in: cache, base, pin: true)
            Issue.record("pinned without a slot")
        } catch let error as EngineError {
            guard case .pinsFull(bytes: 64, pinned: 192, slot: 64, budget: 256) = error else { throw error }
        }
        #expect(try use("d", in: cache, base) == .made, "the slot is there for it")
        #expect(try use("c", in: cache, base, pin: true) == .present, "pinned already")
        do {
            _ = try use("large", [0, 1, 2], in: cache, base, pin: true)
            Issue.record("more than half of the cache pinned")
        } catch let error as EngineError {
            guard case .overBudget(bytes: 192, budget: 128) = error else { throw error }
        }
    }

    @Test("A pin on what cannot be merged is taken off again")
    func pinOfFailure() throws {
        let cache = VariantCache(pool: Self.pool, budget: 256)
        let made = try variant("v", Self.base(), [0], Counter(adding: .infinity))
        _ = try cache.use("v") { made }
        #expect(throws: EngineError.self) { try cache.makeResident(made, pin: true) }
        #expect(cache.info("v")?.pinned == false)
    }

    @Test("What cannot be in memory whole is handed out piece by piece and pushes out nobody")
    func streaming() throws {
        let cache = VariantCache(pool: Self.pool, budget: 128)
        let base = try Self.base()
        _ = try use("small", in: cache, base)
        let counter = Counter()
        let made = try variant("v", base, [0, 1, 2], counter)
        _ = try cache.use("v") { made }
        #expect(try cache.makeResident(made) == .streaming)
        #expect(counter.count == 0, "nothing is merged in advance")
        #expect(cache.info("v")?.state == .streaming)
        for _ in 0..<3 {
            for tensor in 0..<3 {
                #expect(try cache.mergedTensor(tensor, of: made).view.values().first == Float(tensor + 1))
            }
        }
        #expect(cache.info("small")?.residentBytes == 64, "it used to be pushed out for a tensor that found no room")
        #expect(counter.count == 1 + 2 * 3, "one finds free room, the others are merged each time")
        #expect(cache.bytes == 128)
        #expect(cache.counters.evictions == 0)
    }

    @Test("Making a variant resident while others let it go harms nobody")
    func removalWhileMaking() throws {
        let cache = VariantCache(pool: Self.pool, budget: 1 << 20)
        let base = try Self.base()
        let made = try variant("v", base, [0, 1, 2, 3], Counter())
        let failures = Mutex(0)
        try onThreads(8) {
            for round in 0..<200 {
                do {
                    let used = try cache.use("v") { made }
                    _ = try cache.makeResident(used, pin: round % 7 == 0)
                    let values = try (0..<4).map { try cache.mergedTensor($0, of: used).view.values().first }
                    if values != [1, 2, 3, 4] { failures.withLock { $0 += 1 } }
                    if round % 3 == 0 { _ = cache.remove("v") }
                } catch {
                    Issue.record(error)
                }
            }
        }
        #expect(failures.withLock { $0 } == 0)
        #expect(cache.counters.running == 0 && cache.counters.waiting == 0)
        let held = cache.info("v")?.residentBytes ?? 0
        #expect(cache.bytes == held)
        _ = cache.remove("v")
        #expect(cache.bytes == 0)
    }

    @Test("A variant that is let go while it is built, and asked for again, is built and counted once")
    func removalWhileBuilding() throws {
        let cache = VariantCache(pool: Self.pool, budget: 1 << 20)
        let (begun, gate) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        let counter = Counter(begun: begun, gate: gate)
        let made = try variant("v", Self.base(), [0], counter)
        _ = try cache.use("v") { made }
        let done = DispatchGroup()
        func ask() throws {
            done.enter()
            try Thread.start {
                do throws(MergeError) { _ = try cache.mergedTensor(0, of: made) } catch { Issue.record(error) }
                done.leave()
            }
        }
        try ask()
        begun.wait()
        #expect(cache.remove("v"))
        _ = try cache.use("v") { made }
        try ask()
        while cache.counters.waiting < 1 { sched_yield() }
        gate.signal()
        done.wait()
        #expect(counter.count == 1)
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

    @Test("Beside any number of variants in memory a new one is taken in and stays")
    func manyResident() throws {
        let base = try Self.base()
        let cache = VariantCache(pool: Self.pool, budget: 1 << 20)
        for number in 0..<300 {
            let made = try variant("v\(number)", base, [0], Counter())
            _ = try cache.use(made.id) { made }
            _ = try cache.makeResident(made)
            #expect(cache.info(made.id)?.state == .ready, "\(number)")
        }
        let idle = try variant("idle", base, [0], Counter())
        _ = try cache.use(idle.id) { idle }
        #expect(cache.info("idle") != nil)
        #expect(cache.info("v0")?.state == .ready)
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
