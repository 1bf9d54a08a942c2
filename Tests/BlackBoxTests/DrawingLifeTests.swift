import Foundation
import Synchronization
import Testing
import UmbelFormats

/// Drawings of the real binary that are given up, wait, or go through a route that changes.
@Suite struct DrawingLifeTests {
    /// Pictures that nobody could wait for.
    private static let endless = #""steps": 500, "n": 8, "size": "256x256""#
    private static let short = #""steps": 2, "seed": 1"#

    private static func body(_ rest: String, prompt: String = "a red circle", model: String = "shapes") -> String {
        #"{"prompt": "\#(prompt)", "model": "\#(model)", \#(rest)}"#
    }

    private func service() throws -> Service { try Service(["shapes": Samples.pipeline]) }

    /// Sends a request and leaves the answer alone.
    private func begin(_ service: Service, _ target: String, _ body: String) throws -> Client {
        let client = try Client(port: service.port)
        let head = "POST \(target) HTTP/1.1\r\nHost: test\r\nContent-Length: \(body.utf8.count)\r\n\r\n"
        try client.send(head + body)
        return client
    }

    private func jobs(_ service: some Requesting) throws -> [JSON] {
        try service.get("/v1/jobs").json["data"]?.array ?? []
    }

    private func waiting(_ service: Service, for count: Int, _ status: String) throws -> [JSON] {
        var found: [JSON] = []
        try eventually("\(count) jobs are \(status)", seconds: 60) {
            found = try jobs(service).filter { $0["status"]?.string == status }
            return found.count == count
        }
        return found
    }

    private func submit(_ service: some Requesting, _ body: String) throws -> String {
        let answer = try service.post("/v1/images/generations", body, ["Prefer": "respond-async"])
        guard answer.status == 202, let id = try answer.json["id"]?.string else {
            throw HarnessFailure("\(answer.status) \(answer.text)")
        }
        return id
    }

    /// A job when it has ended.
    private func end(_ service: some Requesting, _ id: String) throws -> JSON {
        var job = JSON.null
        try eventually("job \(id) ends", seconds: 60) {
            job = try service.get("/v1/jobs/\(id)").json
            return !["queued", "running"].contains(job["status"]?.string)
        }
        return job
    }

    // MARK: Giving up

    @Test(arguments: ["/v1/images/generations", "/v1/sweep", "/sdapi/v1/txt2img"])
    func `a client that closes its connection takes along its drawing, and the queue goes on`(
        _ target: String
    ) throws {
        let service = try service()
        let body =
            switch target {
            case "/v1/sweep":
                #"{"prompt": "a red circle", "model": "shapes", "size": "256x256", "axes": {"steps": [499, 500]}}"#
            case "/sdapi/v1/txt2img":
                #"{"prompt": "a red circle", "steps": 150, "width": 512, "height": 512, "batch_size": 4}"#
            default: Self.body(Self.endless)
            }
        var client: Client? = try begin(service, target, body)
        let job = try #require(try waiting(service, for: 1, "running").first)
        let id = try #require(job["id"]?.string)
        try eventually("a step is done", seconds: 60) {
            try service.get("/v1/jobs/\(id)").json["step"]?.integer ?? 0 > 0
        }
        let next = try submit(service, Self.body(Self.short))
        withExtendedLifetime(client) {}
        client = nil
        #expect(try end(service, id)["status"] == "cancelled")
        #expect(try end(service, next)["status"] == "completed")
        #expect(try jobs(service).map { $0["status"]?.string } == ["cancelled", "completed"])
    }

