import Foundation
import Testing
import UmbelNames

@Suite("Small lists of tensors")
struct ResolveTests {
    static let cases = ["ambiguous", "numbers", "underscores", "same-tensor-twice", "prefix-of-other"]

    @Test("A stem means one module, several, or none", arguments: cases)
    func golden(id: String) throws {
        let json = try Fixtures.json("resolve.json")
        let entries = try #require(json["cases"] as? [[String: Any]])
        #expect(entries.compactMap { $0["id"] as? String } == Self.cases)
        let entry = try #require(entries.first { $0["id"] as? String == id })
        let table = NameTable(catalog: BaseCatalog(tensors: base(try #require(entry["tensors"] as? [String]))))
        for (stem, expected) in try #require(entry["stems"] as? [String: [String: Any]]) {
            let resolution = table.resolve([stem])[0]
            if let module = expected["module"] as? String {
                #expect(resolution.target?.module == module, "\(stem)")
            } else if let modules = expected["ambiguous"] as? [String] {
                #expect(resolution == .ambiguous(modules), "\(stem)")
            } else {
                guard case .none = resolution else {
                    Issue.record("\(stem): \(resolution)")
                    continue
                }
            }
        }
    }
}
