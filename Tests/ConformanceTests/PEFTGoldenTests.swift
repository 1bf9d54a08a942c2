import Foundation
import Testing
import UmbelFormats
import UmbelTesting

/// Every merge of PEFT in the two corpora: the reference set, and the tuners and options that it leaves out.
@Suite("PEFT merges")
struct PEFTGoldenTests {
    struct Index: Decodable {
        let bases: [String: Base]?
        let cases: [Case]

        struct Base: Decodable {
            let dirs: [String: String]
        }
    }

    struct Case: Decodable {
        struct Use: Decodable {
            let dir: String
            let scale: Double
        }

        struct Tolerance: Decodable {
            let rtol: Double
            let atol: Double
        }

        let id: String
        let base: String
        let base_dtype: String
        let kind: String
        let adapters: [Use]
        let expected: String
        let changed: [String]
        let added: [String]
        let tolerance: Tolerance
    }

    struct Merge: Sendable, CustomTestStringConvertible {
        let id: String
        let base: String
        let adapters: [(path: String, strength: Double)]
        let expected: String
        let changed: [String]
        let rtol: Double
        let atol: Double

        var testDescription: String { id }

        /// The plain convolution base is a bare folder without settings: its file is the base.
        var basePath: String {
            let folder = Goldens.path(base)
            let isBare = !FileManager.default.fileExists(atPath: folder + "/config.json")
            return isBare ? folder + "/model.safetensors" : folder
        }
    }

    /// Folders of the bases, by name and type; the second corpus uses those of the first.
    static let bases = (try? Goldens.decode("peft/index.json", as: Index.self).bases) ?? nil

    /// Merges of one adapter or a chain; for combinations see `CombinationGoldenTests`.
    static func merges(_ corpus: String) -> [Merge] {
        guard let index = try? Goldens.decode("\(corpus)/index.json", as: Index.self) else { return [] }
        return index.cases.filter { $0.kind != "weighted" }.map { item in
            Merge(
                id: item.id, base: "peft/bases/\(bases?[item.base]?.dirs[item.base_dtype] ?? item.base)",
                adapters: item.adapters.map { (Goldens.path("\(corpus)/\($0.dir)"), $0.scale) },
                expected: "\(corpus)/\(item.expected)", changed: item.changed + item.added, rtol: item.tolerance.rtol,
                atol: item.tolerance.atol)
        }
    }

    static let reference = merges("peft")
    static let more = merges("peft-more")

    @Test("The corpus is there")
    func corpusIsComplete() {
        #expect(Self.reference.count == 92)
        #expect(Self.more.count == 29)
    }

    @Test("A merge equals the reference", arguments: reference + more)
    func mergeEqualsReference(_ item: Merge) throws {
        let merge = try MergeResult(base: item.basePath, adapters: item.adapters)
        let expected = try SafetensorsFile(path: Goldens.path(item.expected))
        for entry in expected.index.entries {
            let actual = try #require(merge.view(entry.name), "\(entry.name) is missing")
            let comparison = TensorComparison(actual, expected.view(entry), atol: item.atol, rtol: item.rtol)
            #expect(comparison.failure == nil, "\(entry.name)")
        }
        #expect(merge.changed.subtracting(item.changed).isEmpty, "tensors that must stay as they are")
    }
}
