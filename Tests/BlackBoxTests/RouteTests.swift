import Foundation
import Synchronization
import Testing
import UmbelFormats

/// Routes over real sockets: who answers, what is counted, and that nothing fails while they change.
@Suite struct RouteTests {
    private static let file = "main_fp32.safetensors"

    private func service(_ arguments: String...) throws -> Service {
        let service = try Service(["main": Samples.main], arguments: arguments)
        try #require(try service.put("ink", Samples.plain).status == 201)
        return service
    }

    private func route(_ arms: KeyValuePairs<String, (String, Double)>, _ more: String = "") -> String {
        let list = arms.map { #"{"name": "\#($0.key)", "model": "\#($0.value.0)", "weight": \#($0.value.1)}"# }
        return #"{"arms": [\#(list.joined(separator: ", "))]\#(more)}"#
    }

    private func put(
        _ service: some Requesting, _ name: String, _ body: String, _ headers: KeyValuePairs<String, String> = [:]
    ) throws -> Answer {
        try service.request("PUT", "/v1/routes/\(name)", headers, body: Data(body.utf8))
    }

    private func ask(
        _ service: some Requesting, _ name: String, user: String? = nil, _ headers: KeyValuePairs<String, String> = [:]
    ) throws -> Answer {
        try service.get("/v1/models/\(name)/files/\(Self.file)" + (user.map { "?user=\($0)" } ?? ""), headers)
    }

    @Test func `a route answers with its arms, and says which`() throws {
        let service = try service()
        let made = try put(service, "live", route(["a": ("main+ink", 1), "b": ("main+ink:0.5", 1)]))
        #expect(made.status == 201)
        #expect(made["location"] == "/v1/routes/live")
        #expect(made["etag"] == "\"1\"")
        let arms = try #require(try made.json["arms"]?.array)
        #expect(arms.map { $0["state"]?.string } == ["ready", "ready"])
        #expect(arms.map { $0["share"]?.double } == [0.5, 0.5])
        let digest = try service.digest("ink")
        #expect(arms[1]["model"]?.string == "main+ink@\(digest):0.5")
        let expected = ["a": try service.file("main+ink"), "b": try service.file("main+ink:0.5")]
        var seen: Set<String> = []
        for _ in 0..<40 {
            let answer = try ask(service, "live")
            let arm = try #require(answer["x-umbel-arm"])
            #expect(answer["x-umbel-variant"] == arms.first { $0["name"]?.string == arm }?["variant"]?.string)
            #expect(answer.body == expected[arm])
            #expect(answer["server-timing"]?.contains("queue;dur=") == true)
            seen.insert(arm)
        }
        #expect(seen == ["a", "b"])
        let models = try service.get("/v1/models").json["data"]?.array?.compactMap { $0["id"]?.string }
        #expect(models?.contains("live") == true)
        #expect(try service.get("/v1/models/live").json["arms"]?.array?.count == 2)
        #expect(try service.post("/v1/variants", #"{"model": "live"}"#).status == 200)
        #expect(try service.get("/v1/routes").json["data"]?.array?.count == 1)
    }

    @Test func `a key keeps its arm, across a restart and on another replica`() throws {
        let (one, two) = (try service(), try service())
        let body = route(["a": ("main+ink", 1), "b": ("main+ink:0.5", 1)], #", "sticky": "user""#)
        for service in [one, two] { #expect(try put(service, "live", body).status == 201) }
        func arms(_ service: Service) throws -> [String?] {
            try (0..<30).map { try ask(service, "live", user: "user\($0)")["x-umbel-arm"] }
        }
        let first = try arms(one)
        #expect(Set(first).count == 2)
        #expect(try arms(one) == first)
        #expect(try arms(two) == first)
        #expect(try one.stop() == 0)
        try one.start()
        #expect(try arms(one) == first)
        // More weight on one arm takes nobody away from it.
        let moved = route(["a": ("main+ink", 1), "b": ("main+ink:0.5", 3)], #", "sticky": "user""#)
        #expect(try put(one, "live", moved).json["experiment"]?.integer == 1)
        for (before, after) in zip(first, try arms(one)) { #expect(before == after || after == "b") }
    }

    @Test func `a header can be what requests belong together by`() throws {
        let service = try service()
        let body = route(["a": ("main+ink", 1), "b": ("main", 1)], #", "sticky": "header:X-Account""#)
        #expect(try put(service, "live", body).status == 201)
        let arms = try (0..<20).map { number in
            try (0..<3).map { _ in try ask(service, "live", ["X-Account": "account\(number)"])["x-umbel-arm"] }
        }
        #expect(arms.allSatisfy { Set($0).count == 1 })
        #expect(Set(arms.flatMap { $0 }).count == 2)
    }

    @Test func `a route that cannot be made changes nothing, and says what is wrong`() throws {
        let service = try service()
        #expect(try put(service, "live", route(["a": ("main+ink", 1)])).status == 201)
        let refused: [(String, Int, String)] = [
            (route(["a": ("main+nobody", 1)]), 404, "unknown_adapter"),
            (route(["a": ("nobody", 1)]), 404, "unknown_model"),
            (route(["a": ("main+ink:x", 1)]), 400, "invalid_reference"),
            (route(["a": ("live", 1)]), 400, "invalid_route"),
            (route(["a": ("main", -1)]), 400, "invalid_route"),
            (route(["a": ("main", 0)]), 400, "invalid_route"),
            (route(["a": ("main", 1), "b": ("main", 1)], #", "stikcy": "user""#), 400, "unknown_field"),
            (route(["a": ("main", 1)], #", "sticky": "cookie""#), 400, "invalid_field"),
            (#"{"arms": []}"#, 400, "invalid_route"), (#"{}"#, 400, "missing_field"),
        ]
        for (body, status, code) in refused {
            let answer = try put(service, "live", body)
            #expect(answer.status == status, "\(body): \(answer.text)")
            #expect(answer.codes.contains(code), "\(body): \(answer.codes)")
        }
        #expect(try put(service, "main", route(["a": ("main", 1)])).codes == ["name_taken"])
        #expect(try put(service, "ink", route(["a": ("main", 1)])).codes == ["name_taken"])
        #expect(try put(service, String(repeating: "a", count: 40), route(["a": ("main", 1)])).codes == ["name_taken"])
        #expect(try put(service, "live", route(["a": ("main", 1)]), ["If-Match": "\"7\""]).status == 412)
        #expect(try put(service, "live", route(["a": ("main", 1)]), ["If-None-Match": "*"]).status == 412)
        #expect(try service.get("/v1/routes/live").json["generation"]?.integer == 1)
        #expect(try ask(service, "live").body == service.file("main+ink"))
        #expect(try put(service, "live", route(["a": ("main", 1)]), ["If-Match": "\"1\""]).status == 200)
        #expect(try service.get("/v1/routes/nobody").codes == ["unknown_route"])
    }

    @Test func `a route goes back in one call, and on to what it was`() throws {
        let service = try service()
        #expect(try service.post("/v1/routes/live/rollback", "").status == 404)
        #expect(try put(service, "live", route(["a": ("main+ink", 1)])).status == 201)
        #expect(try service.post("/v1/routes/live/rollback", "").codes == ["nothing_to_roll_back"])
        #expect(try put(service, "live", route(["a": ("main+ink:0.5", 1)])).status == 200)
        #expect(try put(service, "live", route(["a": ("main", 1)])).status == 200)
        #expect(try service.post("/v1/routes/live/rollback", "").json["generation"]?.integer == 4)
        #expect(try ask(service, "live").body == service.file("main+ink:0.5"))
        #expect(try service.post("/v1/routes/live/rollback", #"{"generation": 1}"#).json["generation"]?.integer == 5)
        #expect(try ask(service, "live").body == service.file("main+ink"))
        #expect(try service.post("/v1/routes/live/rollback", #"{"generation": 9}"#).codes == ["unknown_generation"])
        let history = try #require(try service.get("/v1/routes/live/history").json["data"]?.array)
        #expect(history.compactMap { $0["generation"]?.integer } == [5, 4, 3, 2, 1])
        #expect(history.map { $0["current"]?.bool } == [true, false, false, false, false])
        #expect(try service.delete("/v1/routes/live").status == 204)
        #expect(try service.get("/v1/routes/live").status == 404)
        #expect(try ask(service, "live").status == 404)
    }

    @Test func `a re-pointed name does not move a route`() throws {
        let service = try service()
        #expect(try put(service, "live", route(["a": ("main+ink", 1)])).status == 201)
        let before = try ask(service, "live").body
        #expect(try service.put("ink", Samples.other()).status == 200)
        #expect(try service.file("main+ink") != before)
        #expect(try ask(service, "live").body == before)
        try service.crash()
        #expect(try ask(service, "live").body == before)
    }

    @Test func `what was settled for a route holds after a restart, whatever is settled for the name since`() throws {
        let service = try service()
        let made = try put(service, "live", route(["a": ("main+ink", 1)])).json
        let variant = try #require(made["arms"]?[0]?["variant"]?.string)
        // The same bytes with another setting: another variant for the name.
        #expect(try service.put("ink", Samples.plain, "?prefix=unused=").status == 200)
        #expect(try service.get("/v1/models/main+ink").json["variant"]?.string != variant)
        try service.crash()
        #expect(try ask(service, "live")["x-umbel-variant"] == variant)
    }

    @Test func `a route of a long recipe is as good as any`() throws {
        let service = try service()
        let parts = (1...60).map { "ink:0.\(String($0 + 100))" }.joined(separator: ",")
        #expect(try put(service, "live", route(["a": ("main+sum(\(parts))", 1)])).status == 201)
        let before = try ask(service, "live").body
        #expect(try service.delete("/v1/adapters/ink").codes.contains("adapter_in_use"))
        try service.crash()
        #expect(try ask(service, "live").body == before)
        #expect(try put(service, "live", route(["a": ("main", 1)])).status == 200)
        #expect(try service.post("/v1/routes/live/rollback", "").status == 200)
        #expect(try ask(service, "live").body == before)
    }

    @Test func `an arm that is given as a converted variant stays converted`() throws {
        let service = try service()
        func id(_ dtype: String) throws -> String {
            try #require(try service.get("/v1/models/main+ink/files/\(Self.file)?dtype=\(dtype)")["x-umbel-variant"])
        }
        let (half, brain) = (try id("f16"), try id("bf16"))
        #expect(try put(service, "live", route(["a": (half, 1)])).status == 201)
        #expect(try ask(service, "live")["x-umbel-variant"] == half)
        #expect(try put(service, "live", route(["a": (brain, 1)])).json["generation"]?.integer == 2)
        try service.crash()
        #expect(try ask(service, "live")["x-umbel-variant"] == brain)
        #expect(try service.post("/v1/routes/live/rollback", "").status == 200)
        #expect(try ask(service, "live")["x-umbel-variant"] == half)
    }

    @Test func `an adapter that a route uses is not deleted by accident`() throws {
        let service = try service()
        #expect(try put(service, "live", route(["a": ("main+ink", 1)])).status == 201)
        let before = try ask(service, "live").body
        let refused = try service.delete("/v1/adapters/ink")
        #expect(refused.status == 409)
        #expect(refused.codes.contains("adapter_in_use"))
        #expect(try service.delete("/v1/adapters/ink?force=true").status == 204)
        #expect(try ask(service, "live").body == before)
        try service.crash()
        #expect(try ask(service, "live").body == before)
        #expect(try service.delete("/v1/routes/live").status == 204)
    }

    @Test func `after a start routes are merged again before anybody asks`() throws {
        let service = try service()
        #expect(try put(service, "live", route(["a": ("main+ink", 1)])).status == 201)
        #expect(try service.stop() == 0)
        try service.start()
        try eventually("the arm is ready") {
            try service.get("/v1/variants").json["data"]?[0]?["state"] == "ready"
        }
    }

    @Test func `shadows are measured and answer nobody`() throws {
        let service = try service()
        let shadow = #", "shadow": [{"name": "s", "model": "main+ink:0.25", "share": 1}]"#
        #expect(try put(service, "live", route(["a": ("main+ink", 1)], shadow)).status == 201)
        let expected = try service.file("main+ink")
        for _ in 0..<20 {
            let answer = try ask(service, "live")
            #expect(answer["x-umbel-arm"] == "a")
            #expect(answer.body == expected)
        }
        try eventually("the shadow has seen every request") {
            let shadow = try service.get("/v1/routes/live/report").json["shadow"]?[0]
            return (shadow?["requests"]?.integer ?? 0) + (shadow?["dropped"]?.integer ?? 0) == 20
        }
        let report = try service.get("/v1/routes/live/report").json
        #expect(report["shadow"]?[0]?["errors"]?.integer == 0)
        #expect(report["shadow"]?[0]?["latency_ms"]?["p50"]?.double ?? 0 > 0)
        #expect(report["arms"]?[0]?["requests"]?.integer == 20)
    }

    @Test func `outcomes are reported by request or by arm, and come up in the report`() throws {
        let service = try service()
        let body = route(["a": ("main+ink", 1), "b": ("main", 1)], #", "sticky": "user", "goals": {"wait": "lower"}"#)
        #expect(try put(service, "live", body).status == 201)
        var counts: [String: Int] = [:]
        for number in 0..<30 {
            let answer = try ask(service, "live", user: "u\(number)", ["X-Request-Id": "request-\(number)"])
            counts[answer["x-umbel-arm"] ?? "", default: 0] += 1
            let outcome = #"{"request_id": "request-\#(number)", "metric": "clicks", "value": \#(number % 2)}"#
            #expect(try service.post("/v1/routes/live/outcomes", outcome).json["counted"]?.integer == 1)
            // Sent again, as after a lost answer.
            #expect(try service.post("/v1/routes/live/outcomes", outcome).json["repeated"]?.integer == 1)
        }
        let several = (0..<200).flatMap { number in
            ["a", "b"].map { arm in
                let value = (arm == "a" ? 1.0 : 2.0) + Double(number % 10) / 20
                return #"{"arm": "\#(arm)", "metric": "wait", "value": \#(value)}"#
            }
        }
        let list = #"{"outcomes": [\#(several.joined(separator: ","))]}"#
        #expect(try service.post("/v1/routes/live/outcomes", list).json["counted"]?.integer == 400)
        // Without a goodbye: what was acknowledged is there.
        try service.crash()
        let report = try service.get("/v1/routes/live/report").json
        let metrics = try #require(report["metrics"]?.array)
        let clicks = try #require(metrics.first { $0["name"]?.string == "clicks" })
        for arm in try #require(clicks["arms"]?.array) {
            #expect(arm["count"]?.integer == counts[arm["arm"]?.string ?? ""])
        }
        let wait = try #require(metrics.first { $0["name"]?.string == "wait" })
        #expect(wait["goal"] == "lower")
        #expect(wait["winner"] == "a")
        #expect(wait["comparisons"]?[0]?["decision"] == "higher")
        #expect(wait["arms"]?[0]?["probability_best"]?.double ?? 0 > 0.999)
        let mean = wait["arms"]?[0]?["mean"]?.double ?? 0
        #expect(abs(mean - 1.225) < 1e-9)
        let control = try service.get("/v1/routes/live/report?control=b&level=0.99").json
        #expect(control["control"] == "b")
        let other = control["metrics"]?.array?.first { $0["name"]?.string == "wait" }
        #expect(other?["comparisons"]?[0]?["decision"] == "lower")
    }

    @Test func `outcomes that are none are refused by name`() throws {
        let service = try service()
        #expect(try put(service, "live", route(["a": ("main", 1)])).status == 201)
        let refused: [(String, Int, String)] = [
            (#"{"arm": "x", "metric": "m", "value": 1}"#, 404, "unknown_arm"),
            (#"{"request_id": "x", "metric": "m", "value": 1}"#, 404, "unknown_request"),
            (#"{"arm": "a", "metric": "m"}"#, 400, "missing_field"),
            (#"{"arm": "a", "metric": "m", "value": "1"}"#, 400, "invalid_field"),
            (#"{"arm": "a", "metric": "m", "value": 1e999}"#, 400, "invalid_field"),
            (#"{"arm": "a", "metric": "a b", "value": 1}"#, 400, "invalid_metric"),
            (#"{"arm": "a", "request_id": "x", "metric": "m", "value": 1}"#, 400, "invalid_field"),
            (#"{"arm": "a", "metrik": "m", "value": 1}"#, 400, "unknown_field"),
            (
                #"{"outcomes": [{"arm": "a", "metric": "m", "value": 1}, {"arm": "x", "metric": "m", "value": 1}]}"#,
                404, "unknown_arm"
            ),
        ]
        for (body, status, code) in refused {
            let answer = try service.post("/v1/routes/live/outcomes", body)
            #expect(answer.status == status, "\(body): \(answer.text)")
            #expect(answer.codes.contains(code), "\(body): \(answer.codes)")
        }
        #expect(try service.get("/v1/routes/live/report").json["metrics"]?.array?.isEmpty == true)
        #expect(try service.get("/v1/routes/live/report?control=x").codes == ["unknown_arm"])
        #expect(try service.get("/v1/routes/live/report?level=2").status == 400)
    }

    @Test func `a request that is under way ends with what it began with`() throws {
        let service = try Service(["shapes": Samples.pipeline])
        #expect(try service.put("outline", Samples.outline).status == 201)
        let path = "unet/diffusion_pytorch_model.safetensors"
        #expect(try put(service, "live", route(["a": ("shapes+outline", 1)])).status == 201)
        let expected = try service.file("shapes+outline", path)
        // A receive buffer that holds a small part of the answer: the rest is sent after the route has moved.
        let slow = try Client(port: service.port, receiveBuffer: 65_536)
        try slow.send("GET /v1/models/live/files/\(path) HTTP/1.1\r\nHost: test\r\n\r\n")
        #expect(slow.socket.wait(for: .reading, seconds: Client.patience))
        #expect(try put(service, "live", route(["a": ("shapes", 1)])).status == 200)
        let answer = try slow.answer()
        let variant = try service.get("/v1/routes/live").json["arms"]?[0]?["variant"]?.string
        #expect(answer.isComplete, "\(service.log)")
        #expect(answer.body == expected)
        #expect(answer["x-umbel-variant"] != variant)
    }

    @Test func `a thousand re-points under sixty-four connections fail no request and mix no bytes`() throws {
        let service = try service("--set", "server.workers=80")
        let models = ["main+ink", "main+ink:0.5", "main+ink:-1", "main"]
        // The one tensor that the adapter touches: small, and different in each variant.
        let files = try models.map { try service.file($0) }
        let first = try #require(files[0].indices.first { files[0][$0] != files[3][$0] })
        let last = try #require(files[0].indices.last { files[0][$0] != files[3][$0] })
        var parts: [String: Data] = [:]
        for (model, file) in zip(models, files) {
            let variant = try #require(try service.get("/v1/models/\(model)").json["variant"]?.string)
            parts[variant] = Data(file[first...last])
        }
        #expect(Set(parts.values).count == 4)
        #expect(try put(service, "live", route(["a": ("main", 1)])).status == 201)
        let (peer, expected) = (service.peer, parts)
        let finished = Atomic(false)
        // Eight requests for each swap, up to sixty-four of them under way: without a measure the clients would have all of
        // the processor.
        let (permits, answered) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        let asked = Atomic(0)
        let seen = Mutex<Set<String>>([])
        let reports = concurrently(65) { worker in
            if worker == 0 {
                defer {
                    finished.store(true, ordering: .releasing)
                    for _ in 0..<64 { permits.signal() }
                }
                for swap in 0..<1000 {
                    let (one, two) = (models[swap % 4], models[(swap + 1) % 4])
                    let answer = try put(peer, "live", route(["a": (one, 1), "b": (two, 1)]))
                    guard answer.status == 200 else { return "swap \(swap): \(answer.status) \(answer.text)" }
                    for _ in 0..<8 {
                        permits.signal()
                        if swap >= 8, answered.wait(timeout: .now() + Client.patience) == .timedOut {
                            return "no answer"
                        }
                    }
                }
                return nil
            }
            let client = try Client(port: peer.port)
            while true {
                permits.wait()
                if finished.load(ordering: .acquiring) { return nil }
                defer { answered.signal() }
                try client.send(
                    """
                    GET /v1/models/live/files/\(Self.file) HTTP/1.1\r\nHost: test\r\nRange: bytes=\(first)-\(last)\r\n\r\n
                    """)
                let answer = try client.answer()
                guard answer.status == 206, answer.isComplete, let variant = answer["x-umbel-variant"] else {
                    return "\(answer.status) \(answer.text.prefix(300))"
                }
                guard expected[variant] == answer.body else { return "\(variant): other bytes" }
                seen.withLock { _ = $0.insert(variant) }
                asked.wrappingAdd(1, ordering: .relaxed)
            }
        }
        #expect(reports.isEmpty, "\(reports.prefix(5))")
        #expect(asked.load(ordering: .relaxed) > 7000)
        #expect(seen.withLock { $0 } == Set(expected.keys))
        #expect(try service.get("/v1/routes/live").json["generation"]?.integer == 1001)
    }
}
