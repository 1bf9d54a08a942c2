import Foundation
import Synchronization
import Testing
import UmbelAdapters
import UmbelEngine
import UmbelRegistry
import UmbelTensor
import UmbelTesting

/// A merge with what additive patches add taken from memory has the bits of one that computes it, for every adapter of every
/// corpus.
@Suite("Merges with kept deltas")
struct KeptDeltaTests {
    /// Keeps every delta, and counts how often it was of use.
    private final class Keeper: DeltaKeeper {
        private struct State {
            var kept: [DeltaKey: Matrix] = [:]
            var hits = 0
        }

        private let state = Mutex(State())

        var hits: Int { state.withLock { $0.hits } }

        func values(of delta: any Delta, _ key: DeltaKey, strength: Double, pool: ComputePool) -> Matrix? {
            state.withLock { state in
                if let values = state.kept[key] {
                    state.hits += 1
                    return values
                }
                let values = delta.values(pool: pool)
                state.kept[key] = values
                return values
            }
        }
    }

    struct Recipe: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let base: String
        let adapters: [String]
        var prefixes: [String] = []
    }

    static let recipes: [Recipe] =
        ModelGoldenTests.mergeable.map {
            Recipe(
                testDescription: $0.testDescription, base: "\(ModelGoldenTests.demo)/bases/\($0.base)",
                adapters: [$0.path])
        }
        + LyCORISGoldenTests.cases.map { item in
            Recipe(
                testDescription: item.id, base: Goldens.path("lycoris/\(item.base)"),
                adapters: item.adapters.map { Goldens.path("lycoris/\($0.file)") },
                prefixes: item.prefixes.map { "\($0)=\($1)" })
        }
        + (PEFTGoldenTests.reference + PEFTGoldenTests.more).map { item in
            let folder = Goldens.path(item.base)
            let isBare = !FileManager.default.fileExists(atPath: folder + "/config.json")
            return Recipe(
                testDescription: item.id, base: isBare ? folder + "/model.safetensors" : folder,
                adapters: item.adapters.map(\.path))
        }

    @Test("The bits are the same at every strength", arguments: recipes)
    func sameBits(_ recipe: Recipe) throws {
        let base = try BaseModel(name: "base", path: recipe.base)
        let names = base.names(prefixes: recipe.prefixes.compactMap(Prefix.init))
        let bindings = try recipe.adapters.enumerated().map { index, path in
            var binding = Binder.bind(try AdapterFile.open(path), to: base.weights, names: names)
            binding.source = "\(index)"
            return binding
        }
        let keeper = Keeper()
        var additive = 0
        for strength in [1, 0.37, -2.5] {
            let plan = MergePlan(
                base: base.weights, steps: bindings.map { .init(binding: $0, strength: strength) })
            let plain = TensorMerger(plan: plan, pool: MergeResult.pool)
            let keeping = TensorMerger(plan: plan, pool: MergeResult.pool, deltas: keeper)
            let before = keeper.hits
            for tensor in plan.touched where plan.cluster(of: tensor).first == tensor {
                let expected = try plain.merge(tensor)
                for (index, merged) in try keeping.merge(tensor) {
                    let reference = try #require(expected[index])
                    #expect(merged.hasSameBytes(as: reference), "\(base.weights.label(index)) at \(strength)")
                }
            }
            if strength == 1 { additive = bindings.reduce(0) { $0 + Self.additions(in: $1).count } }
            if strength != 1 { #expect(keeper.hits - before == additive, "every addition was taken from memory") }
        }
    }

    private static func additions(in binding: Binding) -> [any Delta] {
        binding.patches.compactMap { patch in
            guard case .transform(.rows(let transform), _) = patch.change else { return nil }
            return (transform as? Addition)?.delta
        }
    }

    @Test("The corpora hold every kind of delta")
    func kinds() throws {
        var kinds: Set<String> = []
        for recipe in Self.recipes {
            let base = try BaseModel(name: "base", path: recipe.base)
            let names = base.names(prefixes: recipe.prefixes.compactMap(Prefix.init))
            for path in recipe.adapters {
                let binding = Binder.bind(try AdapterFile.open(path), to: base.weights, names: names)
                kinds.formUnion(Self.additions(in: binding).map { "\(type(of: $0))" })
            }
        }
        let expected: Set = [
            "LowRankDelta", "HadamardDelta", "KroneckerDelta", "StoredDelta", "DenseDelta", "BandedDelta",
            "RepeatedBlock", "CirculantDelta",
        ]
        #expect(expected.subtracting(kinds).isEmpty, "missing: \(expected.subtracting(kinds))")
    }
}
