import Foundation
import Testing
import UmbelFormats

/// `POST /v1/admin/verify`.
@Suite struct VerifyTests {
    @Test func `what is in memory and on disk is what it must be`() throws {
        let service = try Service(["main": Samples.main, "llama": Samples.llama])
        #expect(try service.put("ink", Samples.plain).status == 201)
        for scale in ["0.5", "0.25", "0.125"] {
            #expect(try service.post("/v1/variants", #"{"model": "main+ink:\#(scale)"}"#).status == 201)
        }
        let answer = try service.post("/v1/admin/verify", "")
        #expect(answer.status == 200, "\(answer.text)")
        let report = try answer.json
        #expect(report["ok"]?.bool == true)
        #expect(report["bases"]?.array?.compactMap { $0["name"]?.string } == ["main", "llama"])
        #expect(report["bases"]?.array?.allSatisfy { $0["ok"]?.bool == true } == true)
        #expect(report["adapters"]?.array?.count == 1)
        #expect(report["variants"]?.array?.count == 3)
        #expect(report["variants"]?.array?.allSatisfy { $0["tensors"]?.integer == 1 && $0["mismatches"] == [] } == true)
        #expect(report["seconds"]?.double.map { $0 >= 0 } == true)
    }

    @Test func `a base that somebody wrote to is found, and so are the variants that no longer follow from it`() throws
    {
        let scratch = try Scratch()
        let path = try scratch.write("main.safetensors", try Samples.data(Samples.main))
        let service = try Service(["main": path])
        #expect(try service.put("ink", Samples.plain).status == 201)
        #expect(try service.post("/v1/variants", #"{"model": "main+ink"}"#).status == 201)
        let before = try service.post("/v1/admin/verify", "")
        #expect(before.status == 200, "\(before.text)")
        // In place, which nobody should do: the pages that are mapped are the file's.
        let file = try FileHandle(forUpdating: URL(filePath: path))
        let end = try file.seekToEnd()
        try file.seek(toOffset: end - 4)
        try file.write(contentsOf: Data([0, 0, 0x80, 0x3e]))
        try file.close()
        let answer = try service.post("/v1/admin/verify", "")
        #expect(answer.status == 500, "\(answer.text)")
        #expect(answer.codes.isSuperset(of: ["verification_failed", "base_changed"]))
        #expect(try answer.json["errors"]?[0]?["base"]?.string == "main")
        #expect(service.log.contains("verification"))
    }
}
