import Foundation
import Testing
import UmbelFormats
import UmbelTensor

/// Textual inversions, from the upload to the picture.
@Suite struct EmbeddingTests {
    private static let folder = Samples.root + "/Tests/DrawingFixtures/inversions"
    private static let ink = folder + "/ink.safetensors"
    private static let forLarge = folder + "/ink-xl.safetensors"

    private let service: Service

    init() throws { service = try Service(["shapes": Samples.pipeline]) }

    /// The pixels of a prompt's picture, as they are packed in its file: the text beside them has the prompt.
    private func picture(_ prompt: String, model: String = "shapes") throws -> Data {
        let body: JSON = [
            "prompt": .string(prompt), "model": .string(model), "seed": 1, "steps": 2, "size": "32x32",
        ]
        let answer = try service.post("/v1/images/generations", body.text)
        guard answer.status == 200, let text = try answer.json["data"]?.array?.first?["b64_json"]?.string,
            let file = Data(base64Encoded: text)
        else { throw HarnessFailure("\(model): \(answer.text)") }
        var (pixels, place) = (Data(), 8)
        while place + 12 <= file.count {
            let length = file[place..<place + 4].reduce(0) { $0 << 8 | Int($1) }
            if file[place + 4..<place + 8] == Data("IDAT".utf8) { pixels += file[place + 8..<place + 8 + length] }
            place += length + 12
        }
        return pixels
    }

