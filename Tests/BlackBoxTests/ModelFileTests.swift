import Foundation
import Testing
import UmbelFormats

/// The files of a merged model: what is served is what `umbel merge` writes, and the base where nothing is merged.
@Suite struct ModelFileTests {
    @Test(arguments: [
        ([Samples.main], [(Samples.plain, "0.8")]),
        ([Samples.pipeline], [(Samples.outline, "0.8"), (Samples.pastel, "-0.5")]),
        ([Samples.llama], [(Samples.shakespeare, "1"), (Samples.pirate, "0.5")]),
        ([Samples.sharded], [(Samples.shardedAdapter, "1")]),
    ])
    func `every file that is served equals what umbel merge writes`(
        base: [String], adapters: [(path: String, scale: String)]
    ) throws {
        let base = try #require(base.first)
        let service = try Service(["base": base])
        let out = service.scratch.path + "/merged" + (base.hasSuffix(".safetensors") ? ".safetensors" : "")
        var merge = ["merge", "--base", base, "--out", out]
        var reference = "base"
        for (index, adapter) in adapters.enumerated() {
            let uploaded = try upload(adapter.path, as: "a\(index)", to: service)
            #expect(uploaded.status == 201, "\(uploaded.text.prefix(1000))")
            merge += ["--adapter", "\(adapter.path):\(adapter.scale)"]
            reference += "+a\(index):\(adapter.scale)"
        }
        let written = try Program(Programs.umbel, merge, scratch: service.scratch).finish()
        #expect(written.status == 0, "\(written.errors)")
        let listing = try service.get("/v1/models/\(reference)/files").json
        let files = try #require(listing["files"]?.array)
        var changed = 0
        for file in files {
            let path = try #require(file["path"]?.string)
            let served = try service.get("/v1/models/\(reference)/files/\(path)")
            #expect(served.status == 200)
            #expect(served.body.count == file["size"]?.integer)
            #expect(served["etag"] == file["etag"]?.string)
            #expect(served["x-umbel-variant"] == listing["id"]?.string)
            let isSingle = base.hasSuffix(".safetensors")
            #expect(served.body == (try Samples.data(isSingle ? out : out + "/" + path)), "\(path)")
            if served.body != (try Samples.data(isSingle ? base : base + "/" + path)) { changed += 1 }
        }
        #expect(changed >= 1)
        if !base.hasSuffix(".safetensors") {
            #expect(service.scratch.files(below: "merged") == files.compactMap { $0["path"]?.string }.sorted())
        }
    }

    /// A file as it is; a PEFT folder as a form of its two files.
    private func upload(_ path: String, as name: String, to service: Service) throws -> Answer {
        guard !path.hasSuffix(".safetensors") else { return try service.put(name, path) }
        var form = Form()
        form.add("file", fileName: "adapter_model.safetensors", try Samples.data(path + "/adapter_model.safetensors"))
        form.add("config", fileName: "adapter_config.json", try Samples.data(path + "/adapter_config.json"))
        return try service.request("PUT", "/v1/adapters/\(name)", ["Content-Type": form.contentType], body: form.body)
    }

    @Test func `scale 0 and no adapter give the base's own bytes`() throws {
        let service = try Service.main()
        #expect(try service.put("ink", Samples.plain).status == 201)
        let base = try Samples.data(Samples.main)
        for reference in ["main", "main+ink:0", "main+ink:-0", "main+ink:0.0+ink:0e5"] {
            #expect(try service.file(reference) == base, "\(reference)")
        }
    }

    @Test func `only the tensors that the adapter touches differ from the base`() throws {
        let service = try Service.main()
        #expect(try service.put("ink", Samples.plain).status == 201)
        let base = try Samples.tensors(try Samples.data(Samples.main))
        let merged = try Samples.tensors(try service.file("main+ink"))
        #expect(Set(base.keys) == Set(merged.keys))
        #expect(base.keys.filter { base[$0] != merged[$0] } == ["enc.blocks.0.attn.to_q.weight"])
    }

