import Foundation
import Testing
import UmbelFormats

/// The calls of vLLM's, SGLang's and llama.cpp's clients.
@Suite struct InferenceServerTests {
    /// A folder of adapters beside things that must not be reached.
    private struct Shelf {
        let scratch: Scratch
        var folder: String { scratch.path + "/shelf" }

        init() throws {
            scratch = try Scratch()
            let files = FileManager.default
            try files.createDirectory(atPath: folder + "/styles/peft", withIntermediateDirectories: true)
            try files.createDirectory(atPath: scratch.path + "/outside", withIntermediateDirectories: true)
            try scratch.write("outside/secret.safetensors", try Samples.data(Samples.plain))
            try scratch.write("shelf/styles/ink.safetensors", try Samples.data(Samples.plain))
            try scratch.write("shelf/.hidden.safetensors", try Samples.data(Samples.plain))
            try scratch.write("shelf/notes.txt", Data("no adapter".utf8))
            for name in ["adapter_model.safetensors", "adapter_config.json"] {
                try scratch.write("shelf/styles/peft/" + name, try Samples.data(Samples.shakespeare + "/" + name))
            }
            let links = [
                "/link.safetensors": scratch.path + "/outside/secret.safetensors", "/out": scratch.path + "/outside",
                "/inside.safetensors": folder + "/styles/ink.safetensors", "/styles/up": "..",
            ]
            for (name, target) in links {
                try files.createSymbolicLink(atPath: folder + name, withDestinationPath: target)
            }
        }
    }

    private func service(_ shelf: Shelf) throws -> Service {
        try Service(
            ["main": Samples.main, "stories": Samples.llama], arguments: ["--set", "adapters.folder=\(shelf.folder)"])
    }

    private func load(
        _ name: String, _ path: String, in service: Service, _ more: String = "",
        at target: String = "/v1/load_lora_adapter"
    ) throws -> Answer {
        let text = JSON.string(path).text
        return try service.post(target, "{\"lora_name\": \"\(name)\", \"lora_path\": \(text)\(more)}")
    }

    // MARK: vLLM

    @Test func `an adapter is loaded by name, digest or entry, replaced in place and unloaded`() throws {
        let shelf = try Shelf()
        let service = try service(shelf)
        let first = try load("ink", "styles/ink.safetensors", in: service)
        #expect(first.status == 200)
        #expect(first.text == "Success: LoRA adapter 'ink' added successfully.")
        #expect(first["content-type"]?.hasPrefix("text/plain") == true)
        let digest = try service.digest("ink")
        #expect(digest == Samples.sha256(try Samples.data(Samples.plain)))
        for path in ["ink", "ink@\(digest.prefix(10))", "sha256:\(digest)", "sha256:\(digest.prefix(3))", digest] {
            #expect(try load("copy", path, in: service, ", \"load_inplace\": true").status == 200, "\(path)")
            #expect(try service.digest("copy") == digest)
        }
        let again = try load("ink", "styles/ink.safetensors", in: service)
        #expect(again.status == 400)
        let error = try again.json["error"]
        #expect(error?["code"]?.integer == 400)
        #expect(error?["type"]?.string == "BadRequestError")
        #expect(error?["message"]?.string?.contains("load_inplace") == true)
        #expect(try service.put("other", try Samples.other()).status == 201)
        #expect(try load("ink", "other", in: service, ", \"load_inplace\": true").status == 200)
        #expect(try service.get("/v1/adapters/ink?effects=false").json["generation"]?.integer == 2)
        let gone = try service.post("/v1/unload_lora_adapter", "{\"lora_name\": \"ink\", \"lora_int_id\": null}")
        #expect(gone.status == 200)
        #expect(gone.text == "Success: LoRA adapter 'ink' removed successfully.")
        let missing = try service.post("/v1/unload_lora_adapter", "{\"lora_name\": \"ink\"}")
        #expect(missing.status == 404)
        #expect(try missing.json["error"]?["type"]?.string == "NotFoundError")
    }

    @Test func `a loaded adapter is a model of its own where it fits one base`() throws {
        let shelf = try Shelf()
        let service = try service(shelf)
        #expect(try load("bard", "styles/peft", in: service).status == 200)
        let alone = try service.get("/v1/models/bard")
        #expect(alone.status == 200)
        #expect(alone["x-umbel-variant"] == (try service.get("/v1/models/stories+bard")["x-umbel-variant"]))
        let models = try service.get("/v1/models").json["data"]?.array ?? []
        let entry = try #require(models.first { $0["id"]?.string == "bard" })
        #expect(entry["parent"]?.string == "stories")
        #expect(entry["root"]?.string?.hasPrefix("stories+bard@") == true)
        // With two bases of the same layout nothing says which is meant.
        let twins = try Service(["one": Samples.main, "two": Samples.main])
        #expect(try twins.put("ink", Samples.plain).status == 201)
        #expect(try twins.get("/v1/models/ink").codes == ["base_ambiguous"])
        #expect(try twins.get("/v1/models").json["data"]?.array?.contains { $0["id"]?.string == "ink" } == false)
    }

