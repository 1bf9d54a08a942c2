import Foundation
import Testing
import UmbelFormats

/// Every file of the damaged collection over HTTP and on the command line: its verdict, its code, and nothing left behind.
@Suite struct DamagedFileTests {
    /// An entry of the collection's manifest.
    struct File: Decodable, Sendable, CustomTestStringConvertible {
        let file: String
        let kind: String
        let code: String
        let expect: String
        let base: String?

        var testDescription: String { "\(file): \(expect) \(code)" }
        var path: String { Samples.damaged(file) }
        var basePath: String { base.map(Samples.damaged) ?? Samples.main }
        var isRefused: Bool { expect == "reject" }
        var isAccepted: Bool { expect == "accept" }
    }

    private struct Manifest: Decodable { let files: [File] }

    static let files: [File] = {
        let manifest = try? JSONDecoder().decode(Manifest.self, from: Samples.data(Samples.damaged("manifest.json")))
        return manifest?.files ?? []
    }()
    static let adapters = files.filter { $0.kind == "adapter" }
    static let bases = files.filter { $0.kind == "base" }

    @Test func `the collection is there`() {
        #expect(Self.adapters.count > 40)
        #expect(Self.bases.count >= 3)
    }

    @Test(arguments: adapters)
    func `an upload gets its verdict and leaves the base as it was`(file: File) throws {
        let service = try Service(["main": file.basePath])
        let answer = try service.put("odd", file.path)
        let base = try Samples.data(file.basePath)
        let name = URL(filePath: file.basePath).lastPathComponent
        if file.isAccepted {
            #expect(answer.status == 201, "\(answer.text)")
        } else if file.isRefused || answer.status >= 400 {
            #expect((400..<500).contains(answer.status), "\(answer.text)")
            #expect(answer.codes.contains(file.code), "\(answer.text)")
            let detail = try answer.json["detail"]?.string ?? ""
            #expect(detail.count > 15)
            #expect(service.stored == [])
            #expect(try service.get("/v1/adapters/odd").status == 404)
        } else {
            let warnings = try answer.json["warnings"]?.array?.compactMap { $0["code"]?.string } ?? []
            #expect(warnings.contains(file.code), "neither refused nor warned of: \(answer.text)")
        }
        #expect(try service.file("main", name) == base)
        #expect(try service.get("/healthz").status == 200)
    }

    @Test(arguments: adapters)
    func `umbel check and umbel merge give the same verdict as an upload`(file: File) throws {
        let scratch = try Scratch()
        let check = try umbel("check", file.path, "--base", file.basePath, "--json", in: scratch)
        let merge = try umbel("merge", "--base", file.basePath, "--adapter", file.path, "--out", "merged", in: scratch)
        #expect(merge.status == check.status, "\(merge.errors)")
        if file.isAccepted {
            #expect(check.status == 0, "\(check.text)\(check.errors)")
            #expect(scratch.files(below: "").contains("merged"))
        } else if file.isRefused || check.status != 0 {
            #expect(check.status == 3, "\(check.text)\(check.errors)")
            #expect(merge.errors.contains("umbel: "), "\(merge.errors)")
            #expect(!scratch.files(below: "").contains { $0.hasPrefix("merged") }, "a refused merge leaves a file")
        } else {
            #expect(check.text.contains(file.code), "neither refused nor warned of: \(check.text)")
        }
    }

    @Test(arguments: bases)
    func `a base gets its verdict from every command that reads one`(file: File) throws {
        let scratch = try Scratch()
        let expected: Int32 = file.isAccepted ? 0 : 3
        #expect(try umbel("merge", "--base", file.path, "--out", "merged", in: scratch).status == expected)
        #expect(scratch.files(below: "").contains("merged") == file.isAccepted)
        if !file.isAccepted {
            #expect(try umbel("check", Samples.plain, "--base", file.path, in: scratch).status == 3)
        }
    }
}