    @Test(arguments: [
        "main+ink:0.5", "main%2Bink%3A0.5", "main+ink:.5", "main+ink:5e-1", "main+ink:+0.5", "main%2bink:0.50",
    ])
    func `spellings of one reference are one variant`(reference: String) throws {
        let service = try Service.main()
        #expect(try service.put("ink", Samples.plain).status == 201)
        let known = try service.get("/v1/models/main+ink:0.5").json["variant"]?.string
        let answer = try service.get("/v1/models/\(reference)")
        #expect(answer.status == 200)
        #expect(try answer.json["variant"]?.string == known)
        #expect(answer["x-umbel-variant"] == known)
        #expect(try service.file(reference) == service.file("main+ink:0.5"))
    }

    @Test func `a file of the base that is replaced is served as it was when the base was opened`() throws {
        let scratch = try Scratch()
        let folder = scratch.path + "/llama"
        try FileManager.default.copyItem(atPath: Samples.llama, toPath: folder)
        let before = try Samples.data(folder + "/config.json")
        let service = try Service(["llama": folder])
        _ = try scratch.write("other.json", Data("{}".utf8))
        #expect(rename(scratch.path + "/other.json", folder + "/config.json") == 0)
        #expect(try service.file("llama", "config.json") == before)
        let end = before.count - 1
        let range = try service.get("/v1/models/llama/files/config.json", ["Range": "bytes=\(end)-\(end)"])
        #expect(range.body == before.suffix(1))
    }

    @Test func `a short digest prefix never reaches another adapter`() throws {
        let service = try Service.main()
        #expect(try service.put("ink", Samples.plain).status == 201)
        #expect(try service.put("other", Samples.other()).status == 201)
        let digest = try service.digest("other")
        for name in ["ink", "nobody"] {
            let short = try service.get("/v1/models/main+\(name)@\(digest.prefix(12))")
            #expect(short.codes == ["unknown_adapter"], "\(name)")
            // A whole digest is a content, whatever its name.
            #expect(try service.file("main+\(name)@\(digest)") == service.file("main+other"))
        }
    }

    @Test func `a digest prefix pins the content while the name moves on`() throws {
        let service = try Service.main()
        #expect(try service.put("ink", Samples.plain).status == 201)
        let digest = try service.digest("ink")
        let old = try service.file("main+ink@\(digest.prefix(8)):0.5")
        #expect(try service.put("kept", Samples.plain).status == 201)
        #expect(try service.put("ink", try Samples.other()).status == 200)
        #expect(try service.file("main+ink@\(digest.prefix(8)):0.5") == old)
        #expect(try service.file("main+ink:0.5") != old)
        // The name keeps what it had, so that it can go back; with the name, all of it goes.
        #expect(try service.delete("/v1/adapters/kept").status == 204)
        #expect(try service.file("main+ink@\(digest.prefix(8)):0.5") == old)
        #expect(try service.delete("/v1/adapters/ink").status == 204)
        #expect(try service.get("/v1/models/main+ink@\(digest.prefix(8))").codes == ["unknown_adapter"])
        #expect(try service.get("/v1/models/main+ink@\(digest.uppercased().prefix(8))z").codes == ["unknown_adapter"])
    }

