import Foundation
import Testing
import UmbelFormats

/// The Hub's protocol as it is on the wire, without a client that forgives.
@Suite struct HubProtocolTests {
    private static let file = "main_fp32.safetensors"

    private func service() throws -> Service {
        let service = try Service.main()
        #expect(try service.put("ink", Samples.plain).status == 201)
        return service
    }

    @Test(arguments: [
        "/main/resolve/ink%3A0.5/", "/main/resolve/ink:0.5/", "/a-b.c/main/resolve/ink%3A0.5/",
        "/models/main/resolve/ink:0.5/", "/api/main/resolve/ink:0.50/",
    ])
    func `a file has its commit, a length and an entity tag that is no SHA-256, in every spelling`(_ path: String)
        throws
    {
        let service = try service()
        let expected = try service.file("main+ink:0.5")
        let head = try service.request("HEAD", path + Self.file)
        #expect(head.status == 200)
        let commit = try #require(head["x-repo-commit"])
        #expect(commit == head["x-umbel-variant"])
        #expect(commit.count == 40)
        #expect(head["content-length"] == String(expected.count))
        #expect(head["accept-ranges"] == "bytes")
        let tag = try #require(head["etag"]).trimmingCharacters(in: ["\""])
        #expect(tag.count != 64)
        #expect(!tag.contains("/"))
        let whole = try service.get(path + Self.file)
        #expect(whole.body == expected)
        let part = try service.get("/main/resolve/\(commit)/\(Self.file)", ["Range": "bytes=100-199"])
        #expect(part.status == 206)
        #expect(part.body == expected[100..<200])
    }

    @Test func `plus signs in a revision may be escaped or not, and a digest pins an adapter`() throws {
        let service = try service()
        #expect(try service.put("other", try Samples.other()).status == 201)
        let digest = try service.digest("ink").prefix(12)
        let commits = try ["ink:0.5+other:-1", "ink:0.5%2Bother%3A-1", "ink@\(digest):0.5+other:-1"].map { revision in
            try service.get("/api/models/main/revision/\(revision)").json["sha"]?.string
        }
        #expect(Set(commits).count == 1)
        #expect(commits[0]?.count == 40)
    }

    @Test func `files of the base have their SHA-256 as entity tag in all variants, merged ones learn theirs`() throws {
        let service = try Service(["shapes": Samples.pipeline])
        #expect(try service.put("outline", Samples.outline).status == 201)
        let untouched = "vae/diffusion_pytorch_model.safetensors"
        let tags = try ["main", "outline"].map { revision in
            try service.request("HEAD", "/shapes/resolve/\(revision)/\(untouched)")["etag"]
        }
        let own = Samples.sha256(try Samples.data(Samples.pipeline + "/" + untouched))
        #expect(tags == ["\"\(own)\"", "\"\(own)\""])
        let merged = "unet/diffusion_pytorch_model.safetensors"
        func checksum() throws -> String? {
            let tree = try service.get("/api/models/shapes/tree/outline?recursive=true").json.array ?? []
            return tree.first { $0["path"]?.string == merged }?["lfs"]?["oid"]?.string
        }
        #expect(try checksum() == nil)
        let tag = try service.request("HEAD", "/shapes/resolve/outline/\(merged)")["etag"]
        let whole = try service.get("/shapes/resolve/outline/\(merged)")
        #expect(try checksum() == Samples.sha256(whole.body))
        #expect(whole["etag"] == tag, "a file keeps its tag")
    }

    @Test func `the list of files comes in pages`() throws {
        let service = try Service(["shapes": Samples.pipeline])
        var next: String? = "/api/models/shapes/tree/main?recursive=true&limit=5"
        var paths: [String] = []
        var pages = 0
        while let target = next {
            let page = try service.get(target)
            paths += (try page.json.array ?? []).compactMap { $0["path"]?.string }
            pages += 1
            next = page["link"].map { link in
                let url = link.dropFirst().prefix { $0 != ">" }
                #expect(url.hasPrefix("http://test/api/models/shapes/tree/main?"))
                return String(url.dropFirst("http://test".count))
            }
        }
        #expect(pages > 2)
        #expect(paths == paths.sorted())
        let whole = try service.get("/api/models/shapes/tree/main?recursive=1").json.array ?? []
        #expect(paths == whole.compactMap { $0["path"]?.string })
    }

