import Testing
import UmbelNames
import UmbelTensor
import UmbelTesting

@testable import UmbelAdapters

/// Changes that are worked out from the weight itself, with and without a copy of it.
@Suite("Additions that are worked out")
struct WorkedOutAdditionTests {
    enum Kind: String, CaseIterable, Sendable {
        case tlora, pissa, olora
    }

    /// Rows of more than one portion, of which the last is short.
    private static let shape = [301, 260]
    private static let rank = 5

    private static func base(_ values: [Float]? = nil) -> BaseWeights {
        var random = SeededGenerator(seed: 31)
        let numbers = values ?? random.values(shape.elementCount)
        return [TestTensor("layer.weight", shape, numbers, as: .bf16)].base
    }

    private static func adapter(_ kind: Kind, seed: UInt64 = 1) throws -> Adapter {
        var random = SeededGenerator(seed: seed)
        func tensor(_ name: String, _ shape: [Int]) -> TestTensor {
            TestTensor(name, shape, random.values(shape.elementCount, scale: 0.25))
        }
        let (out, inputs) = (shape[0], shape[1])
        switch kind {
        case .tlora:
            return try Adapter([
                tensor("lycoris_layer.q_layer.weight", [rank, inputs]),
                tensor("lycoris_layer.p_layer.weight", [out, rank]), tensor("lycoris_layer.lambda_layer", [1, rank]),
                TestTensor("lycoris_layer.alpha", [], [2]),
            ])
        case .pissa, .olora:
            let pair = [
                tensor("base_model.model.layer.lora_A.weight", [rank, inputs]),
                tensor("base_model.model.layer.lora_B.weight", [out, rank]),
            ]
            let config = try PEFTConfig(fields: [
                "peft_type": "LORA", "r": .init(rank), "lora_alpha": 3, "init_lora_weights": .init(kind.rawValue),
            ])
            return try Adapter(pair, config: config)
        }
    }

    private func plan(_ adapters: [Adapter], on base: BaseWeights) -> MergePlan {
        MergePlan(
            base: base,
            steps: adapters.map { adapter in
                let binding = Binder.bind(adapter, to: base, names: NameTable(catalog: base.catalog))
                #expect(binding.report.refusal(allowsUnmatched: false) == nil, "\(binding.report.errors)")
                return .init(binding: binding, strength: 0.7)
            })
    }

    /// The merge on an f32 copy of the whole weight.
    private func copied(_ plan: MergePlan, _ pool: ComputePool) throws -> [UInt32] {
        let matrix = plan.base.views[0].matrix()
        for step in plan.steps {
            for patch in step.binding.patches {
                guard case .transform(let transform, _) = patch.change else { continue }
                try transform.apply(to: matrix, strength: step.strength, pool: pool)
            }
        }
        return matrix.values.map(\.bitPattern)
    }

    @Test(
        "What is read some rows at a time gives the bits of the whole copy",
        arguments: [[Kind.tlora], [.pissa], [.olora], [.tlora, .pissa], [.olora, .tlora]])
    func streamed(_ kinds: [Kind]) throws {
        let base = Self.base()
        let adapters = try kinds.enumerated().map { try Self.adapter($1, seed: UInt64($0 + 1)) }
        let plan = plan(adapters, on: base)
        let expected = try copied(plan, ComputePool(threads: 1))
        for threads in 1...3 {
            let merger = TensorMerger(plan: plan, pool: ComputePool(threads: threads))
            let merged = try #require(try merger.merge(0, as: { _ in .f32 })[0])
            #expect(withExtendedLifetime(merged) { merged.view.values() }.map(\.bitPattern) == expected, "\(threads)")
        }
        #expect(expected != base.views[0].matrix().values.map(\.bitPattern), "something is changed")
    }

    @Test("None of them needs a copy of the whole weight", arguments: Kind.allCases)
    func needsNoCopy(_ kind: Kind) throws {
        let base = Self.base()
        let transforms = plan([try Self.adapter(kind)], on: base).steps[0].binding.patches.compactMap { patch in
            if case .transform(.matrix(let transform), _) = patch.change { transform } else { nil }
        }
        #expect(transforms.count == 1)
        #expect(transforms.allSatisfy { $0 is any StreamedTransform })
    }

    @Test("A weight that cannot be decomposed is named", arguments: [Kind.tlora, .pissa])
    func failure(_ kind: Kind) throws {
        var values = [Float](repeating: 1, count: Self.shape.elementCount)
        values[Self.shape.elementCount - 7] = .nan
        let base = Self.base(values)
        let plan = plan([try Self.adapter(kind)], on: base)
        #expect(
            throws: MergeError.decomposition(tensor: "layer.weight", rows: Self.shape[0], columns: Self.shape[1])
        ) { try TensorMerger(plan: plan, pool: ComputePool(threads: 2)).merge(0) }
    }
}