    @Test func `an embedding is stored, told of, used by its words, kept over a crash and deleted`() throws {
        let without = try picture("a red ink circle")
        let added = try service.put("ink", Self.ink)
        #expect(added.status == 201, "\(added.text)")
        let adapter = try service.get("/v1/adapters/ink").json
        #expect(adapter["format"] == "textual_inversion" && adapter["algorithms"] == ["textual_inversion": 1])
        #expect(
            adapter["embeddings"] == [
                ["name": "ink", "words": ["ink", "<ink-style>"], "vectors": 2, "widths": [64], "bases": ["shapes"]]
            ])
        let with = try picture("a red ink circle")
        #expect(with != without)
        #expect(try picture("a red <ink-style> circle") == with)
        #expect(try picture("a red ink circle", model: "shapes+ink") == with)
        let inside = try picture("a red blinking circle")
        try service.crash()
        #expect(try picture("a red ink circle") == with)
        #expect(try service.delete("/v1/adapters/ink").status == 204)
        #expect(try picture("a red ink circle") == without)
        #expect(try picture("a red blinking circle") == inside, "a part of a word is none")
    }

    /// Ends the service and makes the stored file of an adapter one that cannot be read.
    private func damage(_ name: String, isMissing: Bool) throws {
        let adapters = try service.get("/v1/adapters").json["data"]?.array
        let digest = try #require(adapters?.first { $0["name"]?.string == name }?["digest"]?.string)
        try service.kill()
        let path = service.scratch.path + "/data/blobs/" + digest.dropFirst("sha256:".count)
        if isMissing { return try FileManager.default.removeItem(atPath: path) }
        let file = try FileHandle(forWritingTo: URL(filePath: path))
        try file.write(contentsOf: [UInt8](repeating: 0xff, count: 8))
        try file.close()
    }

    @Test(arguments: [false, true])
    func `who says the word of an embedding that is damaged is told so, who says others draws`(isMissing: Bool) throws {
        let prompt = { (text: String, model: String) in
            try service.post(
                "/v1/images/generations",
                #"{"prompt": "\#(text)", "model": "\#(model)", "seed": 1, "steps": 1, "size": "32x32"}"#)
        }
        #expect(try service.put("ink", Self.ink).status == 201)
        #expect(try service.put("large", Self.forLarge, "?base=none").status == 201)
        let other = try picture("a blinking circle")
        try damage("ink", isMissing: isMissing)
        try service.start()
        try damage("large", isMissing: isMissing)
        try service.start()
        #expect(try picture("a blinking circle") == other)
        #expect(try prompt("a LARGE circle", "shapes").status == 200, "it never fitted this base")
        for (text, model) in [
            ("an (ink:1.2) circle", "shapes"), ("an <Ink-Style> circle", "shapes"), ("a", "shapes+ink"),
        ] {
            let answer = try prompt(text, model)
            #expect(answer.status == 507, "\(text): \(answer.text)")
            #expect(try answer.json["code"] == "content_unreadable")
            #expect(try answer.json["detail"]?.string?.contains("“ink”") == true)
        }
        let webUI = try service.post("/sdapi/v1/txt2img", #"{"prompt": "p", "negative_prompt": "ink", "steps": 1}"#)
        #expect(webUI.status == 507, "\(webUI.text)")
        let sweep = try service.post(
            "/v1/sweep", #"{"prompt": "ink", "model": "shapes", "axes": {"steps": [1, 2]}, "size": "32x32"}"#)
        #expect(sweep.status == 507, "\(sweep.text)")
        let lines = service.log.split(separator: "\n").filter { $0.contains("textual inversion cannot be read") }
        #expect(lines.count == 1, "\(lines)")
        #expect(lines.first?.contains("ink") == true && lines.first?.contains("warning") == true)
        let listed = try service.get("/v1/adapters").json["data"]?.array
        #expect(listed?.map { $0["problem"]?["code"] } == ["content_unreadable", "content_unreadable"])
        #expect(try service.get("/sdapi/v1/embeddings").json["skipped"]?["ink"]?["shape"] == 64)
        #expect(try service.get("/sdapi/v1/loras").json == [])
        #expect(try service.put("ink", Self.ink).status == 200, "the same bytes put the file back")
        #expect(try prompt("an ink circle", "shapes").status == 200)
    }

    @Test func `web UIs list embeddings, and not among what a tag can name`() throws {
        #expect(try service.put("ink", Self.ink).status == 201)
        #expect(try service.put("large", Self.forLarge, "?base=none").status == 201)
        let listed = try service.get("/sdapi/v1/embeddings").json
        let facts: (Int, Int) -> JSON = { shape, vectors in
            [
                "step": .null, "sd_checkpoint": .null, "sd_checkpoint_name": .null, "shape": JSON(shape),
                "vectors": JSON(vectors),
            ]
        }
        #expect(listed["loaded"] == ["ink": facts(64, 2)])
        #expect(listed["skipped"] == ["large": facts(20, 2)])
        #expect(try service.get("/sdapi/v1/loras").json == [])
        let tag = try service.post("/sdapi/v1/txt2img", #"{"prompt": "<lora:ink:1>", "steps": 1}"#)
        #expect(try tag.json["code"] == "nothing_to_merge")
    }

    @Test func `there is nothing to merge in an embedding, and it fits its text encoders or none`() throws {
        #expect(try service.put("ink", Self.ink).status == 201)
        let merged = try service.get("/v1/models/shapes+ink/files")
        #expect(merged.status == 422)
        #expect(try merged.json["code"] == "nothing_to_merge")
        let scaled = try service.post("/v1/images/generations", #"{"prompt": "ink", "model": "shapes+ink:0.5"}"#)
        #expect(scaled.status == 400 && scaled.text.contains("(ink:0.8)"))
        let misfit = try service.put("large", Self.forLarge)
        #expect(misfit.status == 422)
        #expect(try misfit.json["code"] == "embedding_misfit")
        #expect(try misfit.json["detail"]?.string?.contains("clip_l") == true)
        let command = try umbel(
            "merge", "--base", Samples.pipeline, "--adapter", Self.ink, "--out", "merged", in: service.scratch)
        #expect(command.status != 0 && command.errors.contains("textual inversion"))
        let inspected = try umbel("inspect", "--json", Self.ink, in: service.scratch)
        let told = try JSON(parsing: Array(inspected.output))
        #expect(told["kind"] == "textual_inversion")
        #expect(told["embeddings"]?.array?.first?["words"] == ["ink", "<ink-style>"])
        let checked = try umbel("check", "--base", Samples.pipeline, Self.ink, in: service.scratch)
        #expect(checked.status == 0)
        #expect(try umbel("check", "--base", Samples.pipeline, Self.forLarge, in: service.scratch).status == 3)
    }

    @Test func `a pickled embedding is refused as what it is`() throws {
        let answer = try service.request(
            "PUT", "/v1/adapters/old", body: Data([0x50, 0x4b, 3, 4] + [UInt8](repeating: 0, count: 60)))
        #expect(answer.status == 415, "\(answer.text)")
        #expect(try answer.json["code"] == "not_safetensors")
    }

    @Test func `the words of a bundle are there with its adapter`() throws {
        var tensors = try Samples.tensors(try Samples.data(Samples.pastel)).map { ($0.key, $0.value) }
        let ink = try #require(try Samples.tensors(try Samples.data(Self.ink))["<ink-style>"])
        tensors.append(("bundle_emb.shiny.emb_params", ink))
        let layout = SafetensorsLayout(
            tensors: try tensors.map { name, tensor in
                .init(name: name, dtype: try #require(DType(rawValue: tensor.dtype)), shape: tensor.shape)
            }, metadata: nil)
        let file = Data(layout.header) + tensors.reduce(Data()) { $0 + $1.1.bytes }
        #expect(try service.put("look", file).status == 201)
        let plain = try picture("a shiny circle", model: "shapes")
        #expect(try service.put("pastel", Samples.pastel).status == 201)
        #expect(try picture("a shiny circle", model: "shapes+look:0") != plain)
        #expect(try picture("a shiny circle", model: "shapes+pastel:0") == plain)
        #expect(
            try picture("a shiny circle", model: "shapes+look") != picture("a shiny circle", model: "shapes+pastel"))
        #expect(
            try picture("a round circle", model: "shapes+look") == picture("a round circle", model: "shapes+pastel"))
    }

    @Test func `fields that only SDXL has a use for, and prompts of too many chunks, are a 400 that names them`() throws
    {
        let long = String(repeating: "circle ", count: 32 * 75 + 1)
        let faults = [
            (#""prompt": "p", "prompt_2": "q""#, "prompt_2"),
            (#""prompt": "p", "target_size": [32, 32]"#, "target_size"),
            (#""prompt": "p", "negative_crops_coords_top_left": [1, 2]"#, "negative_crops_coords_top_left"),
            ("\"prompt\": \"\(long)\"", "prompt"),
            ("\"prompt\": \"p\", \"negative_prompt\": \"\(long)\"", "negative_prompt"),
        ]
        for (fields, name) in faults {
            let answer = try service.post("/v1/images/generations", "{\(fields), \"steps\": 1, \"size\": \"32x32\"}")
            #expect(answer.status == 400, "\(answer.text)")
            #expect(try answer.json["errors"]?.array?.first?["field"]?.string == name)
        }
    }
}
