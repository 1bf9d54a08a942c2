import Foundation
import Testing
import UmbelNames
import UmbelTensor
import UmbelTesting

@testable import UmbelAdapters
@testable import UmbelEngine

/// What differs between two variants, against plain loops over small tensors.
@Suite struct ComparisonTests {
    private static let pool = ComputePool(threads: 2)

    /// Two layers, an embedding and integers.
    private func base(_ folder: TemporaryFolder) throws -> BaseModel {
        var random = SeededGenerator(seed: 4)
        let tensors = [
            TestTensor("model.embed_tokens.weight", [6, 4], random.values(24)),
            TestTensor("model.layers.0.mlp.up_proj.weight", [8, 4], random.values(32)),
            TestTensor("model.layers.1.mlp.up_proj.weight", [8, 4], random.values(32)),
            TestTensor("model.norm.weight", [4], [1.0001, 2, 3, 4]), TestTensor.integers("model.ids", [2], [7, 8]),
        ]
        try folder.write(tensors.file(), to: "model.safetensors")
        return try BaseModel(name: "base", path: folder.path + "/model.safetensors")
    }

    private func tensor(_ name: String, of base: BaseModel) throws -> Int {
        try #require(base.weights.catalog.tensors.firstIndex { $0.name == name })
    }

    private func replacing(_ name: String, _ values: [Float], _ shape: [Int], in base: BaseModel) throws -> Patch {
        let view = TargetView(pieces: [Piece(tensor: try tensor(name, of: base))], shape: shape)
        return Patch(view, .replace(TestTensor("x", shape, values).view))
    }

    private func variant(_ id: String, _ base: BaseModel, _ patches: [Patch], dtype: DType? = nil) -> Variant {
        let step = MergePlan.Step(binding: Binding(patches: patches, report: BindingReport()), strength: 1)
        let plan = MergePlan(base: base.weights, steps: patches.isEmpty ? [] : [step])
        return Variant(
            id: id, reference: ModelReference(base: "base", terms: []),
            model: MergedModel(base: base, plan: plan, dtype: dtype))
    }

    private func compare(_ a: Variant, _ b: Variant) throws -> ModelComparison {
        let cache = VariantCache(pool: Self.pool, budget: 1 << 20)
        return try Comparer(a, b, cache: cache, pool: Self.pool).compare()
    }

    @Test func `numbers are those of the formulas`() throws {
        let base = try base(TemporaryFolder())
        var random = SeededGenerator(seed: 8)
        let name = "model.layers.1.mlp.up_proj.weight"
        let (ours, theirs) = (random.values(32), random.values(32))
        let a = variant("a", base, [try replacing(name, ours, [8, 4], in: base)])
        let b = variant("b", base, [try replacing(name, theirs, [8, 4], in: base)])
        let comparison = try compare(a, b)
        let tensor = try #require(comparison.tensors.first)
        #expect(comparison.tensors.count == 1 && tensor.name == name && tensor.block == "model.layers.1")

        let stored = base.weights.views[try self.tensor(name, of: base)].values().map(Double.init)
        let (x, y) = (ours.map(Double.init), theirs.map(Double.init))
        func norm(_ values: [Double]) -> Double { values.reduce(0) { $0 + $1 * $1 }.squareRoot() }
        func minus(_ left: [Double], _ right: [Double]) -> [Double] { zip(left, right).map { $0 - $1 } }
        func close(_ actual: Double?, _ expected: Double) -> Bool {
            abs((actual ?? .nan) - expected) <= 1e-12 * abs(expected)
        }
        let distance = minus(x, y)
        #expect(close(tensor.sums.distance, norm(distance)))
        #expect(close(tensor.sums.relativeDistance, norm(distance) / norm(x)))
        #expect(close(tensor.sums.distanceToBaseNorm, norm(distance) / norm(stored)))
        #expect(close(tensor.sums.squaresChangeA.squareRoot(), norm(minus(x, stored))))
        #expect(close(tensor.sums.squaresChangeB.squareRoot(), norm(minus(y, stored))))
        let product = zip(minus(x, stored), minus(y, stored)).reduce(0) { $0 + $1.0 * $1.1 }
        #expect(close(tensor.sums.cosine, product / norm(minus(x, stored)) / norm(minus(y, stored))))
        let largest = try #require(distance.map { abs($0) }.max())
        let place = try #require(distance.firstIndex { abs($0) == largest })
        #expect(tensor.largest == .init(change: largest, tensor: name, index: [place / 4, place % 4]))
        #expect(tensor.sums.equal == zip(ours, theirs).count { $0 == $1 })
        #expect(comparison.overall.largest == tensor.largest)
    }

    @Test func `parts add up, and integers are left out`() throws {
        let base = try base(TemporaryFolder())
        let a = variant(
            "a", base,
            [
                try replacing("model.norm.weight", [9, 9, 9, 9], [4], in: base),
                try replacing("model.layers.0.mlp.up_proj.weight", [Float](repeating: 2, count: 32), [8, 4], in: base),
            ])
        let comparison = try compare(a, variant("b", base, []))
        #expect(comparison.overall.tensors == 4 && comparison.overall.sums.elements == 24 + 32 + 32 + 4)
        #expect(comparison.components.map(\.name) == [""] && comparison.components[0].sums == comparison.overall.sums)
        #expect(comparison.blocks.map(\.name) == ["model.layers.0", "model.norm"])
        let changed = comparison.blocks.reduce(0) { $0 + $1.sums.squaresDistance }
        #expect(changed == comparison.overall.sums.squaresDistance)
        // b is the base.
        #expect(comparison.overall.sums.squaresChangeB == 0 && comparison.overall.sums.cosine == nil)
        #expect(comparison.overall.sums.squaresChangeA == comparison.overall.sums.squaresDistance)
        let distances = comparison.tensors.compactMap(\.sums.relativeDistance)
        #expect(distances.count == 2 && distances == distances.sorted(by: >))
    }