    @Test(arguments: [
        ("/nobody/resolve/main/x", "RepoNotFound", "unknown_model"),
        ("/main/resolve/none/x", "RevisionNotFound", "unknown_adapter"),
        ("/main/resolve/ink:x/x", "RevisionNotFound", "invalid_reference"),
        ("/main/resolve/\(String(repeating: "a", count: 40))/x", "RevisionNotFound", "unknown_variant"),
        ("/main/resolve/main/x", "EntryNotFound", "unknown_file"),
        ("/ink/resolve/main/x", "EntryNotFound", "unknown_file"),
        ("/ink/resolve/ffff0000/x", "RevisionNotFound", "unknown_adapter"),
    ])
    func `what is missing has the code that clients look for`(target: String, code: String, problem: String) throws {
        let service = try service()
        let answer = try service.get(target)
        #expect(answer.codes == [problem])
        #expect(answer["x-error-code"] == code)
        #expect(answer["x-error-message"] == (try answer.json["error"]?.string))
        #expect(answer["x-error-message"]?.allSatisfy { $0.isASCII } == true)
        #expect((answer["x-repo-commit"] != nil) == (code == "EntryNotFound"))
    }

    @Test func `a commit that was given out is good after a restart, under whatever name its adapter is stored`() throws
    {
        let service = try service()
        let commit = try #require(service.get("/api/models/main/revision/ink:0.5").json["sha"]?.string)
        let unpublished = try #require(service.get("/v1/models/main+ink:0.25")["x-umbel-variant"])
        let posted = try #require(service.post("/v1/variants", "{\"model\": \"main+ink:0.75\"}")["x-umbel-variant"])
        let expected = try service.file("main+ink:0.5")
        #expect(try service.put("renamed", Samples.plain).status == 201)
        #expect(try service.delete("/v1/adapters/ink").status == 204)
        #expect(try service.stop() == 0)
        try service.start()
        #expect(try service.get("/main/resolve/\(commit)/\(Self.file)").body == expected)
        #expect(try service.file(commit) == expected, "at every door")
        #expect(try service.get("/v1/models/\(posted)").status == 200)
        #expect(try service.get("/v1/models/\(unpublished)").codes == ["unknown_variant"])
        #expect(try service.delete("/v1/adapters/renamed").status == 204)
        #expect(try service.stop() == 0)
        try service.start()
        let gone = try service.get("/main/resolve/\(commit)/\(Self.file)")
        #expect(gone.codes == ["variant_gone"])
        #expect(gone["x-error-code"] == "RevisionNotFound")
    }

    // MARK: Commits

    private func line(_ key: String, _ value: String) -> String { "{\"key\": \"\(key)\", \"value\": \(value)}\n" }

    private func file(_ path: String, _ content: Data, encoding: String = "base64") -> String {
        let text = content.base64EncodedString()
        return line("file", "{\"content\": \"\(text)\", \"path\": \"\(path)\", \"encoding\": \"\(encoding)\"}")
    }

    private func commit(_ name: String, _ lines: String, to service: Service, branch: String = "main") throws -> Answer
    {
        try service.post("/api/models/\(name)/commit/\(branch)", line("header", "{\"summary\": \"x\"}") + lines)
    }

    @Test func `a commit changes what it names and keeps the rest`() throws {
        let service = try Service(["stories": Samples.llama])
        let tensors = try Samples.data(Samples.shakespeare + "/adapter_model.safetensors")
        let config = try Samples.data(Samples.shakespeare + "/adapter_config.json")
        let first = try commit(
            "ns/bard", file("adapter_model.safetensors", tensors) + file("adapter_config.json", config), to: service)
        #expect(first.status == 200)
        #expect(try service.digest("bard").hasPrefix(first.json["commitOid"]?.string ?? "none"))
        #expect(try first.json["commitUrl"]?.string?.contains("/ns/bard/commit/") == true)
        let unchanged = try commit("bard", file("README.md", Data("hello".utf8)), to: service)
        #expect(try unchanged.json["commitOid"] == first.json["commitOid"])
        let other = Data(String(decoding: config, as: UTF8.self).replacingOccurrences(of: "{", with: "{ ").utf8)
        let second = try commit("bard", file("adapter_config.json", other), to: service)
        #expect(second.status == 200)
        #expect(try second.json["commitOid"] != first.json["commitOid"])
        #expect(try service.get("/bard/resolve/main/adapter_config.json").body == other)
        #expect(try service.get("/bard/resolve/main/adapter_model.safetensors").body == tensors)
        let parent = try #require(first.json["commitOid"]?.string)
        let late = try service.post(
            "/api/models/bard/commit/main",
            line("header", "{\"summary\": \"x\", \"parentCommit\": \"\(parent)\"}")
                + file("adapter_config.json", config))
        #expect(late.codes == ["precondition_failed"])
        #expect(try service.get("/v1/adapters/bard?effects=false").json["generation"]?.integer == 2)
    }

