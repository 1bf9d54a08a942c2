import Testing
import UmbelAdapters
import UmbelEngine
import UmbelFormats
import UmbelRegistry
import UmbelTensor
import UmbelTesting

/// Every merge of lycoris-lora 4.1.3 in the corpus, within the tolerance that the corpus states.
@Suite("LyCORIS merges")
struct LyCORISGoldenTests {
    struct Index: Decodable {
        let cases: [Case]
    }

    struct Case: Decodable, Sendable, CustomTestStringConvertible {
        struct Use: Decodable, Sendable {
            let file: String
            let multiplier: Double
        }

        let id: String
        let base: String
        let adapters: [Use]
        let prefixes: [String: String]
        let expected: String
        let atol: Double?
        let max_ulp: Int?

        var testDescription: String { id }
    }

    static let cases = (try? Goldens.decode("lycoris/index.json", as: Index.self).cases) ?? []

    @Test("The corpus is there")
    func corpusIsComplete() {
        #expect(Self.cases.count == 196)
    }

    @Test("A merge equals the reference", arguments: cases)
    func mergeEqualsReference(_ item: Case) throws {
        // At strength 0 LyCORIS keeps DoRA's norm-free sum and OFT's rescale; Umbel skips the adapter. The formula is
        // still held to LyCORIS' result.
        guard item.adapters.allSatisfy({ $0.multiplier != 0 }) else { return try formulaAtZero(item) }
        let merge = try MergeResult(
            base: Goldens.path("lycoris/\(item.base)"),
            adapters: item.adapters.map { (Goldens.path("lycoris/\($0.file)"), $0.multiplier) },
            prefixes: item.prefixes.map { "\($0)=\($1)" }, allowsUnmatched: true)
        let expected = try SafetensorsFile(path: Goldens.path("lycoris/\(item.expected)"))
        for entry in expected.index.entries {
            let actual = try #require(merge.view(entry.name), "\(entry.name) is missing")
            let comparison =
                item.max_ulp.map { TensorComparison(actual, expected.view(entry), ulps: $0) }
                ?? TensorComparison(actual, expected.view(entry), atol: item.atol ?? 0)
            #expect(comparison.failure == nil, "\(entry.name)")
        }
        let names = Set(expected.index.entries.map(\.name))
        #expect(merge.changed.subtracting(names).isEmpty, "tensors that must stay as they are")
    }

    private func formulaAtZero(_ item: Case) throws {
        let adapters = item.adapters.map { (path: Goldens.path("lycoris/\($0.file)"), strength: 0.0) }
        let prefixes = item.prefixes.map { "\($0)=\($1)" }
        let merge = try MergeResult(
            base: Goldens.path("lycoris/\(item.base)"), adapters: adapters, prefixes: prefixes)
        #expect(merge.touched.isEmpty, "strength 0 is the base itself")
        let expected = try SafetensorsFile(path: Goldens.path("lycoris/\(item.expected)"))
        let names = merge.base.names(prefixes: prefixes.compactMap(Prefix.init))
        let binding = Binder.bind(try AdapterFile.open(adapters[0].path), to: merge.base.weights, names: names)
        for patch in binding.patches {
            let view = try #require(patch.view)
            guard case .transform(let transform, _) = patch.change else { continue }
            let tensor = try #require(view.wholeTensor)
            let matrix = merge.base.weights.views[tensor].matrix()
            try transform.apply(to: matrix, strength: 0, pool: MergeResult.pool)
            let reference = try #require(expected.view(merge.base.weights.label(tensor))).matrix()
            for index in 0..<matrix.count {
                #expect(abs(matrix.start[index] - reference.start[index]) <= Float(item.atol ?? 0))
            }
        }
    }
}
