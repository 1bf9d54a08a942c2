import Testing
import UmbelModels
import UmbelTensor
import UmbelTesting

/// Every naming of every adapter of the tiny bases, on the file and on the folder: what a network is given is the same.
@Suite("Networks of a single file with adapters")
struct SingleFileNamingTests {
    static let merges = NamingGoldenTests.merges.filter { $0.layout == "single" && ["sd15", "sdxl"].contains($0.base) }

    @Test("The corpus is there")
    func corpusIsComplete() { #expect(Self.merges.count > 20) }

    @Test("An adapter changes the networks of a file as it changes those of the folder", arguments: merges)
    func networks(_ item: NamingGoldenTests.Merge) throws {
        let tolerance = try #require(NamingGoldenTests.index).tolerance
        let adapters = [(path: Goldens.path("names/tiny/\(item.adapter)"), strength: item.scale)]
        let single = try MergeResult(base: Goldens.path("names/tiny/\(item.basePath)"), adapters: adapters)
        let folder = try MergeResult(base: Goldens.path("names/tiny/\(item.base)/diffusers"), adapters: adapters)
        let names = single.base.weights.catalog.tensors.map(\.name)
        let views = names.compactMap { name in single.view(name).map { (name, $0) } }
        let merged = TensorsByName(Dictionary(views, uniquingKeysWith: { first, _ in first }))
        let parts = SingleFile(merged, names: names, single.base.names()).parts(of: merged)
        #expect(!folder.changed.isEmpty)
        for label in folder.changed {
            let slash = try #require(label.firstIndex(of: "/"))
            let component = String(label[..<slash])
            let name = String(label[label.index(after: slash)...])
            let isShort = component.hasPrefix("text") && !name.hasPrefix("text_")
            let found = try #require(
                parts[component]?.tensor(isShort ? "text_model." + name : name), "\(label) is missing")
            let expected = try #require(folder.view(label))
            // The shapes of 1 × 1 convolutions differ.
            try #require(found.elementCount == expected.elementCount, "\(label)")
            let isNear = (0..<found.elementCount).allSatisfy { index in
                let (a, e) = (found.number(at: index), expected.number(at: index))
                return abs(a - e) <= tolerance.atol + tolerance.rtol * abs(e)
            }
            #expect(isNear, "\(label)")
        }
    }
}