    @Test func `settings of other folders are not the adapter's`() throws {
        let service = try Service(["stories": Samples.llama])
        let tensors = try Samples.data(Samples.shakespeare + "/adapter_model.safetensors")
        let config = try Samples.data(Samples.shakespeare + "/adapter_config.json")
        let other = Data(String(decoding: config, as: UTF8.self).replacingOccurrences(of: "{", with: "{ ").utf8)
        let first = try commit(
            "bard",
            file("adapter_model.safetensors", tensors) + file("adapter_config.json", config)
                + file("checkpoint-1/adapter_config.json", other), to: service)
        #expect(first.status == 200)
        #expect(try service.get("/bard/resolve/main/adapter_config.json").body == config)
        let deleted = try commit(
            "bard", line("deletedFile", "{\"path\": \"checkpoint-1/adapter_config.json\"}"), to: service)
        #expect(deleted.status == 200)
        #expect(try service.get("/bard/resolve/main/adapter_config.json").body == config)
    }

    @Test func `a commit larger than what is kept in memory arrives whole, however its content is escaped`() throws {
        let scratch = try Scratch()
        let large = try Samples.enlarged(by: 1 << 20)
        let service = try Service(["main": try scratch.write("large.safetensors", large)])
        // The base itself is no adapter, but its bytes are refused as tensors and not as base64.
        let escaped = file("a.safetensors", large).replacingOccurrences(of: "/", with: "\\/")
        let refused = try commit("large", escaped, to: service)
        #expect(refused.status == 422)
        #expect(!refused.codes.contains("content_malformed"))
        #expect(try commit("ink", file("a.safetensors", Samples.data(Samples.plain)), to: service).status == 200)
        #expect(try service.digest("ink") == Samples.sha256(Samples.data(Samples.plain)))
    }

    @Test func `a commit that cannot be kept is refused with its reason and leaves nothing`() throws {
        let service = try Service.main("--set", "adapters.upload_bytes=100000")
        let plain = try Samples.data(Samples.plain)
        let malformed = line("file", "{\"content\": \"?AAA\", \"path\": \"a.safetensors\", \"encoding\": \"base64\"}")
        let cases: [(String, String, String)] = [
            ("main", file("a.safetensors", plain), "base_read_only"),
            ("a", file("a.safetensors", plain) + file("b.safetensors", plain), "several_tensor_files"),
            ("a", file("a.safetensors", plain, encoding: "utf-8"), "content_malformed"),
            (
                "a", malformed,
                "content_malformed"
            ),
            ("a", "", "no_tensors"), ("a", line("deletedFile", "{\"path\": \"a.safetensors\"}"), "no_tensors"),
            ("a", line("lfsFile", "{\"path\": \"a.safetensors\", \"oid\": \"0\"}"), "commit_unsupported"),
            ("a", file("model.bin", plain), "not_safetensors"), ("a", "{\"key\": \"file\"", "invalid_json"),
            ("a", "{\"key\": \"file\", \"value\": {\"content\": \"AAAA", "body_malformed"),
            ("a", file("a.safetensors", Data(count: 100_000)), "body_too_large"),
            (".a", file("a.safetensors", plain), "invalid_name"),
        ]
        for (name, lines, code) in cases {
            let answer = try commit(name, lines, to: service)
            #expect(answer.codes.contains(code), "\(code): \(answer.status) \(answer.text)")
            #expect(answer["x-error-message"] != nil)
        }
        #expect(
            try commit("a", file("a.safetensors", plain), to: service, branch: "dev").codes == ["branch_unsupported"])
        #expect(service.stored == [])
    }
}
