import Foundation
import Testing
import UmbelFormats

/// Uploading, looking at, fetching and deleting adapters.
@Suite struct AdapterTests {
    private let service: Service

    init() throws { service = try Service.main() }

    @Test func `PUT creates a name, repeats without change and re-points`() throws {
        let first = try service.put("ink", Samples.plain)
        #expect(first.status == 201)
        #expect(first["location"] == "/v1/adapters/ink")
        let digest = Samples.sha256(try Samples.data(Samples.plain))
        #expect(try first.json["digest"] == .string("sha256:" + digest))
        #expect(first["etag"] == "\"sha256:\(digest)\"")
        let again = try service.put("ink", Samples.plain)
        #expect(again.status == 200)
        #expect(try again.json["generation"]?.integer == 1)
        let other = try service.put("ink", try Samples.other())
        #expect(other.status == 200)
        #expect(try other.json["generation"]?.integer == 2)
        #expect(try service.digest("ink") == Samples.sha256(try Samples.other()))
    }

    @Test func `an adapter is described with all fields of the contract`() throws {
        #expect(try service.put("ink", Samples.plain).status == 201)
        let object = try service.get("/v1/adapters/ink").json
        #expect(object["name"] == "ink")
        #expect(object["bytes"]?.integer == (try Samples.data(Samples.plain)).count)
        #expect(object["generation"]?.integer == 1)
        #expect(object["format"] == "lycoris")
        #expect(object["algorithms"] == ["lora": 1])
        #expect(object["modules"]?.integer == 1)
        #expect(object["rank"] == ["min": 4, "max": 4])
        #expect(object["dtype"] == "F32")
        #expect(object["dora"] == .null)
        #expect(object["metadata"]?.members != nil)
        #expect(object["warnings"]?.array != nil)
        #expect(object["created"]?.string?.hasSuffix("Z") == true)
        let base = try #require(object["bases"]?[0])
        #expect(base["base"] == "main")
        #expect(base["matched"]?.integer == 1)
        #expect(base["unmatched"] == [])
        #expect(base["shape_errors"] == [])
        #expect(object["report"]?["modules"]?[0]?["has_effect"]?.bool == true)
    }

