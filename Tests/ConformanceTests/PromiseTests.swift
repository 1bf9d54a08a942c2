import Foundation
import Testing
import UmbelTesting

/// `docs/promises.md` names tests that exist.
@Suite struct PromiseTests {
    @Test func `every promise is held by a test that is there`() throws {
        let tests = URL(filePath: Goldens.folder).deletingLastPathComponent()
        let page = try String(
            contentsOf: tests.deletingLastPathComponent().appending(path: "docs/promises.md"), encoding: .utf8)
        let sources = try FileManager.default.subpathsOfDirectory(atPath: tests.path).filter { $0.hasSuffix(".swift") }
        var held = 0
        for line in page.split(separator: "\n") where line.hasPrefix("| ") && !line.hasPrefix("| promise") {
            let found = line.matches(of: /`(\w+)`: "([^"]+)"/)
            #expect(!found.isEmpty, "\(line)")
            for match in found {
                held += 1
                let files = sources.filter { $0.hasSuffix("/\(match.1).swift") }
                let isThere = try files.contains {
                    try String(contentsOf: tests.appending(path: $0), encoding: .utf8).contains(match.2)
                }
                #expect(isThere, "\(match.1): \(match.2)")
            }
        }
        #expect(held > 50)
    }
}