    @Test func `a variant and itself differ by nothing, and their changes point the same way`() throws {
        let base = try base(TemporaryFolder())
        let name = "model.layers.0.mlp.up_proj.weight"
        var random = SeededGenerator(seed: 3)
        let patch = try replacing(name, random.values(32), [8, 4], in: base)
        let a = variant("a", base, [patch])
        // Once by its id, once computed twice.
        for b in [a, variant("other", base, [patch])] {
            let comparison = try compare(a, b)
            let sums = try #require(comparison.tensors.first).sums
            #expect(sums.relativeDistance == 0 && sums.cosine == 1 && sums.equal == 32 && sums.largest == 0)
            #expect(comparison.overall.sums.cosine == 1 && comparison.overall.largest == nil)
        }
    }

    @Test func `opposite changes have the cosine −1`() throws {
        let base = try base(TemporaryFolder())
        let a = variant("a", base, [try replacing("model.norm.weight", [2.0001, 2, 3, 4], [4], in: base)])
        let b = variant("b", base, [try replacing("model.norm.weight", [0.0001, 2, 3, 4], [4], in: base)])
        let cosine = try #require(try compare(a, b).overall.sums.cosine)
        #expect(abs(cosine + 1) < 1e-6)
    }

    @Test func `tensors of different shapes and tensors of one model are named apart`() throws {
        let base = try base(TemporaryFolder())
        let added = TestTensor("y", [2], [3, 3]).view
        let same = TestTensor("z", [2], [4, 5]).view
        let a = variant(
            "a", base,
            [
                try replacing("model.embed_tokens.weight", [Float](repeating: 1, count: 32), [8, 4], in: base),
                Patch(nil, .add(component: "", name: "score.weight", added)),
                Patch(nil, .add(component: "", name: "both.weight", same)),
            ])
        let b = variant(
            "b", base,
            [
                Patch(nil, .add(component: "", name: "both.weight", same)),
                Patch(nil, .add(component: "", name: "other.weight", added)),
            ])
        let comparison = try compare(a, b)
        #expect(
            comparison.unmatched == [
                .init(name: "model.embed_tokens.weight", shapeA: [8, 4], shapeB: [6, 4]),
                .init(name: "score.weight", shapeA: [2], shapeB: nil),
                .init(name: "other.weight", shapeA: nil, shapeB: [2]),
            ])
        let both = try #require(comparison.tensors.first { $0.name == "both.weight" })
        #expect(!both.hasBase && both.sums.equal == 2 && both.sums.squaresBase == 0 && both.sums.squaresChangeA == 0)
        // With a shape that both changed alike there is no base to measure changes by either.
        let wide = try compare(
            a,
            variant(
                "c", base,
                [
                    try replacing("model.embed_tokens.weight", [Float](repeating: 2, count: 32), [8, 4], in: base)
                ]))
        let embedding = try #require(wide.tensors.first { $0.name == "model.embed_tokens.weight" })
        #expect(!embedding.hasBase && embedding.sums.squaresDistance == 32)
    }

    @Test func `a conversion is a difference`() throws {
        let base = try base(TemporaryFolder())
        let comparison = try compare(variant("a", base, [], dtype: .bf16), variant("b", base, []))
        let norm = try #require(comparison.tensors.first)
        #expect(norm.name == "model.norm.weight" && norm.sums.equal == 3)
        #expect(norm.largest?.index == [0])
    }

    @Test func `what is resident is used, and nothing is pushed out`() throws {
        let base = try base(TemporaryFolder())
        let a = variant("a", base, [try replacing("model.norm.weight", [9, 9, 9, 9], [4], in: base)])
        let b = variant("b", base, [try replacing("model.norm.weight", [8, 9, 9, 9], [4], in: base)])
        let cache = VariantCache(pool: Self.pool, budget: 16)
        _ = try cache.use("a") { a }
        _ = try cache.use("b") { b }
        _ = try cache.makeResident(a, pin: false)
        let comparison = try Comparer(a, b, cache: cache, pool: Self.pool).compare()
        #expect(comparison.overall.sums.largest == 1)
        #expect(cache.info("a")?.state == .ready && cache.info("b")?.residentTensors == 0)
    }

    @Test(arguments: [
        ("down_blocks.0.resnets.1.conv1.weight", "down_blocks.0"),
        ("model.layers.7.mlp.up_proj.weight", "model.layers.7"), ("layers.12", "layers.12"),
        ("conv_in.weight", "conv_in"), ("model.norm.weight", "model.norm"), ("logit_scale", "logit_scale"),
        ("time_embed.0.weight", "time_embed.0"), ("0.weight", "0"), ("a.1x.b.2.c", "a.1x.b.2"),
    ])
    func `blocks follow from names`(tensor: String, block: String) { #expect(BlockName.of(tensor) == block) }
}