    @Test func `the list comes in pages`() throws {
        for name in ["a", "b", "c", "d", "e"] { #expect(try service.put(name, Samples.plain).status == 201) }
        var cursor = ""
        var pages: [[String]] = []
        repeat {
            let page = try service.get("/v1/adapters?limit=2" + (cursor.isEmpty ? "" : "&cursor=\(cursor)")).json
            pages.append((page["data"]?.array ?? []).compactMap { $0["name"]?.string })
            cursor = page["next_cursor"]?.string ?? ""
        } while !cursor.isEmpty && pages.count < 9
        #expect(pages == [["a", "b"], ["c", "d"], ["e"]])
        #expect(try service.get("/v1/adapters").json["data"]?.array?.count == 5)
        for query in ["limit=0", "limit=x", "limit=1001", "limit="] {
            #expect(try service.get("/v1/adapters?" + query).status == 400, "\(query)")
        }
    }

    @Test func `the content is what was uploaded, whole, in ranges and conditionally`() throws {
        let content = try Samples.data(Samples.plain)
        #expect(try service.put("ink", Samples.plain).status == 201)
        let whole = try service.get("/v1/adapters/ink/content")
        #expect(whole.body == content)
        let tag = try #require(whole["etag"])
        #expect(tag == "\"sha256:\(Samples.sha256(content))\"")
        let part = try service.get("/v1/adapters/ink/content", ["Range": "bytes=10-19"])
        #expect(part.status == 206)
        #expect(part.body == content[10..<20])
        #expect(part["content-range"] == "bytes 10-19/\(content.count)")
        #expect(try service.get("/v1/adapters/ink/content", ["If-None-Match": tag]).status == 304)
        #expect(try service.get("/v1/adapters/none/content").status == 404)
    }

    @Test func `conditions guard against overwriting and lost updates`() throws {
        let create: KeyValuePairs = ["If-None-Match": "*"]
        #expect(try service.put("ink", Samples.plain, "", create).status == 201)
        let refused = try service.put("ink", Samples.plain, "", create)
        #expect(refused.status == 412)
        #expect(refused.codes == ["precondition_failed"])
        let digest = try service.digest("ink")
        #expect(try service.put("ink", Samples.plain, "", ["If-Match": "\"sha256:\(digest)\""]).status == 200)
        #expect(try service.put("ink", Samples.plain, "", ["If-Match": "\"\(digest)\""]).status == 200)
        #expect(try service.put("ink", Samples.plain, "", ["If-Match": "\"0000\""]).status == 412)
        #expect(try service.put("new", Samples.plain, "", ["If-Match": "*"]).status == 412)
        #expect(try service.get("/v1/adapters/new").status == 404)
    }

    @Test func `DELETE forgets a name, and its content when no other name has it`() throws {
        #expect(try service.put("a", Samples.plain).status == 201)
        #expect(try service.put("b", Samples.plain).status == 201)
        #expect(try service.delete("/v1/adapters/a").status == 204)
        #expect(try service.get("/v1/adapters/a").codes == ["unknown_adapter"])
        #expect(try service.get("/v1/adapters/b/content").body == (try Samples.data(Samples.plain)))
        #expect(try service.delete("/v1/adapters/a").status == 404)
        #expect(try service.delete("/v1/adapters/b").status == 204)
        #expect(service.stored == [])
    }

    @Test func `two names with equal bytes have one digest and make one variant`() throws {
        #expect(try service.put("a", Samples.plain).status == 201)
        #expect(try service.put("b", Samples.plain).status == 201)
        #expect(try service.digest("a") == service.digest("b"))
        let ids = try ["a", "b"].map { try service.get("/v1/models/main+\($0):0.5").json["variant"]?.string }
        #expect(ids[0] != nil)
        #expect(ids[0] == ids[1])
    }

    @Test func `a partial match is refused with every key named, unless it is allowed`() throws {
        let refused = try service.put("odd", Samples.partial)
        #expect(refused.status == 422)
        #expect(refused.codes.contains("key_unknown"))
        let keys = (try refused.json["errors"]?.array ?? []).compactMap { $0["key"]?.string }
        #expect(keys == ["lycoris_enc_blocks_0_attn_to_q.lora_sideways"])
        #expect(service.stored == [])
        let allowed = try service.put("odd", Samples.partial, "?allow_unmatched=true")
        #expect(allowed.status == 201)
        let object = try service.get("/v1/adapters/odd").json
        #expect(object["allow_unmatched"]?.bool == true)
        #expect(object["bases"]?[0]?["unknown_keys"]?.strings == ["lycoris_enc_blocks_0_attn_to_q.lora_sideways"])
        #expect(try service.file("main+odd") != service.file("main"))
    }

    @Test func `a prefix that the names do not decide is settled by the caller and kept with the adapter`() throws {
        let service = try Service(["shapes": Samples.pipeline])
        let renamed = try Samples.data(Samples.pastel).replacing("lora_te_", with: "cust_te_")
        let path = try service.scratch.write("renamed.safetensors", renamed)
        #expect(try service.put("pastel", path).status == 422)
        let settled = try service.put("settled", path, "?prefix=cust_te=text_encoder")
        #expect(settled.status == 201, "\(settled.text.prefix(2000))")
        #expect(try settled.json["prefixes"]?.strings == ["cust_te=text_encoder"])
        #expect(try service.put("known", Samples.pastel).status == 201)
        let file = "text_encoder/model.safetensors"
        #expect(try service.file("shapes+settled", file) == service.file("shapes+known", file))
        #expect(try service.put("x", path, "?prefix=cust_te=nothing").status == 400)
        #expect(try service.put("x", path, "?prefix=nothing").status == 400)
    }

    @Test func `an adapter without a base is stored and checked where it is used`() throws {
        let path = Samples.damaged("other_architecture.safetensors")
        let refused = try service.put("far", path)
        #expect(refused.status == 422)
        #expect(refused.codes.contains("no_module_matched"))
        #expect(try service.put("far", path, "?base=none").status == 201)
        #expect(try service.get("/v1/models/main+far").status == 422)
        #expect(try service.put("x", Samples.plain, "?base=nothing").status == 404)
    }

    @Test func `a torn adapter is refused even without a base to check it against`() throws {
        let refused = try service.put("torn", Samples.damaged("missing_down.safetensors"), "?base=none")
        #expect(refused.status == 422)
        #expect(refused.codes.contains("tensor_missing"))
        #expect(service.stored == [])
    }

    @Test func `a misspelt parameter is an error that names the right one`() throws {
        let refused = try service.put("ink", Samples.plain, "?allow_unmached=true")
        #expect(refused.status == 400)
        #expect(try refused.json["detail"]?.string?.contains("allow_unmatched") == true)
        #expect(try service.get("/v1/models/main/files?dtyp=bf16").status == 400)
    }

    @Test func `what one name allows is not open to another name of the same content`() throws {
        #expect(try service.put("allowed", Samples.partial, "?allow_unmatched=true").status == 201)
        #expect(try service.put("unchecked", Samples.partial, "?base=none").status == 201)
        #expect(try service.get("/v1/models/main+allowed").status == 200)
        #expect(try service.get("/v1/models/main+unchecked").status == 422)
    }

    @Test func `a refusal reports on the base that has the modules, whatever other bases there are`() throws {
        let service = try Service(["llama": Samples.llama, "main": Samples.main])
        let refused = try service.put("ink", Samples.damaged("shape_mismatch.safetensors"))
        #expect(refused.status == 422)
        #expect(try refused.json["code"] == "shape_mismatch")
        #expect(try refused.json["detail"]?.string?.contains("“main”") == true)
    }

    @Test func `an interrupted upload leaves the old adapter and nothing else`() throws {
        #expect(try service.put("ink", Samples.plain).status == 201)
        let before = service.stored
        let content = try Samples.other()
        let client = try Client(port: service.port)
        try client.send("PUT /v1/adapters/ink HTTP/1.1\r\nHost: test\r\nContent-Length: \(content.count)\r\n\r\n")
        try client.send(content.prefix(500))
        try eventually("the upload has begun") { service.stored != before }
        client.socket.resetOnClose()
        client.socket.disconnect()
        try eventually("what arrived is gone") { service.stored == before }
        #expect(try service.get("/v1/adapters/ink/content").body == (try Samples.data(Samples.plain)))
    }

    @Test func `a crash in the middle of an upload leaves the old adapter and nothing else`() throws {
        #expect(try service.put("ink", Samples.plain).status == 201)
        let before = service.stored
        let client = try Client(port: service.port)
        try client.send("PUT /v1/adapters/ink HTTP/1.1\r\nHost: test\r\nContent-Length: 5000\r\n\r\nhalf of it")
        try eventually("the upload has begun") { service.stored != before }
        try service.crash()
        #expect(service.stored == before)
        #expect(try service.get("/v1/adapters/ink/content").body == (try Samples.data(Samples.plain)))
    }

    @Test func `adapters survive a restart with all that was settled`() throws {
        #expect(try service.put("ink", Samples.plain).status == 201)
        #expect(try service.put("ink", try Samples.other()).status == 200)
        #expect(try service.put("odd", Samples.partial, "?allow_unmatched=true").status == 201)
        let list = try service.get("/v1/adapters").json
        let merged = try service.file("main+ink:0.7+odd")
        #expect(try service.stop() == 0)
        try service.start()
        #expect(try service.get("/v1/adapters").json == list)
        #expect(try service.file("main+ink:0.7+odd") == merged)
    }

    @Test(arguments: [
        "a%20b", "-x", ".hidden", "a%2Fb", "%C3%A4", String(repeating: "n", count: 97), "a+b", "a:1", "a@b",
    ])
    func `a name that is none is refused`(name: String) throws {
        let answer = try service.put(name, Samples.plain)
        #expect(answer.status == 400)
        #expect(answer.codes == ["invalid_name"])
        #expect(service.stored == [])
    }

    @Test func `PUT, DELETE and readers of one name see the old or the new, never a fault`() throws {
        // A reader that had the record and then looked for the content used to get 500 when the name was re-pointed
        // in between.
        let contents = [try Samples.data(Samples.plain), try Samples.other()]
        let merged = try contents.map { content in
            #expect([200, 201].contains(try service.put("ink", content).status))
            return try service.file("main+ink")
        }
        let peer = service.peer
        let failures = concurrently(6) { worker in
            for round in 0..<25 {
                let answer: Answer
                switch (worker + round) % 6 {
                case 0, 1: answer = try peer.put("ink", contents[round % 2])
                case 2: answer = try peer.delete("/v1/adapters/ink")
                case 3: answer = try peer.get("/v1/adapters?limit=10")
                case 4:
                    answer = try peer.get("/v1/adapters/ink/content")
                    if answer.status == 200, !contents.contains(answer.body) { return "torn content" }
                default:
                    answer = try peer.get("/v1/models/main+ink/files/main_fp32.safetensors")
                    if answer.status == 200, !merged.contains(answer.body) { return "torn model" }
                }
                guard [200, 201, 204, 404].contains(answer.status) else { return "\(answer.status): \(answer.text)" }
            }
            return nil
        }
        #expect(failures == [])
    }
}
