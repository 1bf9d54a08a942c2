import Foundation
import Testing
import UmbelAdapters
import UmbelEngine
import UmbelFormats
import UmbelTensor
import UmbelTesting

/// PEFT's `add_weighted_adapter`, merged by PEFT, against the methods that follow it.
@Suite("PEFT's weighted combinations")
struct CombinationGoldenTests {
    struct Index: Decodable {
        let cases: [Case]
    }

    struct Case: Decodable, Sendable, CustomTestStringConvertible {
        struct Use: Decodable, Sendable {
            let dir: String
            let weight: Double?
        }

        struct Tolerance: Decodable, Sendable {
            let rtol: Double
            let atol: Double
        }

        struct Combine: Decodable, Sendable {
            let combination_type: String?
            let density: Double?
            let svd_rank: Int?
            let majority_sign_method: String?

            var options: [(name: String, value: String)] {
                [
                    density.map { ("density", "\($0)") }, svd_rank.map { ("rank", "\($0)") },
                    majority_sign_method.map { ("majority_sign", $0) },
                ].compactMap { $0 }
            }
        }

        let id: String
        let base: String
        let base_dtype: String
        let kind: String
        let adapters: [Use]
        let expected: String
        let changed: [String]
        let tolerance: Tolerance
        let combine: Combine?
        let dare: String?

        var testDescription: String { id }

        func combination(prefix: String = "peft_") throws -> Combination {
            try Combination(
                method: prefix + (combine?.combination_type ?? "ia3"), options: combine?.options ?? [])
        }
    }

    static let cases = ((try? Goldens.decode("peft/index.json", as: Index.self).cases) ?? []).filter {
        $0.kind == "weighted"
    }

    @Test("The corpus is there")
    func corpusIsComplete() {
        #expect(Self.cases.count == 15)
    }

    @Test("A combination equals the reference", arguments: cases)
    func combinationEqualsReference(_ item: Case) throws {
        try check(item, item.combination())
    }

    @Test(
        "Where nothing is lost, or the same is, Umbel's own methods equal PEFT's",
        arguments: cases.filter { ["svd", "cat"].contains($0.combine?.combination_type) })
    func ownMethodEqualsReference(_ item: Case) throws {
        try check(item, item.combination(prefix: ""))
    }

    private func check(_ item: Case, _ combination: Combination) throws {
        let base = try Self.base(item)
        let parts = try item.adapters.map { use in
            try base.part(Goldens.path("peft/\(use.dir)"), weight: #require(use.weight))
        }
        let masks = try item.dare.map { try RecordedMasks(Goldens.path("peft/\($0)"), parts: item.adapters.count) }
        let binding = try combination.binding(of: parts, on: base.weights, masks: masks)
        let merged = try base.merged([.init(binding: binding, strength: 1)])
        let expected = try SafetensorsFile(path: Goldens.path("peft/\(item.expected)"))
        #expect(Set(merged.keys) == Set(item.changed))
        for entry in expected.index.entries {
            let tensor = try #require(merged[entry.name])
            let comparison = TensorComparison(
                tensor.view, expected.view(entry), atol: item.tolerance.atol, rtol: item.tolerance.rtol)
            #expect(comparison.failure == nil, "\(entry.name)")
        }
    }

    private static func base(_ item: Case) throws -> BaseModel {
        let folder = Goldens.path("peft/bases/\(PEFTGoldenTests.bases?[item.base]?.dirs[item.base_dtype] ?? item.base)")
        let isBare = !FileManager.default.fileExists(atPath: folder + "/config.json")
        return try BaseModel(name: "base", path: isBare ? folder + "/model.safetensors" : folder)
    }

    // MARK: What PEFT cannot say

    /// An adapter that brings a copy of the embedding beside a turned pair for it, twice: what they change overlaps without
    /// being equal, so differences are made for the whole tensor.
    @Test("Adapters that cut a tensor differently are combined on the whole of it", arguments: [0.5, -1, 2])
    func overlappingViewsAreCombined(_ weight: Double) throws {
        let llama = try #require(Self.cases.first { $0.id == "w-linear" })
        let base = try Self.base(llama)
        let folders = ["lora-llama-embed-replaced", "lora-llama-dora-embed"].map {
            Goldens.path("peft/cases/\($0)/adapter")
        }
        let label = "model.embed_tokens.weight"
        let parts = try [base.part(folders[0], weight: weight), base.part(folders[1], weight: 0.25)]
        let binding = try Combination(method: "sum").binding(of: parts, on: base.weights)
        let combined = try #require(try base.merged([.init(binding: binding, strength: 1)])[label]).view.values()
        let singles = try parts.map { part in
            try #require(try base.merged([.init(binding: part.binding, strength: 1)])[label]).view.values()
        }
        let before = try #require(
            base.weights.views.indices.first { base.weights.label($0) == label }.map { base.weights.views[$0] }
        ).values()
        for index in before.indices {
            let expected =
                Double(before[index]) + weight * Double(singles[0][index] - before[index])
                + 0.25 * Double(singles[1][index] - before[index])
            #expect(abs(Double(combined[index]) - expected) < 2e-6)
        }
    }
}

/// The masks that PEFT drew: for each module those of A of every adapter, then those of B.
private struct RecordedMasks: KeepMasks {
    private let masks: [MaskSubject: [Float]]

    init(_ path: String, parts: Int) throws {
        let file = try SafetensorsFile(path: path)
        let names = file.index.entries.map(\.name)
        let prefix = "factor.base_model.model."
        let modules = names.filter { $0.hasSuffix(".lora_A") }.map {
            $0.dropFirst(prefix.count).dropLast(".lora_A".count)
        }
        var masks: [MaskSubject: [Float]] = [:]
        var drawn = names.filter { $0.hasPrefix("mask.") }.sorted()[...]
        for module in modules.sorted() {
            for side in [MaskSubject.Side.down, .up] {
                for part in 0..<parts {
                    let view = try #require(drawn.popFirst().flatMap(file.view))
                    masks[MaskSubject(place: "\(module).weight", side: side, part: part)] =
                        (0..<view.elementCount).map { Float(view.number(at: $0)) }
                }
            }
        }
        #expect(drawn.isEmpty, "every mask has its place")
        self.masks = masks
    }

    func mask(of subject: MaskSubject, density: Double) -> @Sendable (Int) -> Bool {
        let values = masks[subject] ?? []
        return { values.indices.contains($0) && values[$0] != 0 }
    }
}

extension BaseModel {
    fileprivate func part(_ path: String, weight: Double) throws -> CombinationPart {
        let adapter = try AdapterFile.open(path)
        let binding = Binder.bind(adapter, to: weights, names: names(prefixes: []))
        #expect(binding.report.refusal(allowsUnmatched: false) == nil)
        return CombinationPart(adapter, binding, weight: try #require(Scale(number: weight)))
    }

    /// What the steps touch, by label.
    fileprivate func merged(_ steps: [MergePlan.Step]) throws -> [String: MergedTensor] {
        let plan = MergePlan(base: weights, steps: steps)
        let merger = TensorMerger(plan: plan, pool: MergeResult.pool)
        var merged: [String: MergedTensor] = [:]
        for tensor in plan.touched where merged[weights.label(tensor)] == nil {
            for (index, result) in try merger.merge(tensor) { merged[weights.label(index)] = result }
        }
        return merged
    }
}