    @Test(arguments: [
        "../outside/secret.safetensors", "styles/../../outside/secret.safetensors", "/etc/passwd", "link.safetensors",
        "out/secret.safetensors", "inside.safetensors", "styles/up/styles/ink.safetensors", "styles/up", "", ".", "..",
        "./styles/ink.safetensors", "styles//ink.safetensors", "styles/", "styles/ink.safetensors/", "/",
        "%2e%2e/outside/secret.safetensors", "styles/%2e%2e/ink.safetensors", "styles\u{0}/ink.safetensors",
        "styles/ink.safetensors\u{0}", "..\\outside\\secret.safetensors", ".hidden.safetensors", "notes.txt",
        "styles/none.safetensors", "~", "file:///etc/passwd", "http://127.0.0.1/x",
    ])
    func `nothing in a request becomes a path`(_ path: String) throws {
        let shelf = try Shelf()
        let service = try service(shelf)
        for target in ["/v1/load_lora_adapter", "/load_lora_adapter"] {
            let answer = try load("ink", path, in: service, at: target)
            #expect(answer.codes == ["unknown_adapter"], "\(answer.text)")
        }
        let whole = shelf.folder + "/styles/ink.safetensors"
        #expect(try load("ink", whole, in: service).codes == ["unknown_adapter"], "not even the true absolute path")
        #expect(service.stored == [])
    }

    @Test func `without a folder only the registry is looked at`() throws {
        let service = try Service.main()
        #expect(try load("ink", "styles/ink.safetensors", in: service).codes == ["unknown_adapter"])
        #expect(try load("main", "x", in: service).codes == ["invalid_name"])
        #expect(try load("a/b", "x", in: service).codes == ["invalid_name"])
        #expect(try service.post("/v1/load_lora_adapter", "{\"lora_name\": \"x\"}").codes == ["missing_field"])
        #expect(try service.post("/v1/load_lora_adapter", "{\"lora_name\": 1}").codes == ["invalid_field"])
    }

    // MARK: SGLang

    @Test func `a pinned adapter stays resident until it is unloaded`() throws {
        let shelf = try Shelf()
        let service = try service(shelf)
        let answer = try load(
            "ink", "styles/ink.safetensors", in: service, ", \"pinned\": true", at: "/load_lora_adapter")
        #expect(answer.status == 200)
        #expect(try answer.json["success"]?.bool == true)
        #expect(try answer.json["loaded_adapters"]?["ink"]?.string == "sha256:" + service.digest("ink"))
        let id = try #require(answer["x-umbel-variant"])
        #expect(try service.get("/v1/variants/\(id)").json["pinned"]?.bool == true)
        let again = try load("ink", "styles/ink.safetensors", in: service, at: "/load_lora_adapter")
        #expect(again.status == 400)
        #expect(try again.json["success"]?.bool == false)
        #expect(try again.json["error_message"]?.string == again.json["error"]?["message"]?.string)
        #expect(try service.post("/unload_lora_adapter", "{\"lora_name\": \"ink\"}").status == 200)
        #expect(try service.get("/v1/variants/\(id)").status == 404)
        #expect(try service.post("/unload_lora_adapter", "{\"lora_name\": \"ink\"}").codes == ["unknown_adapter"])
    }

    @Test func `what cannot be pinned is not loaded`() throws {
        let service = try Service.main("--set", "cache.bytes=0")
        #expect(try service.put("stored", Samples.plain).status == 201)
        let answer = try load("ink", "stored", in: service, ", \"pinned\": true", at: "/load_lora_adapter")
        #expect(answer.codes == ["over_budget"])
        #expect(try service.get("/v1/adapters/ink").status == 404)
    }

    // MARK: llama.cpp

    @Test func `scales make the model default and leave the base alone`() throws {
        let shelf = try Shelf()
        let service = try service(shelf)
        #expect(try service.put("ink", Samples.plain).status == 201)
        #expect(try load("bard", "styles/peft", in: service).status == 200)
        let list = try service.get("/lora-adapters").json
        #expect(list.array?.compactMap { $0["id"]?.integer } == [0, 1])
        #expect(list.array?.compactMap { $0["scale"]?.double } == [0, 0])
        let id = try #require(list.array?.first { $0["path"]?.string == "ink" }?["id"]?.integer)
        #expect(try service.get("/v1/models/default").codes == ["unknown_model"], "two bases, and none was chosen")
        let base = try service.file("main")
        let set = try service.post("/lora-adapters", "[{\"id\": \(id), \"scale\": 0.5}]")
        #expect(try set.json["success"]?.bool == true)
        #expect(try set.json["model"]?.string == "main+ink:0.5")
        #expect(try service.file("default") == service.file("main+ink:0.5"))
        #expect(try service.file("main") == base)
        #expect(try service.delete("/v1/adapters/ink").codes.contains("adapter_in_use"))
        #expect(try service.stop() == 0)
        try service.start()
        let after = try service.get("/lora-adapters").json
        #expect(after.array?.first { $0["path"]?.string == "ink" }?["scale"]?.double == 0.5, "acknowledged is durable")
        let both = try service.post("/lora-adapters", "[{\"id\": 0, \"scale\": 1}, {\"id\": 1, \"scale\": 1}]")
        #expect(both.codes == ["base_ambiguous"], "no base takes both")
        for wrong in ["{}", "[{\"id\": 7, \"scale\": 1}]", "[{\"id\": 0}]", "[{\"id\": 0, \"scale\": \"1\"}]"] {
            let answer = try service.post("/lora-adapters", wrong)
            #expect(answer.codes.contains("invalid_field"), "\(wrong)")
            #expect(try answer.json["error"]?["code"]?.integer == 400)
        }
        #expect(try service.get("/v1/models/default")["x-umbel-variant"] == service.variant("main+ink:0.5"))
        #expect(try service.post("/lora-adapters", "[]").status == 200)
        #expect(try service.get("/v1/models/default").status == 404)
    }
}

extension Requesting {
    fileprivate func variant(_ model: String) throws -> String? { try get("/v1/models/\(model)")["x-umbel-variant"] }
}
