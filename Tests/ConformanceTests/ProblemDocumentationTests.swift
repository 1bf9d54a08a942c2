import Foundation
import Testing
import UmbelTesting

/// `docs/problems.md` explains every code that the service and the command line can give.
@Suite("Problems are documented")
struct ProblemDocumentationTests {
    private static func text(_ path: String) throws -> String {
        let root = URL(filePath: Goldens.folder).deletingLastPathComponent().deletingLastPathComponent()
        return try String(contentsOf: root.appending(path: path), encoding: .utf8)
    }

    /// Codes as they stand in the sources: the word behind a status, or the value of a `code` property.
    private static func codes(in path: String, after pattern: String) throws -> Set<String> {
        let expression = try Regex(pattern)
        return Set(try text(path).matches(of: expression).compactMap { $0.output[1].substring.map(String.init) })
    }

    @Test("Every code has a heading of its own")
    func everyCodeIsExplained() throws {
        var codes: Set<String> = []
        let server = URL(filePath: Goldens.folder).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Sources/UmbelServer")
        for file in try FileManager.default.contentsOfDirectory(atPath: server.path) where file.hasPrefix("Problem") {
            codes.formUnion(
                try Self.codes(
                    in: "Sources/UmbelServer/\(file)", after: #"\.\w+,\s+"([a-z0-9_]+)",\s+"[A-Z]"#))
        }
        for file in ["UmbelFormats/SafetensorsError", "UmbelAdapters/ModuleFactors"] {
            codes.formUnion(
                try Self.codes(in: "Sources/\(file).swift", after: #"case \.[^:\n]+: "([a-z0-9_]+)""#))
        }
        codes.formUnion(
            try Self.codes(in: "Sources/UmbelAdapters/AdapterNote.swift", after: #"case \w+ = "([a-z0-9_]+)""#))
        #expect(codes.count > 60)
        let headings = Set(
            try Self.text("docs/problems.md").split(separator: "\n").filter { $0.hasPrefix("### ") }.map {
                $0.dropFirst(4)
            })
        let missing = codes.filter { !headings.contains(Substring($0)) }.sorted()
        #expect(missing == [], "codes without a heading in docs/problems.md")
    }
}
