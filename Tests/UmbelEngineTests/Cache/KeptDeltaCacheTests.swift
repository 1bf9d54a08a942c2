import Testing
import UmbelNames
import UmbelTensor
import UmbelTesting

@testable import UmbelAdapters
@testable import UmbelEngine

/// When the cache keeps what additive patches add, and that it finds out when something in memory is damaged.
@Suite("Cache of deltas, and verifying")
struct KeptDeltaCacheTests {
    private static let pool = ComputePool(threads: 2)

    private let base: BaseModel
    private let delta: LowRankDelta

    init() throws {
        let folder = try TemporaryFolder()
        let tensors = (0..<2).map { TestTensor("t\($0).weight", [4, 4], [Float](repeating: Float($0), count: 16)) }
        base = try BaseModel(name: "base", path: folder.write(tensors.file(), to: "base.safetensors"))
        var random = SeededGenerator(seed: 3)
        delta = LowRankDelta(
            up: Matrix(rows: 4, columns: 32, values: random.values(128)),
            down: Matrix(rows: 32, columns: 4, values: random.values(128)), scale: 0.5)
    }

    private func variant(_ strength: Double, source: String? = "adapter") throws -> Variant {
        let view = TargetView(pieces: [Piece(tensor: 0)], shape: [4, 4])
        var binding = Binding(patches: [Addition.patch(view, delta)], report: BindingReport())
        binding.source = source
        let plan = MergePlan(base: base.weights, steps: [.init(binding: binding, strength: strength)])
        return Variant(
            id: "\(strength)", reference: try ModelReference("base"), model: MergedModel(base: base, plan: plan))
    }

    private func bytes(_ variant: Variant, in cache: VariantCache) throws -> [UInt8] {
        let used = try cache.use(variant.id) { variant }
        return try cache.mergedTensor(0, of: used).copiedBytes
    }

    @Test("Kept from the second strength on, used from the third on, with the same bits")
    func secondStrength() throws {
        let cache = VariantCache(pool: Self.pool, budget: 1024)
        let plain = VariantCache(pool: Self.pool, budget: 1024, deltaBudget: 0)
        for (round, strength) in [0.5, 0.25, -1, 2].enumerated() {
            #expect(try bytes(variant(strength), in: cache) == bytes(variant(strength), in: plain))
            #expect(cache.memory.deltas == (round == 0 ? 0 : 64))
            #expect(cache.counters.deltaHits == max(0, round - 1))
        }
        #expect(plain.memory.deltas == 0 && plain.counters.deltaHits == 0)
    }

    @Test("Of variants that are expected at several strengths each difference is computed once")
    func expected() throws {
        let cache = VariantCache(pool: Self.pool, budget: 1024)
        let plain = VariantCache(pool: Self.pool, budget: 1024, deltaBudget: 0)
        let strengths = [0.5, 0.25, -1]
        cache.expect(try strengths.map { try variant($0) })
        for (round, strength) in strengths.enumerated() {
            #expect(try bytes(variant(strength), in: cache) == bytes(variant(strength), in: plain))
            #expect(cache.memory.deltas == 64 && cache.counters.deltaHits == round)
        }
        let alone = VariantCache(pool: Self.pool, budget: 1024)
        alone.expect([try variant(0.5), try variant(0.5)])
        _ = try bytes(variant(0.5), in: alone)
        #expect(alone.memory.deltas == 0, "one strength is nothing to keep it for")
    }

    @Test("The same strength again, or a binding without a source, keeps nothing")
    func notRepeated() throws {
        let cache = VariantCache(pool: Self.pool, budget: 1024)
        for _ in 0..<3 {
            _ = try bytes(variant(0.5), in: cache)
            _ = cache.remove("0.5")
        }
        _ = try bytes(variant(0.25, source: nil), in: cache)
        #expect(cache.memory.deltas == 0)
    }

    @Test("Kept deltas go before merged tensors, and those of an adapter that is gone go with it")
    func order() throws {
        // Room for three tensors of 64 bytes, a quarter of it, 64, for deltas.
        let cache = VariantCache(pool: Self.pool, budget: 256)
        for strength in [0.5, 0.25, 0.125] { _ = try bytes(variant(strength), in: cache) }
        #expect(cache.bytes == 192 && cache.memory.deltas == 64)
        _ = try bytes(variant(3), in: cache)
        #expect(cache.bytes == 256 && cache.memory.deltas == 0)
        #expect(cache.counters.deltaEvictions == 1 && cache.counters.evictions == 0)
        for id in ["0.5", "0.25"] { _ = cache.remove(id) }
        _ = try bytes(variant(4), in: cache)
        #expect(cache.memory.deltas == 64)
        cache.forgetDeltas(except: ["another"])
        #expect(cache.memory.deltas == 0)
    }

    @Test("A damaged tensor and a damaged delta are found, named and made anew")
    func damage() throws {
        let cache = VariantCache(pool: Self.pool, budget: 1024)
        for strength in [0.5, 0.25] { _ = try bytes(variant(strength), in: cache) }
        let whole = try bytes(variant(0.25), in: cache)
        #expect(try cache.verifyVariants(pool: Self.pool).allSatisfy(\.mismatches.isEmpty))
        #expect(cache.verifyDeltas(pool: Self.pool) == (1, 0))

        let tensor = try cache.mergedTensor(0, of: variant(0.25))
        let start = try #require(UnsafeMutableRawPointer(mutating: tensor.bytes.baseAddress))
        start.storeBytes(of: 0x55, toByteOffset: 17, as: UInt8.self)
        #expect(try bytes(variant(0.25), in: cache) != whole)
        let found = try cache.verifyVariants(pool: Self.pool)
        #expect(found.map(\.id) == ["0.25", "0.5"])
        #expect(found.map(\.mismatches) == [["t0.weight"], []])
        #expect(cache.bytes == 64, "the damaged one is let go")
        #expect(try bytes(variant(0.25), in: cache) == whole)

        let item = try #require(cache.keptDeltas().values.first)
        item.values[1, 1] += 1
        #expect(cache.verifyDeltas(pool: Self.pool) == (1, 1))
        #expect(cache.memory.deltas == 0)
        #expect(cache.verifyDeltas(pool: Self.pool) == (0, 0))
    }

    @Test("Factors are counted once however many patches share them; what lies in the file is not counted")
    func factors() throws {
        let view = TargetView(pieces: [Piece(tensor: 0)], shape: [4, 4])
        let low = Addition.patch(view, delta)
        #expect(FactorMemory.bytes(of: [low]) == 2 * 128 * 4)
        #expect(FactorMemory.bytes(of: [low, low]) == 2 * 128 * 4)
        let stored = Addition.patch(view, StoredDelta(base.weights.views[0], rows: 4))
        #expect(FactorMemory.bytes(of: [stored]) == 0)
        let product = Addition.patch(view, HadamardDelta(first: delta, second: delta, scale: 1))
        #expect(FactorMemory.bytes(of: [product]) == 2 * 128 * 4)
    }
}