    @Test func `a client that closes while its drawing waits takes it out of the queue`() throws {
        let service = try service()
        let first = try submit(service, Self.body(Self.endless))
        _ = try waiting(service, for: 1, "running")
        var client: Client? = try begin(service, "/v1/images/generations", Self.body(Self.short))
        let queued = try #require(try waiting(service, for: 1, "queued").first?["id"]?.string)
        let last = try submit(service, Self.body(Self.short))
        #expect(try service.get("/v1/jobs/\(last)").json["queue_position"]?.integer == 2)
        withExtendedLifetime(client) {}
        client = nil
        let gone = try end(service, queued)
        #expect(gone["status"] == "cancelled" && gone["started"] == .null)
        #expect(try service.get("/v1/jobs/\(first)").json["status"] == "running", "the one under way goes on")
        #expect(try service.get("/v1/jobs/\(last)").json["queue_position"]?.integer == 1)
        #expect(try service.delete("/v1/jobs/\(first)").status == 200)
        #expect(try end(service, first)["status"] == "cancelled")
        #expect(try end(service, last)["status"] == "completed")
    }

    @Test func `deleting a job and interrupting cancel it, and who waits for it is told`() throws {
        let service = try service()
        let images = try begin(service, "/v1/images/generations", Self.body(Self.endless))
        let id = try #require(try waiting(service, for: 1, "running").first?["id"]?.string)
        #expect(try service.delete("/v1/jobs/\(id)").status == 200)
        #expect(try end(service, id)["status"] == "cancelled")
        let told = try images.answer()
        #expect(told.status == 409 && told.text.contains("drawing_cancelled"), "\(told.text)")

        let webUI = try begin(
            service, "/sdapi/v1/txt2img", #"{"prompt": "a", "steps": 150, "width": 512, "height": 512}"#)
        let second = try #require(try waiting(service, for: 1, "running").first?["id"]?.string)
        #expect(try service.post("/sdapi/v1/interrupt", "").status == 200)
        #expect(try end(service, second)["status"] == "cancelled")
        #expect(try webUI.answer().status == 409)
        #expect(try end(service, submit(service, Self.body(Self.short)))["status"] == "completed")
    }

    // MARK: Which variant

    private func point(_ service: some Requesting, to model: String) throws {
        let body = #"{"arms": [{"name": "only", "model": "\#(model)"}]}"#
        let answer = try service.request("PUT", "/v1/routes/live", body: Data(body.utf8))
        guard answer.status < 300 else { throw HarnessFailure("\(answer.status) \(answer.text)") }
    }

    /// A service with two adapters, what a route to each of them draws, and its variant.
    private func routed() throws -> (service: Service, models: [String], pictures: [String: Data]) {
        let service = try service()
        #expect(try service.put("pastel", Samples.pastel).status == 201)
        #expect(try service.put("outline", Samples.outline).status == 201)
        let models = ["shapes+pastel", "shapes+outline:0.8"]
        var pictures: [String: Data] = [:]
        for model in models {
            try point(service, to: model)
            let (variant, picture) = try drawn(service, submit(service, Self.body(Self.short, model: "live")))
            pictures[variant] = picture
        }
        #expect(Set(pictures.values).count == 2)
        return (service, models, pictures)
    }

    /// The variant that a finished job names, and its picture.
    private func drawn(_ service: some Requesting, _ id: String) throws -> (variant: String, picture: Data) {
        let job = try end(service, id)
        guard let picture = job["result"]?["pictures"]?[0], let variant = picture["variant"]?.string,
            let url = picture["url"]?.string
        else { throw HarnessFailure("\(job.text)") }
        let answer = try service.get(url)
        guard answer.status == 200, answer.isComplete else { throw HarnessFailure("\(url): \(answer.status)") }
        return (variant, answer.body)
    }

    @Test func `pictures through a route that goes back and forth are each whole of one variant`() throws {
        let (service, models, pictures) = try routed()
        let peer = service.peer
        let isOver = Atomic(false)
        let answered = Mutex<[String: Int]>([:])
        let faults = concurrently(4) { worker in
            if worker == 0 {
                for swap in 0... where !isOver.load(ordering: .relaxed) {
                    try self.point(peer, to: models[swap % 2])
                    if isOver.load(ordering: .relaxed) { break }
                }
                return nil
            }
            defer { if worker == 1 { isOver.store(true, ordering: .relaxed) } }
            for _ in 0..<200 {
                let answer = try peer.post(
                    "/v1/images/generations", Self.body(#"\#(Self.short), "response_format": "url""#, model: "live"))
                guard answer.status == 200, let variant = answer["x-umbel-variant"],
                    let url = try answer.json["data"]?[0]?["url"]?.string
                else { return "\(answer.status) \(answer.text)" }
                guard try peer.get(url).body == pictures[variant] else { return "another picture of \(variant)" }
                let counts = answered.withLock { counts in
                    counts[variant, default: 0] += 1
                    return counts
                }
                if counts.count == 2, counts.values.allSatisfy({ $0 >= 6 }) || isOver.load(ordering: .relaxed) { break }
            }
            return nil
        }
        #expect(faults.isEmpty, "\(faults)")
        #expect(Set(answered.withLock { $0 }.keys) == Set(pictures.keys))
    }

    @Test func `a drawing in the queue is of the model that its name was when it was sent`() throws {
        let (service, models, pictures) = try routed()
        let long = try submit(service, Self.body(Self.endless))
        var queued: [(job: String, variant: String?)] = []
        for round in 0..<4 {
            try point(service, to: models[round % 2])
            let answer = try service.post(
                "/v1/images/generations", Self.body(Self.short, model: "live"), ["Prefer": "respond-async"])
            queued.append((try #require(try answer.json["id"]?.string), answer["x-umbel-variant"]))
        }
        // The adapter itself is replaced, and then goes.
        let pinned = try submit(service, Self.body(Self.short, model: "shapes+pastel"))
        #expect(try service.put("pastel", Samples.tilt).status == 200)
        try point(service, to: "shapes")
        #expect(try service.delete("/v1/adapters/pastel").status == 204)
        #expect(try service.delete("/v1/adapters/outline").status == 204)
        #expect(try service.delete("/v1/jobs/\(long)").status == 200)
        #expect(Set(queued.map(\.variant)).count == 2)
        for (job, variant) in queued {
            let drawn = try drawn(service, job)
            #expect(drawn.variant == variant)
            #expect(drawn.picture == pictures[drawn.variant])
        }
        let last = try drawn(service, pinned)
        #expect(pictures[last.variant] != nil, "the content that the name had")
        #expect(try end(service, long)["status"] == "cancelled")
    }

    // MARK: Sweeps

    @Test func `the cells of a sweep are the pictures that are drawn alone`() throws {
        let service = try service()
        #expect(try service.put("pastel", Samples.pastel).status == 201)
        let sweep = try service.post(
            "/v1/sweep",
            #"{"prompt": "a red circle", "model": "shapes", "seed": 1, "adapter": "pastel", "#
                + #""axes": {"scales": [0, 0.5, 1], "steps": [2, 3]}}"#)
        #expect(sweep.status == 200, "\(sweep.text)")
        let pictures = try #require(try sweep.json["pictures"]?.array)
        #expect(pictures.count == 6)
        for cell in pictures {
            let (name, steps) = (try #require(cell["model"]?.string), try #require(cell["steps"]?.integer))
            let variant = try #require(cell["variant"]?.string)
            let alone = try service.post(
                "/v1/images/generations", Self.body(#""steps": \#(steps), "seed": 1"#, model: variant))
            #expect(alone["x-umbel-variant"] == variant)
            let expected = try #require(try alone.json["data"]?[0]?["b64_json"]?.string)
            // The files say by what name the model was asked for.
            #expect(try pixels(cell["b64_json"]?.string) == pixels(expected), "\(name) \(steps)")
        }
    }

    /// The parts of a PNG that are no text.
    private func pixels(_ base64: String?) throws -> Data {
        let file = try #require(base64.flatMap { Data(base64Encoded: $0) })
        var kept = Data()
        var place = 8
        while place + 12 <= file.count {
            let length = file[place..<place + 4].reduce(0) { $0 << 8 | Int($1) }
            let kind = String(decoding: file[place + 4..<place + 8], as: UTF8.self)
            if !["tEXt", "iTXt", "zTXt"].contains(kind) { kept += file[place..<place + 12 + length] }
            place += 12 + length
        }
        return kept
    }
}
