import Testing
import UmbelFormats
import UmbelTesting

/// Every naming of every adapter of the tiny bases, on both layouts of its base: all must give the same merge.
@Suite("Namings on layouts")
struct NamingGoldenTests {
    struct Index: Decodable {
        struct Case: Decodable {
            let base: String
            let adapter: String
            let scale: Double
            let files: [String: String]
            let expected: [String: String]
        }

        struct Tolerance: Decodable {
            let rtol: Double
            let atol: Double
        }

        let cases: [Case]
        let tolerance: Tolerance
    }

    struct Merge: Sendable, CustomTestStringConvertible {
        let base: String
        let layout: String
        let style: String
        let adapter: String
        let scale: Double
        let expected: String

        var testDescription: String { "\(adapter) on \(base) \(layout)" }
        var basePath: String { layout == "single" ? "\(base)/single.safetensors" : "\(base)/diffusers" }
    }

    static let index = try? Goldens.decode("names/tiny/index.json", as: Index.self)

    static let merges: [Merge] = (index?.cases ?? []).flatMap { item in
        item.files.sorted { $0.key < $1.key }.flatMap { style, file in
            item.expected.sorted { $0.key < $1.key }.map { layout, expected in
                Merge(
                    base: item.base, layout: layout, style: style, adapter: file, scale: item.scale, expected: expected)
            }
        }
    }

    @Test("The corpus is there")
    func corpusIsComplete() {
        #expect(Self.merges.count == 110)
    }

    @Test("A naming gives the same merge on a layout", arguments: merges)
    func namingGivesSameMerge(_ item: Merge) throws {
        let tolerance = try #require(Self.index).tolerance
        let merge = try MergeResult(
            base: Goldens.path("names/tiny/\(item.basePath)"),
            adapters: [(Goldens.path("names/tiny/\(item.adapter)"), item.scale)])
        let expected = try SafetensorsFile(path: Goldens.path("names/tiny/\(item.expected)"))
        for entry in expected.index.entries {
            let actual = try #require(merge.view(entry.name), "\(entry.name) is missing")
            let comparison = TensorComparison(
                actual, expected.view(entry), atol: tolerance.atol, rtol: tolerance.rtol)
            #expect(comparison.failure == nil, "\(entry.name)")
        }
        let names = Set(expected.index.entries.map(\.name))
        #expect(merge.changed.subtracting(names).isEmpty, "tensors that must stay as they are")
    }
}
