import Testing
import UmbelAdapters
import UmbelNames
import UmbelTensor
import UmbelTesting

/// What must hold of every merge, on random layers.
@Suite("Merges of random layers")
struct MergePropertyTests {
    typealias Kind = RandomLayer.Kind

    static let shapes: [[Int]] = [[8, 12], [16, 8, 3, 3], [8, 6, 5], [4, 4, 1, 1], [8, 4, 2, 3, 2]]

    static func layers(_ kinds: [Kind], dtype: DType = .f32) -> [RandomLayer] {
        var seed: UInt64 = 1
        return kinds.flatMap { kind in
            shapes.flatMap { shape in
                ([(1, nil), (3, 6), (4, 0), (2, -1.5)] as [(Int, Float?)]).map { rank, alpha in
                    seed += 1
                    return RandomLayer.make(kind, shape: shape, rank: rank, alpha: alpha, seed: seed, dtype: dtype)
                }
            }
        }
    }

    /// The OFT families read alpha as a constraint, which needs no variants here.
    static let all = layers(Kind.allCases)

    private func merged(_ layer: RandomLayer, _ strength: Double, threads: Int = 1) throws -> MergedTensor {
        let base = layer.base
        let binding = try layer.binding(base)
        #expect(binding.report.refusal(allowsUnmatched: false) == nil, "\(binding.report.errors)")
        let plan = MergePlan(base: base, steps: [.init(binding: binding, strength: strength)])
        #expect(plan.touched == [RandomLayer.weightIndex], "nothing else is touched")
        let merger = TensorMerger(plan: plan, pool: ComputePool(threads: threads))
        return try #require(try merger.merge(RandomLayer.weightIndex)[RandomLayer.weightIndex])
    }

    @Test("Strength 0 touches nothing", arguments: all)
    func strengthZeroTouchesNothing(_ layer: RandomLayer) throws {
        let base = layer.base
        let plan = MergePlan(base: base, steps: [.init(binding: try layer.binding(base), strength: 0)])
        #expect(plan.touched.isEmpty)
        #expect(plan.additions.isEmpty)
        #expect(plan.changedShapes.isEmpty)
    }

    @Test("An additive adapter adds strength times its difference", arguments: layers(Kind.additive))
    func additiveAdapterAddsItsDifference(_ layer: RandomLayer) throws {
        let delta = try #require(layer.delta)
        let before = layer.weight.values
        for strength in [1, -1, 0.37, 2.5] {
            let after = try merged(layer, strength).view.values()
            let worst = zip(after, zip(before, delta)).reduce(0.0) { worst, item in
                max(worst, abs(Double(item.0) - (Double(item.1.0) + strength * item.1.1)))
            }
            #expect(worst <= 4e-6, "at \(strength) off by \(worst)")
        }
    }

