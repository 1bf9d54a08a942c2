import Foundation
import Testing
import UmbelFormats

/// History, tags, labels and blobs of adapters.
@Suite struct RegistryTests {
    private let service: Service
    private let plain: Data
    private let other: Data

    init() throws {
        service = try Service.main()
        plain = try Samples.data(Samples.plain)
        other = try Samples.other()
    }

    private func generations(_ name: String) throws -> [Int] {
        (try service.get("/v1/adapters/\(name)/history").json["data"]?.array ?? []).compactMap {
            $0["generation"]?.integer
        }
    }

    // MARK: History

    @Test func `a re-point is undone by one call, and that can be undone too`() throws {
        #expect(try service.put("ink", plain).status == 201)
        #expect(try service.post("/v1/adapters/ink/rollback", "").codes == ["nothing_before"])
        #expect(try service.put("ink", other).status == 200)
        let back = try service.post("/v1/adapters/ink/rollback", "")
        #expect(back.status == 200)
        #expect(back["etag"] == "\"sha256:\(Samples.sha256(plain))\"")
        #expect(try back.json["generation"]?.integer == 3)
        #expect(try service.get("/v1/adapters/ink/content").body == plain)
        #expect(try service.post("/v1/adapters/ink/rollback", "").json["generation"]?.integer == 4)
        #expect(try service.get("/v1/adapters/ink/content").body == other)
        let history = try service.get("/v1/adapters/ink/history").json
        #expect(history["object"] == "list")
        #expect(try generations("ink") == [4, 3, 2, 1])
        #expect(history["data"]?[0]?["current"]?.bool == true && history["data"]?[1]?["current"]?.bool == false)
        #expect(history["data"]?[3]?["digest"] == .string("sha256:" + Samples.sha256(plain)))
        #expect(history["data"]?[3]?["bytes"]?.integer == plain.count)
        #expect(history["data"]?[3]?["created"]?.string?.hasSuffix("Z") == true)
    }

