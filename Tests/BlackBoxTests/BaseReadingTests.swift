import Foundation
import Testing
import UmbelFormats

/// Bases are open at once and read meanwhile.
@Suite struct BaseReadingTests {
    private let list = "data/base-files.json"

    /// The digest that the log tells of a base, after the `start`th start.
    private func digests(_ service: Service) throws -> [String] {
        service.log.split(separator: "\n").filter { $0.contains("base read") }
            .compactMap { $0.split(separator: "sha256=").dropFirst().first?.prefix(64) }.map(String.init)
    }

    @Test func `what a base holds is known at the next start, whatever becomes of the list`() throws {
        let service = try Service(["shapes": Samples.pipeline, "main": Samples.main])
        let file = "/v1/models/main/files/main_fp32.safetensors"
        let tag = try service.request("HEAD", file)["etag"]
        #expect(tag != nil)
        try eventually("the list is written") {
            // The log tells of a base when what was found in it is kept.
            try digests(service).count == 2
        }
        let kept = try service.scratch.read(list)
        for damage in [
            kept, Data(), Data("{".utf8), kept.dropLast(40), kept.replacing("\"finite\"", with: "\"finisj\""),
        ] {
            try service.kill()
            try service.scratch.write(list, damage)
            try service.start()
            #expect(try service.request("HEAD", file)["etag"] == tag)
            try eventually("the list is whole again") { try service.scratch.read(list) == kept }
        }
        #expect(try Set(digests(service)).count <= 2)
    }

    @Test func `a base that was replaced between two starts is another one`() throws {
        let scratch = try Scratch()
        let path = try scratch.write("main.safetensors", try Samples.data(Samples.main))
        let service = try Service(["main": path])
        let file = "/v1/models/main/files/main.safetensors"
        let before = try service.request("HEAD", file)["etag"]
        try service.kill()
        var bytes = try Samples.data(Samples.main)
        bytes[bytes.count - 2] ^= 1
        try bytes.write(to: URL(filePath: path))
        try service.start()
        let after = try service.get(file)
        #expect(after.status == 200 && after.body == bytes)
        #expect(after["etag"] != before)
        // And with the old bytes it is the old one again.
        try service.kill()
        try Samples.data(Samples.main).write(to: URL(filePath: path))
        try service.start()
        #expect(try service.request("HEAD", file)["etag"] == before)
    }

    @Test func `a base that holds NaN is no base, and the others go on`() throws {
        let scratch = try Scratch()
        var bytes = try Samples.data(Samples.main)
        bytes.replaceSubrange(bytes.count - 4..<bytes.count, with: [0, 0, 0xc0, 0x7f])
        let path = try scratch.write("odd.safetensors", bytes)
        let service = try Service(["odd": path, "main": Samples.main])
        let refused = try service.get("/v1/models/odd/files/odd.safetensors")
        #expect(refused.status == 500)
        #expect(refused.codes == ["base_unusable"])
        #expect(refused.text.contains("NaN or infinity"))
        let merged = try service.post("/v1/variants", #"{"model": "odd"}"#)
        #expect(merged.status == 500 && merged.codes == ["base_unusable"])
        let ready = try service.get("/readyz")
        #expect(ready.status == 503)
        #expect(ready.codes == ["base_unusable"])
        #expect(try service.get("/healthz").status == 200)
        #expect(service.log.contains("base is unusable"))
        #expect(try service.file("main", "main_fp32.safetensors") == Samples.data(Samples.main))
        #expect(try service.put("ink", Samples.plain).status == 201)
        #expect(try service.post("/v1/variants", #"{"model": "main+ink"}"#).status == 201)
        // It is no better at the next start.
        try service.crash()
        #expect(try service.get("/v1/models/odd/files/odd.safetensors").codes == ["base_unusable"])
    }

    @Test func `readiness tells which bases are still being read`() throws {
        let service = try Service.main()
        #expect(try service.request("HEAD", "/v1/models/main/files/main_fp32.safetensors").status == 200)
        let ready = try service.get("/readyz")
        #expect(ready.status == 200)
        #expect(try ready.json["reading"] == [])
    }
}