    @Test(arguments: [
        ("none", 404, "unknown_model"), ("main+none", 404, "unknown_adapter"),
        ("main+ink@0000", 404, "unknown_adapter"), ("main+ink:abc", 400, "invalid_reference"),
        ("main+ink:", 400, "invalid_reference"), ("main+ink:nan", 400, "invalid_reference"),
        ("main+ink:inf", 400, "invalid_reference"), ("main+ink:1e400", 400, "invalid_reference"),
        ("main+ink:0x1p3", 400, "invalid_reference"), ("main+", 400, "invalid_reference"),
        ("main++ink", 400, "invalid_reference"), ("+ink", 400, "invalid_reference"),
        ("main+ink@", 400, "invalid_reference"), ("main+ink@xyz", 404, "unknown_tag"),
        ("main+ink@x%20y", 400, "invalid_reference"),
        ("main%20ink", 400, "invalid_reference"), ("main%2F..%2Fmain", 400, "request_line_malformed"),
    ])
    func `a reference that means nothing is a problem with its code`(
        reference: String, status: Int, code: String
    ) throws {
        let service = try Service.main()
        #expect(try service.put("ink", Samples.plain).status == 201)
        for target in ["/v1/models/\(reference)", "/v1/models/\(reference)/files/main_fp32.safetensors"] {
            let answer = try service.get(target)
            #expect(answer.status == status, "\(target): \(answer.text)")
            #expect(answer.codes == [code])
        }
    }

    @Test func `a file that the model does not have and a type that there is not are problems`() throws {
        let service = try Service.main()
        let missing = try service.get("/v1/models/main/files/nothing.safetensors")
        #expect(missing.status == 404)
        #expect(missing.codes == ["unknown_file"])
        let type = try service.get("/v1/models/main/files/main_fp32.safetensors?dtype=f8")
        #expect(type.status == 400)
        #expect(type.codes == ["invalid_parameter"])
    }

    @Test func `models are listed as OpenAI lists them`() throws {
        let service = try Service(["main": Samples.main, "llama": Samples.llama])
        #expect(try service.put("ink", Samples.plain).status == 201)
        let list = try service.get("/v1/models").json
        #expect(list["object"] == "list")
        let ids = (list["data"]?.array ?? []).compactMap { $0["id"]?.string }
        #expect(Set(ids) == ["main", "llama", "main+ink", "ink"], "an adapter that fits one base is a model by itself")
        for model in list["data"]?.array ?? [] {
            #expect(model["object"] == "model")
            #expect(model["owned_by"]?.string != nil)
            #expect(model["created"]?.integer != nil)
        }
        let one = try service.get("/v1/models/main+ink:0.25").json
        #expect(one["recipe"]?[0]?["adapter"] == "ink")
        #expect(one["recipe"]?[0]?["scale"]?.double == 0.25)
        #expect(one["recipe"]?[0]?["digest"]?.string == "sha256:" + (try service.digest("ink")))
    }

    @Test(arguments: ["f32", "f16", "bf16"])
    func `a type that is asked for is announced, valid and rounded once`(type: String) throws {
        let service = try Service.main()
        #expect(try service.put("ink", Samples.plain).status == 201)
        let exact = try Samples.tensors(try service.file("main+ink:0.7"))
        let listing = try service.get("/v1/models/main+ink:0.7/files?dtype=\(type)").json
        let file = try service.file("main+ink:0.7", "main_fp32.safetensors", "?dtype=\(type)")
        #expect(listing["files"]?[0]?["size"]?.integer == file.count)
        let converted = try Samples.tensors(file)
        #expect(Set(converted.keys) == Set(exact.keys))
        for (name, tensor) in exact {
            let other = try #require(converted[name])
            #expect(other.dtype == type.uppercased())
            #expect(other.shape == tensor.shape)
            #expect(other.bytes == Self.rounded(tensor.floats, to: type), "\(name)")
        }
    }

    /// To the nearest, ties to even.
    private static func rounded(_ values: [Float], to type: String) -> Data {
        var data = Data()
        for value in values {
            switch type {
            case "f16": withUnsafeBytes(of: Float16(value).bitPattern) { data.append(contentsOf: $0) }
            case "bf16":
                let bits = value.bitPattern
                let half = UInt16(truncatingIfNeeded: (bits &+ 0x7fff &+ (bits >> 16 & 1)) >> 16)
                withUnsafeBytes(of: half) { data.append(contentsOf: $0) }
            default: withUnsafeBytes(of: value.bitPattern) { data.append(contentsOf: $0) }
            }
        }
        return data
    }
}