    @Test func `a rollback names a generation or a digest, and what is not kept is 404`() throws {
        for content in [plain, other, plain] { #expect(try service.put("ink", content).status < 300) }
        #expect(try service.post("/v1/adapters/ink/rollback", #"{"generation": 2}"#).json["generation"]?.integer == 4)
        let digest = Samples.sha256(plain)
        let byDigest = try service.post("/v1/adapters/ink/rollback", #"{"digest": "sha256:\#(digest)"}"#)
        #expect(try byDigest.json["digest"] == .string("sha256:" + digest))
        #expect(
            try service.post("/v1/adapters/ink/rollback", #"{"digest": "\#(digest)"}"#).json["generation"]?.integer
                == 5, "it points there already")
        for (body, status) in [
            (#"{"generation": 99}"#, 404), (#"{"digest": "sha256:0000"}"#, 404), (#"{"generation": "x"}"#, 400),
            (#"{"digest": "x"}"#, 400), (#"{"generatoin": 1}"#, 400), (#"{"generation": 1, "digest": "00"}"#, 400),
            ("[]", 400), ("{", 400),
        ] {
            #expect(try service.post("/v1/adapters/ink/rollback", body).status == status, "\(body)")
        }
        #expect(try service.post("/v1/adapters/none/rollback", "").status == 404)
        #expect(try service.get("/v1/adapters/none/history").status == 404)
    }

    @Test func `a rollback brings back what was allowed at that time`() throws {
        #expect(try service.put("odd", Samples.partial, "?allow_unmatched=true").status == 201)
        #expect(try service.put("odd", plain).status == 200)
        #expect(try service.get("/v1/adapters/odd?effects=false").json["allow_unmatched"]?.bool == false)
        #expect(try service.post("/v1/adapters/odd/rollback", "").json["allow_unmatched"]?.bool == true)
        #expect(try service.get("/v1/models/main+odd").status == 200)
    }

    @Test func `conditions guard rollbacks, tags and labels`() throws {
        #expect(try service.put("ink", plain).status == 201)
        #expect(try service.put("ink", other).status == 200)
        let stale: KeyValuePairs = ["If-Match": "\"sha256:\(Samples.sha256(plain))\""]
        let fresh: KeyValuePairs = ["If-Match": "\"sha256:\(Samples.sha256(other))\""]
        #expect(try service.post("/v1/adapters/ink/rollback", "", stale).codes == ["precondition_failed"])
        let labels = Data(#"{"labels": {"a": "b"}}"#.utf8)
        #expect(try service.request("PATCH", "/v1/adapters/ink", stale, body: labels).status == 412)
        #expect(try service.request("PATCH", "/v1/adapters/ink", fresh, body: labels).status == 200)
        #expect(try service.request("PUT", "/v1/adapters/ink/tags/prod", stale, body: Data()).status == 412)
        #expect(try service.request("PUT", "/v1/adapters/ink/tags/prod", body: Data()).status == 201)
        #expect(try service.request("PUT", "/v1/adapters/ink/tags/prod", fresh, body: Data()).status == 200)
        let create: KeyValuePairs = ["If-None-Match": "*"]
        #expect(try service.request("PUT", "/v1/adapters/ink/tags/prod", create, body: Data()).status == 412)
        #expect(try service.request("DELETE", "/v1/adapters/ink/tags/prod", stale).status == 412)
        #expect(try service.post("/v1/adapters/ink/rollback", "", fresh).status == 200)
        #expect(try generations("ink") == [3, 2, 1])
    }

    @Test func `as many former contents are kept as the setting says, and files go with them`() throws {
        let service = try Service.main("--set", "adapters.history=1")
        let contents = [plain, other, try Samples.variation(3)]
        for content in contents { #expect(try service.put("ink", content).status < 300) }
        #expect(try service.get("/v1/adapters/ink/history").json["data"]?.array?.count == 2)
        #expect(service.stored == contents[1...].map { "blobs/" + Samples.sha256($0) }.sorted())
        #expect(try service.post("/v1/adapters/ink/rollback", #"{"generation": 1}"#).codes == ["unknown_revision"])
    }

    // MARK: Tags

    @Test func `a tag stays while the name moves on, and is part of model references`() throws {
        #expect(try service.put("ink", plain).status == 201)
        let first = try service.file("main+ink")
        let made = try service.request("PUT", "/v1/adapters/ink/tags/prod", body: Data())
        #expect(made.status == 201)
        #expect(made["location"] == "/v1/adapters/ink/tags/prod")
        #expect(made["etag"] == "\"sha256:\(Samples.sha256(plain))\"")
        #expect(try made.json["tag"] == "prod")
        #expect(try service.put("ink", other).status == 200)
        #expect(try service.file("main+ink@prod") == first)
        #expect(try service.file("main+ink") != first)
        let model = try service.get("/v1/models/main+ink@prod:0.5").json
        #expect(model["recipe"]?[0]?["digest"] == .string("sha256:" + Samples.sha256(plain)))
        #expect(try service.get("/v1/adapters/ink?effects=false").json["tags"]?.strings == ["prod"])
        let tags = try service.get("/v1/adapters/ink/tags").json
        #expect(tags["data"]?[0]?["digest"] == .string("sha256:" + Samples.sha256(plain)))
        #expect(tags["data"]?[0]?["generation"]?.integer == 1)
        let moved = try service.request(
            "PUT", "/v1/adapters/ink/tags/prod", body: Data(#"{"digest": "\#(Samples.sha256(other))"}"#.utf8))
        #expect(moved.status == 200)
        #expect(try service.file("main+ink@prod") == service.file("main+ink"))
        #expect(try service.delete("/v1/adapters/ink/tags/prod").status == 204)
        #expect(try service.delete("/v1/adapters/ink/tags/prod").codes == ["unknown_tag"])
    }

    @Test func `an unknown tag is 404 with the nearest one, and a tag that looks like a digest is refused`() throws {
        #expect(try service.put("ink", plain).status == 201)
        #expect(try service.request("PUT", "/v1/adapters/ink/tags/prod", body: Data()).status == 201)
        let unknown = try service.get("/v1/models/main+ink@prdo")
        #expect(unknown.status == 404)
        #expect(unknown.codes == ["unknown_tag"])
        #expect(try unknown.json["detail"]?.string?.contains("“prod”") == true)
        for tag in ["3f2a", "ABC", "-x", "a%20b"] {
            #expect(try service.request("PUT", "/v1/adapters/ink/tags/\(tag)", body: Data()).codes == ["invalid_tag"])
        }
        let body = Data(#"{"digest": "sha256:00"}"#.utf8)
        #expect(try service.request("PUT", "/v1/adapters/ink/tags/x", body: body).codes == ["unknown_revision"])
        #expect(try service.request("PUT", "/v1/adapters/none/tags/x", body: Data()).status == 404)
    }

    @Test func `a tag keeps its content when the history forgets it`() throws {
        let service = try Service.main("--set", "adapters.history=0")
        #expect(try service.put("ink", plain).status == 201)
        #expect(try service.request("PUT", "/v1/adapters/ink/tags/prod", body: Data()).status == 201)
        #expect(try service.put("ink", other).status == 200)
        let both = [plain, other].map { "blobs/" + Samples.sha256($0) }.sorted()
        #expect(service.stored == both)
        #expect(try service.stop() == 0)
        try service.start()
        #expect(service.stored == both)
        #expect(try service.get("/v1/models/main+ink@prod").status == 200)
        #expect(try service.delete("/v1/adapters/ink/tags/prod").status == 204)
        #expect(service.stored == ["blobs/" + Samples.sha256(other)])
    }

    @Test func `a content that a route uses stays, whatever its name does`() throws {
        let service = try Service.main("--set", "adapters.history=0")
        #expect(try service.put("ink", plain).status == 201)
        let route = #"{"arms": [{"name": "a", "model": "main+ink", "weight": 1}]}"#
        #expect(try service.request("PUT", "/v1/routes/live", body: Data(route.utf8)).status == 201)
        let expected = try service.file("main+ink")
        #expect(try service.put("ink", other).status == 200)
        #expect(try service.delete("/v1/adapters/ink").status == 204)
        #expect(try service.get("/v1/adapters/ink").status == 404)
        try service.crash()
        #expect(try service.file("live") == expected)
        #expect(try service.delete("/v1/routes/live").status == 204)
        try service.crash()
        #expect(service.stored == [])
    }

    // MARK: Labels

    @Test func `labels come with an upload, are changed by PATCH, and filter the list`() throws {
        #expect(try service.put("a", Samples.plain, "?label=team:x&label=stage:test").status == 201)
        #expect(try service.put("b", Samples.plain, "?label=team:x").status == 201)
        #expect(try service.put("c", Samples.plain).status == 201)
        func names(_ query: String) throws -> [String] {
            (try service.get("/v1/adapters?" + query).json["data"]?.array ?? []).compactMap { $0["name"]?.string }
        }
        #expect(try names("label=team:x") == ["a", "b"])
        #expect(try names("label=team:x&label=stage:test") == ["a"])
        #expect(try names("label=team:y") == [])
        let change = #"{"labels": {"team": "y", "stage": null, "url": "http://x:1"}}"#
        let changed = try service.request("PATCH", "/v1/adapters/a", body: Data(change.utf8))
        #expect(changed.status == 200)
        #expect(try changed.json["labels"] == ["team": "y", "url": "http://x:1"])
        #expect(try changed.json["generation"]?.integer == 1)
        #expect(try names("label=url:http://x:1") == ["a"])
        #expect(try service.put("a", other).json["labels"] == ["team": "y", "url": "http://x:1"])
        try service.crash()
        #expect(try names("label=team:y") == ["a"])
    }

    @Test func `no more labels than there may be come with an upload`() throws {
        let service = try Service.main()
        let many = (0..<65).map { "label=l\($0):x" }.joined(separator: "&")
        #expect(try service.put("ink", Samples.plain, "?\(many)").codes == ["too_many_labels"])
        #expect(try service.get("/v1/adapters/ink").status == 404)
    }

    @Test func `labels that are none are refused`() throws {
        #expect(try service.put("a", Samples.plain).status == 201)
        for query in ["?label=x", "?label=:x", "?label=a%20b:x", "?label=a:%0A"] {
            #expect(try service.put("x", Samples.plain, query).status == 400, "\(query)")
        }
        let many = (0..<65).map { "\"l\($0)\": \"x\"" }.joined(separator: ",")
        for body in [
            "{}", "[]", #"{"labels": []}"#, #"{"labels": {"a": 1}}"#, #"{"labels": {"a b": "x"}}"#, #"{"lables": {}}"#,
            #"{"labels": {\#(many)}}"#,
        ] {
            #expect(try service.request("PATCH", "/v1/adapters/a", body: Data(body.utf8)).status == 400, "\(body)")
        }
        #expect(try service.request("PATCH", "/v1/adapters/none", body: Data(#"{"labels": {}}"#.utf8)).status == 404)
    }

    @Test func `pages neither skip nor repeat a name while others come and go`() throws {
        let names = (0..<12).map { "n" + String(UnicodeScalar(UInt8(97 + $0))) }
        for name in names { #expect(try service.put(name, plain).status == 201) }
        var seen: [String] = []
        var cursor = ""
        repeat {
            let page = try service.get("/v1/adapters?limit=3" + (cursor.isEmpty ? "" : "&cursor=\(cursor)")).json
            seen += (page["data"]?.array ?? []).compactMap { $0["name"]?.string }
            cursor = page["next_cursor"]?.string ?? ""
            // One that was seen goes, and one comes before the cursor.
            #expect(try service.delete("/v1/adapters/\(seen[seen.count - 1])").status == 204)
            #expect(try service.put("a\(seen.count)", plain).status == 201)
        } while !cursor.isEmpty && seen.count < 100
        #expect(seen == names)
    }

    // MARK: Blobs

    private func post(blob content: Data, as digest: String) throws -> Answer {
        try service.request("POST", "/v1/blobs/sha256:\(digest)", body: content)
    }

    @Test func `a blob is uploaded once and found by HEAD`() throws {
        let digest = Samples.sha256(plain)
        #expect(try service.request("HEAD", "/v1/blobs/sha256:\(digest)").status == 404)
        #expect(try post(blob: plain, as: digest).status == 201)
        #expect(try post(blob: plain, as: digest).status == 200)
        let head = try service.request("HEAD", "/v1/blobs/sha256:\(digest)")
        #expect(head.status == 200)
        #expect(head["content-length"] == "\(plain.count)")
        #expect(try service.get("/v1/blobs/sha256:\(digest)").body == plain)
        #expect(try service.get("/v1/blobs/sha256:\(Samples.sha256(other))").codes == ["unknown_blob"])
        let wrong = try post(blob: other, as: String(repeating: "0", count: 64))
        #expect(wrong.status == 400)
        #expect(wrong.codes == ["digest_mismatch"])
        #expect(service.stored == ["blobs/" + digest])
        for path in ["sha256:00", digest, "md5:\(digest)", "sha256:" + digest.uppercased()] {
            #expect(try service.get("/v1/blobs/\(path)").status == 400, "\(path)")
        }
    }

    @Test func `an adapter made of blobs is the one that a PUT makes`() throws {
        let digest = Samples.sha256(plain)
        #expect(try service.put("whole", plain).status == 201)
        #expect(try service.request("HEAD", "/v1/blobs/sha256:\(digest)").status == 200, "contents are blobs too")
        let body = #"{"name": "made", "files": {"adapter.safetensors": "sha256:\#(digest)"}, "labels": {"a": "b"}}"#
        let made = try service.post("/v1/adapters", body, ["Content-Type": "application/json"])
        #expect(made.status == 201)
        #expect(made["location"] == "/v1/adapters/made")
        #expect(made["etag"] == "\"sha256:\(digest)\"")
        func facts(_ name: String) throws -> [JSON.Member] {
            (try service.get("/v1/adapters/\(name)").json.members ?? []).filter {
                !["name", "created", "labels"].contains($0.name)
            }
        }
        #expect(try facts("made") == facts("whole"))
        #expect(try service.get("/v1/adapters/made").json["labels"] == ["a": "b"])
        let again = try service.post("/v1/adapters", body, ["Content-Type": "application/json"])
        #expect(again.status == 200)
        #expect(service.stored == ["blobs/" + digest])
    }

    @Test func `settings of a PEFT adapter come as a blob too, and tensors are stored once beside different settings`()
        throws
    {
        let service = try Service(["stories": Samples.llama])
        let tensors = try Samples.data(Samples.shakespeare + "/adapter_model.safetensors")
        let config = try Samples.data(Samples.shakespeare + "/adapter_config.json")
        let spaced = config + Data("\n".utf8)
        for blob in [tensors, config, spaced] {
            let answer = try service.request("POST", "/v1/blobs/sha256:\(Samples.sha256(blob))", body: blob)
            #expect(answer.status == 201)
        }
        var digests: Set<String> = []
        for (name, settings) in [("a", config), ("b", spaced)] {
            let body = """
                {"name": "\(name)", "files": {"adapter.safetensors": "sha256:\(Samples.sha256(tensors))", \
                "adapter_config.json": "sha256:\(Samples.sha256(settings))"}}
                """
            let made = try service.post("/v1/adapters", body, ["Content-Type": "application/json"])
            #expect(made.status == 201, "\(made.text.prefix(500))")
            digests.insert(try service.digest(name))
        }
        #expect(digests.count == 2)
        #expect(service.stored == [tensors, config, spaced].map { "blobs/" + Samples.sha256($0) }.sorted())
        let list = "\(Samples.sha256(config))  adapter_config.json\n\(Samples.sha256(tensors))  adapter.safetensors\n"
        #expect(digests.contains(Samples.sha256(Data(list.utf8))))
    }

    @Test func `what is refused in an upload is refused as blobs, with the same code`() throws {
        let damaged = try Samples.data(Samples.damaged("shape_mismatch.safetensors"))
        #expect(try post(blob: damaged, as: Samples.sha256(damaged)).status == 201)
        func make(_ body: String, _ query: String = "") throws -> Answer {
            try service.post("/v1/adapters" + query, body, ["Content-Type": "application/json"])
        }
        let file = #""files": {"adapter.safetensors": "sha256:\#(Samples.sha256(damaged))"}"#
        #expect(try make(#"{"name": "x", \#(file)}"#).codes.contains("shape_mismatch"))
        #expect(try make(#"{"name": "x", \#(file)}"#, "?base=none").status == 201)
        #expect(try make(#"{"name": "a b", \#(file)}"#).codes == ["invalid_name"])
        #expect(try make(#"{\#(file)}"#).codes == ["missing_field"])
        let none = #"{"adapter.safetensors": "sha256:\#(String(repeating: "0", count: 64))"}"#
        #expect(try make(#"{"name": "x", "files": \#(none)}"#).codes == ["unknown_blob"])
        for files in ["{}", "[]", #"{"adapter.safetensors": "x"}"#, #"{"model.safetensors": "sha256:00"}"#] {
            #expect(try make(#"{"name": "x", "files": \#(files)}"#).status == 400, "\(files)")
        }
    }

    @Test func `a blob that no adapter uses goes when its time is over`() throws {
        let service = try Service.main("--set", "adapters.blob_grace_seconds=1")
        let digest = Samples.sha256(plain)
        #expect(try service.request("POST", "/v1/blobs/sha256:\(digest)", body: plain).status == 201)
        #expect(try service.put("ink", other).status == 201)
        try eventually("the blob is swept") { service.stored == ["blobs/" + Samples.sha256(other)] }
        #expect(try service.request("HEAD", "/v1/blobs/sha256:\(digest)").status == 404)
    }
}
