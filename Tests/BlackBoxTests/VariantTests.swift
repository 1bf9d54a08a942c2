import Foundation
import Testing
import UmbelFormats

/// Making variants resident, looking at them and letting them go.
@Suite struct VariantTests {
    @Test func `a variant is made once and is then there`() throws {
        let service = try Service.main()
        #expect(try service.put("ink", Samples.plain).status == 201)
        let first = try service.post("/v1/variants", #"{"model": "main+ink:0.5"}"#)
        #expect(first.status == 201)
        let object = try first.json
        let id = try #require(object["id"]?.string)
        #expect(id.count == 40)
        #expect(first["location"] == "/v1/variants/\(id)")
        #expect(first["x-umbel-variant"] == id)
        #expect(object["state"] == "ready")
        #expect(object["tensors"]?["merged"]?.integer == 1)
        #expect(object["tensors"]?["total"]?.integer == 28)
        #expect(object["bytes"]?["merged"]?.integer == 24 * 24 * 4)
        #expect(object["pinned"]?.bool == false)
        for field in ["merge_ms", "hits", "last_used", "model"] { #expect(object[field] != nil, "\(field)") }
        let digest = try service.digest("ink")
        for body in [
            #"{"model": "main+ink:0.5"}"#, #"{"base": "main", "adapters": [{"name": "ink", "scale": 0.5}]}"#,
            #"{"base": "main", "adapters": [{"name": "ink", "scale": 5e-1, "digest": "sha256:\#(digest)"}]}"#,
            #"{"base": "main", "adapters": [{"name": "ink", "scale": 0.50, "digest": "\#(digest.prefix(12))"}]}"#,
        ] {
            let again = try service.post("/v1/variants", body)
            #expect(again.status == 200, "\(again.text)")
            #expect(try again.json["id"]?.string == id)
        }
        #expect(try service.get("/v1/models/main+ink:0.5").json["variant"]?.string == id)
        #expect(try service.file(id) == service.file("main+ink:0.5"))
    }

    @Test func `an asynchronous request is accepted and becomes ready`() throws {
        let service = try Service(["shapes": Samples.pipeline])
        #expect(try service.put("outline", Samples.outline).status == 201)
        let body = #"{"model": "shapes+outline:0.9"}"#
        let accepted = try service.post("/v1/variants", body, ["Prefer": "respond-async"])
        #expect(accepted.status == 202)
        #expect(accepted["preference-applied"] == "respond-async")
        let location = try #require(accepted["location"])
        try eventually("the variant is ready") { try service.get(location).json["state"] == "ready" }
        #expect(try service.post("/v1/variants", body, ["Prefer": "respond-async"]).status == 200)
    }

    @Test func `variants are listed, pinned and deleted, and made again with the same bytes`() throws {
        let service = try Service.main()
        #expect(try service.put("ink", Samples.plain).status == 201)
        let made = try service.post("/v1/variants", #"{"model": "main+ink", "pin": true}"#).json
        let id = made["id"]?.string ?? ""
        #expect(made["pinned"]?.bool == true)
        let list = try service.get("/v1/variants").json
        #expect(list["data"]?.array?.compactMap { $0["id"]?.string } == [id])
        let before = try service.file("main+ink")
        #expect(try service.delete("/v1/variants/\(id)").status == 204)
        #expect(try service.get("/v1/variants/\(id)").codes == ["unknown_variant"])
        #expect(try service.delete("/v1/variants/\(id)").status == 404)
        #expect(try service.get("/v1/variants").json["data"] == [])
        #expect(try service.file("main+ink") == before)
        #expect(try service.get("/v1/models/main+ink").json["variant"]?.string == id)
    }

    @Test func `many that ask at once for a variant nobody has made all get the same bytes`() throws {
        let service = try Service(["shapes": Samples.pipeline])
        #expect(try service.put("outline", Samples.outline).status == 201)
        let peer = service.peer
        let path = "unet/diffusion_pytorch_model.safetensors"
        let base = try Samples.data(Samples.pipeline + "/" + path)
        let sums = (0..<2).map { round in
            // The first round merges, the second finds everything there.
            let digests = concurrently(8) { worker in
                let file = try peer.file("shapes+outline:0.37", path)
                return file == base ? "\(worker), round \(round): this is the base" : Samples.sha256(file)
            }
            #expect(digests.count == 8)
            #expect(Set(digests).count == 1, "\(digests)")
            return digests.first
        }
        #expect(sums[0] == sums[1])
    }

    @Test func `a cache that holds nothing makes downloads no different`() throws {
        let large = try Service.main()
        let none = try Service.main("--set", "cache.bytes=0")
        for service in [large, none] { #expect(try service.put("ink", Samples.plain).status == 201) }
        #expect(try none.file("main+ink:0.8") == large.file("main+ink:0.8"))
        for headers in [[:], ["Prefer": "respond-async"]] as [KeyValuePairs<String, String>] {
            let streaming = try none.post("/v1/variants", #"{"model": "main+ink:0.8"}"#, headers)
            #expect(streaming.status == 200)
            #expect(try streaming.json["state"] == "streaming")
            #expect(try streaming.json["note"]?.string?.contains("as they go") == true)
        }
        let refused = try none.post("/v1/variants", #"{"model": "main+ink:0.8", "pin": true}"#)
        #expect(refused.status == 422)
        #expect(refused.codes == ["over_budget"])
    }

    @Test func `pins leave room for one variant more, and a pin that cannot be kept is refused`() throws {
        // A variant takes 2304 bytes: two may be pinned, and a third comes and goes.
        let service = try Service.main("--set", "cache.bytes=7000")
        #expect(try service.put("ink", Samples.plain).status == 201)
        for scale in ["0.1", "0.2"] {
            let pinned = try service.post("/v1/variants", #"{"model": "main+ink:\#(scale)", "pin": true}"#)
            #expect(pinned.status == 201, "\(pinned.text)")
        }
        for headers in [[:], ["Prefer": "respond-async"]] as [KeyValuePairs<String, String>] {
            let answer = try service.post("/v1/variants", #"{"model": "main+ink:0.3", "pin": true}"#, headers)
            #expect(answer.status == 409)
            #expect(answer.codes == ["pins_full"])
        }
        #expect(try service.post("/v1/variants", #"{"model": "main+ink:0.3"}"#).json["state"] == "ready")
        #expect(try service.post("/v1/variants", #"{"model": "main+ink:0.4"}"#).json["state"] == "ready")
        #expect(try service.post("/v1/variants", #"{"model": "main+ink:0.1"}"#).json["pinned"]?.bool == true)
        let unpinned = try service.post("/v1/variants", #"{"model": "main+ink:0.1", "pin": false}"#)
        #expect(unpinned.status == 200)
        #expect(try unpinned.json["pinned"]?.bool == false)
        #expect(try service.post("/v1/variants", #"{"model": "main+ink:0.4", "pin": true}"#).status == 200)
    }

    @Test func `whoever stops waiting for a merge takes it from nobody`() throws {
        let service = try Service(["shapes": Samples.pipeline])
        #expect(try service.put("outline", Samples.outline).status == 201)
        let body = #"{"model": "shapes+outline:0.77"}"#
        let head = "POST /v1/variants HTTP/1.1\r\nHost: test\r\nContent-Length: \(body.utf8.count)\r\n\r\n"
        for _ in 0..<8 {
            // Gone before the answer can be there.
            let client = try Client(port: service.port)
            try client.send(head + body)
        }
        let peer = service.peer
        let states = concurrently(8) { _ in try peer.post("/v1/variants", body).json["state"]?.string }
        #expect(states == [String](repeating: "ready", count: 8))
        try eventually("all requests have ended") {
            let counters = try service.get("/v1/variants").json["counters"]
            return counters?["running"]?.integer == 0 && counters?["waiting"]?.integer == 0
        }
        let counters = try #require(try service.get("/v1/variants").json["counters"])
        let touched = try service.post("/v1/variants", body).json["tensors"]?["touched"]?.integer
        #expect(counters["builds"]?.integer == touched, "each tensor was merged once")
    }

    @Test func `the id is the same on every start and with any number of threads`() throws {
        let answers = try [1, 3].map { threads in
            let service = try Service.main("--set", "compute.threads=\(threads)")
            #expect(try service.put("ink", Samples.plain).status == 201)
            let id = try service.get("/v1/models/main+ink:0.3").json["variant"]?.string ?? ""
            return id + Samples.sha256(try service.file("main+ink:0.3"))
        }
        #expect(answers[0] == answers[1])
    }

    @Test(arguments: [
        ("", "invalid_json"), ("{", "invalid_json"), ("[]", "invalid_field"), ("null", "invalid_field"),
        ("{}", "missing_field"), (#"{"base": 5}"#, "invalid_field"), (#"{"model": 5}"#, "invalid_field"),
        (#"{"modle": "main"}"#, "unknown_field"), (#"{"model": ""}"#, "invalid_reference"),
        (#"{"model": "main", "pin": 1}"#, "invalid_field"), (#"{"model": "main", "base": "main"}"#, "invalid_field"),
        (#"{"base": "main", "adapters": {}}"#, "invalid_field"),
        (#"{"base": "main", "adapters": [5]}"#, "invalid_field"),
        (#"{"base": "main", "adapters": [{}]}"#, "missing_field"),
        (#"{"base": "main", "adapters": [{"name": 5}]}"#, "invalid_field"),
        (#"{"base": "main", "adapters": [{"name": "ink", "scale": "1"}]}"#, "invalid_field"),
        (#"{"base": "main", "adapters": [{"name": "ink", "scale": 1e999}]}"#, "invalid_field"),
        (#"{"base": "main", "adapters": [{"name": "ink", "scale": null}]}"#, "invalid_field"),
        (#"{"base": "main", "adapters": [{"name": "ink", "digest": 5}]}"#, "invalid_field"),
        (#"{"base": "main", "adapters": [{"name": "ink", "digest": ""}]}"#, "invalid_field"),
        (#"{"base": "main", "adapters": [{"name": "ink", "digest": "xyz"}]}"#, "invalid_field"),
        (#"{"base": "main", "adapters": [{"name": "ink", "digset": "00"}]}"#, "unknown_field"),
        (#"{"base": "main", "base": "main"}"#, "invalid_json"),
    ])
    func `a request that says something else than the contract is refused`(body: String, code: String) throws {
        let service = try Service.main()
        #expect(try service.put("ink", Samples.plain).status == 201)
        let answer = try service.post("/v1/variants", body)
        #expect(answer.status == 400, "\(answer.text)")
        #expect(answer.codes.contains(code), "\(answer.text)")
        #expect(try service.get("/v1/variants").json["data"] == [])
    }

    @Test func `what is unknown is 404`() throws {
        let service = try Service.main()
        for body in [#"{"model": "none"}"#, #"{"model": "main+none"}"#, #"{"base": "none"}"#] {
            #expect(try service.post("/v1/variants", body).status == 404)
        }
        #expect(try service.get("/v1/variants/none").status == 404)
    }
}