    @Test("A merge into 16 bits is the f32 merge rounded once", arguments: [DType.bf16, .f16])
    func mergeRoundsOnce(_ dtype: DType) throws {
        for layer in Self.layers(Kind.allCases, dtype: dtype) {
            let base = layer.base
            let plan = MergePlan(base: base, steps: [.init(binding: try layer.binding(base), strength: 0.8)])
            let merger = TensorMerger(plan: plan, pool: ComputePool(threads: 1))
            let narrow = try #require(try merger.merge(RandomLayer.weightIndex)[RandomLayer.weightIndex])
            let wide = try #require(
                try merger.merge(RandomLayer.weightIndex, as: { _ in .f32 })[RandomLayer.weightIndex])
            #expect(narrow.dtype == dtype)
            let rounded = wide.view.converted(0..<wide.shape.elementCount, to: dtype)
            #expect(narrow.copiedBytes == rounded, "\(layer)")
        }
    }

    @Test("The merged layer computes what base and adapter compute side by side", arguments: layers(Kind.additive))
    func mergedForwardIsBasePlusAdapter(_ layer: RandomLayer) throws {
        var random = SeededGenerator(seed: 99)
        let input = random.values(layer.columns).map(Double.init)
        let strength = 0.75
        let after = try merged(layer, strength).view.values().map(Double.init)
        let expected = zip(layer.forward(layer.weight.values.map(Double.init), input), layer.adapterForward(input))
            .map { $0 + strength * $1 }
        for (actual, expected) in zip(layer.forward(after, input), expected) {
            #expect(abs(actual - expected) <= 2e-5, "\(actual) instead of \(expected)")
        }
    }

    @Test("The number of threads changes no bit", arguments: Kind.allCases)
    func threadsChangeNoBit(_ kind: Kind) throws {
        // Wide enough for several tiles, of which the last is short.
        let layer = RandomLayer.make(kind, shape: [96, 720], rank: 4, alpha: 2, seed: 7)
        let single = try merged(layer, 0.6).copiedBytes
        for threads in 2...3 {
            #expect(try merged(layer, 0.6, threads: threads).copiedBytes == single)
        }
    }

    @Test("How the rows are cut into tiles changes no bit", arguments: Kind.allCases)
    func tilesChangeNoBit(_ kind: Kind) throws {
        let layer = RandomLayer.make(kind, shape: [24, 20, 3], rank: 3, alpha: 2, seed: 11)
        let base = layer.base
        for patch in try layer.binding(base).patches {
            guard case .transform(.rows(let transform), _) = patch.change else { continue }
            func run(_ tileRows: Int) -> [Float] {
                let matrix = base.views[RandomLayer.weightIndex].matrix()
                for first in stride(from: 0, to: matrix.rows, by: tileRows) {
                    let tile = RowTile(
                        firstRow: first, rows: min(tileRows, matrix.rows - first), columns: matrix.columns,
                        start: matrix.row(first))
                    transform.apply(to: tile, strength: 1.25)
                }
                return matrix.values
            }
            let whole = run(24)
            for groups in [1, 2, 3, 5] {
                #expect(run(groups * transform.rowGroup) == whole, "tiles of \(groups) groups")
            }
        }
    }

    @Test("A chain is one adapter after the other", arguments: Kind.allCases, Kind.allCases)
    func chainIsOneAfterTheOther(_ firstKind: Kind, _ secondKind: Kind) throws {
        let first = RandomLayer.make(firstKind, shape: [8, 12], rank: 2, alpha: 1, seed: 3)
        let second = RandomLayer.make(secondKind, shape: [8, 12], rank: 3, alpha: nil, seed: 5)
        let base = first.base
        let pool = ComputePool(threads: 2)
        let index = RandomLayer.weightIndex
        let steps = [
            MergePlan.Step(binding: try first.binding(base), strength: 0.5),
            MergePlan.Step(binding: try second.binding(base), strength: -0.8),
        ]
        let chain = try #require(
            try TensorMerger(plan: MergePlan(base: base, steps: steps), pool: pool).merge(index)[index])
        let between = try #require(
            try TensorMerger(plan: MergePlan(base: base, steps: [steps[0]]), pool: pool).merge(index)[index])
        let middle = BaseWeights(catalog: base.catalog, views: [base.views[0], between.view, base.views[2]])
        let last = MergePlan(base: middle, steps: [.init(binding: try second.binding(middle), strength: -0.8)])
        let after = try #require(try TensorMerger(plan: last, pool: pool).merge(index)[index])
        #expect(chain.copiedBytes == after.copiedBytes)
    }
}

extension RandomLayer {
    /// W · x
    func forward(_ weight: [Double], _ input: [Double]) -> [Double] {
        (0..<rows).map { row in input.indices.reduce(0.0) { $0 + weight[row * columns + $1] * input[$1] } }
    }

    private func factor(_ role: String) -> [Double]? {
        tensors.first { $0.name == "\(Self.stem).\(role)" }?.values.map(Double.init)
    }

    /// What the adapter alone makes of an input, factor by factor where the algorithm allows it: LoRA narrows and widens,
    /// LoKr folds the input into a matrix and multiplies from both sides.
    func adapterForward(_ input: [Double]) -> [Double] {
        let alpha = factor("alpha")?.first ?? 0
        if let up = factor("lora_up.weight"), let down = factor("lora_down.weight"), factor("lora_mid.weight") == nil {
            let rank = up.count / rows
            let narrow = (0..<rank).map { r in input.indices.reduce(0.0) { $0 + down[r * columns + $1] * input[$1] } }
            let scale = alpha == 0 ? 1 : alpha / Double(rank)
            return (0..<rows).map { row in scale * (0..<rank).reduce(0.0) { $0 + up[row * rank + $1] * narrow[$1] } }
        }
        if let outer = factor("lokr_w1"), let inner = factor("lokr_w2") {
            let c = 2
            let a = outer.count / c
            let b = rows / a
            let part = columns / c
            return (0..<rows).map { row in
                (0..<c).reduce(0.0) { sum, block in
                    let inside = (0..<part).reduce(0.0) { $0 + inner[row % b * part + $1] * input[block * part + $1] }
                    return sum + outer[row / b * c + block] * inside
                }
            }
        }
        return forward(delta ?? [], input)
    }
}
