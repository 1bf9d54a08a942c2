import Foundation
import Testing
import UmbelFormats

/// From the first line of output to exit code 0.
@Suite struct LifeTests {
    @Test func `the service says where it listens, is alive and is ready`() throws {
        let service = try Service.main()
        #expect(try service.get("/healthz").json["status"] == "alive")
        let ready = try service.get("/readyz")
        #expect(ready.status == 200)
        #expect(try ready.json["bases"]?.strings == ["main"])
        #expect(try service.get("/version").json["version"]?.string?.isEmpty == false)
        #expect(try service.stop() == 0)
    }

    @Test func `the service takes as many descriptors as it may have`() throws {
        let service = try Service(["main": Samples.main], preparation: "ulimit -S -n 64")
        let limits = try String(contentsOfFile: "/proc/\(service.processIdentifier)/limits", encoding: .utf8)
        let line = try #require(limits.split(separator: "\n").first { $0.hasPrefix("Max open files") })
        let numbers = line.split(whereSeparator: \.isWhitespace).compactMap { Int($0) }
        #expect(numbers.count == 2 && numbers[0] == numbers[1] && numbers[0] > 64, "\(line)")
        // More connections than the shell would have let it have.
        let clients = try (0..<80).map { _ in try Client(port: service.port) }
        for client in clients {
            try client.send("GET /healthz HTTP/1.1\r\nHost: test\r\n\r\n")
            #expect(try client.answer().status == 200)
        }
    }

    @Test func `every documented operation is served, with every method of its path in Allow`() throws {
        let service = try Service.main()
        #expect(try service.put("ink", Samples.plain).status == 201)
        let variant = try service.post("/v1/variants", #"{"model": "main+ink"}"#).json["id"]?.string ?? ""
        let route = #"{"arms": [{"name": "a", "model": "main+ink", "weight": 1}]}"#
        #expect(try service.request("PUT", "/v1/routes/live", body: Data(route.utf8)).status == 201)
        let values: KeyValuePairs = [
            "routes/{name}": "routes/live", "{model}": "main+ink", "{name}": "ink", "{path}": "main_fp32.safetensors",
            "{id}": variant,
            "{tag}": "prod", "{digest}": "sha256:" + (try service.digest("ink")),
        ]
        let document = try service.get("/openapi.json").json
        let paths = try #require(document["paths"]?.members)
        #expect(paths.count > 10)
        // Deletions last, so that what they delete is there for the others.
        for isDeletion in [false, true] {
            for path in isDeletion ? paths.reversed() : paths {
                let target = values.reduce(path.name) { $0.replacingOccurrences(of: $1.key, with: $1.value) }
                let methods = try #require(path.value.members).map { $0.name.uppercased() }
                for method in methods where (method == "DELETE") == isDeletion {
                    let body = ["PUT", "POST"].contains(method) ? Data() : nil
                    let answer = try service.request(method, target, body: body)
                    // This base draws nothing, so there is no job either; it is the routes that say so.
                    let code = target.contains("/jobs") || answer.status == 501 ? try answer.json["code"]?.string : nil
                    if let code, ["cannot_draw", "unknown_job"].contains(code) { continue }
                    #expect(![404, 405, 500, 501].contains(answer.status), "\(method) \(target): \(answer.text)")
                }
                let allowed = try service.request("REPORT", target)
                #expect(allowed.status == 405)
                let names = Set((allowed["allow"] ?? "").components(separatedBy: ", "))
                #expect(names.isSuperset(of: methods), "\(target) allows \(names)")
            }
        }
    }

    @Test func `an unknown path is a problem that names it`() throws {
        let service = try Service.main()
        let answer = try service.get("/v2/nothing")
        #expect(answer.status == 404)
        #expect(answer["content-type"] == "application/problem+json")
        let problem = try answer.json
        #expect(problem["code"] == "no_such_path")
        #expect(problem["status"]?.integer == 404)
        #expect(problem["title"]?.string?.isEmpty == false)
        #expect(problem["type"]?.string?.isEmpty == false)
        #expect(problem["detail"]?.string?.contains("/v2/nothing") == true)
    }

    @Test func `HEAD has the headers of GET and no body`() throws {
        let service = try Service.main()
        for target in ["/healthz", "/v1/models", "/v1/models/main/files/main_fp32.safetensors"] {
            let get = try service.get(target)
            let client = try Client(port: service.port)
            try client.send("HEAD \(target) HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n")
            let head = try client.answer(toHead: true)
            #expect(head.status == 200)
            #expect(head["content-length"] == get["content-length"])
            #expect(head["etag"] == get["etag"])
            #expect(try client.isClosed())
        }
    }

    @Test func `a request id is echoed when it is fit to print and made when it is not`() throws {
        let service = try Service.main()
        #expect(try service.get("/healthz", ["X-Request-Id": "abc-123"])["x-request-id"] == "abc-123")
        let first = try service.get("/healthz")["x-request-id"] ?? ""
        let second = try service.get("/nothing")["x-request-id"] ?? ""
        #expect(first.count >= 8)
        #expect(second.count >= 8)
        #expect(first != second)
        let tooLong = String(repeating: "x", count: 500)
        #expect(try service.get("/healthz", ["X-Request-Id": tooLong])["x-request-id"] != tooLong)
    }

    @Test func `requests follow each other on one connection, sent at once or one by one`() throws {
        let service = try Service.main()
        let client = try Client(port: service.port)
        let request = "GET /healthz HTTP/1.1\r\nHost: test\r\n\r\n"
        try client.send(request + request + request)
        for _ in 0..<3 { #expect(try client.answer().status == 200) }
        try client.send(request)
        #expect(try client.answer().status == 200)
    }

    @Test func `SIGTERM lets a slow download finish, takes no new connection, and exits with 0`() throws {
        let service = try Service(["shapes": Samples.pipeline])
        let path = "/v1/models/shapes/files/unet/diffusion_pytorch_model.safetensors"
        let client = try Client(port: service.port, receiveBuffer: 1 << 16)
        try client.send("GET \(path) HTTP/1.1\r\nHost: test\r\n\r\n")
        #expect(client.socket.wait(for: .reading, seconds: Client.patience))
        service.terminate()
        // The socket used to go on listening during the drain, so that new clients connected and hung.
        try eventually("new connections are refused") { (try? Client(port: service.port)) == nil }
        let answer = try client.answer()
        #expect(answer.isComplete)
        #expect(answer.body == (try Samples.data(Samples.pipeline + "/unet/diffusion_pytorch_model.safetensors")))
        #expect(try service.exitCode() == 0)
    }

    @Test func `an idle connection does not keep the service from stopping`() throws {
        let service = try Service.main()
        let client = try Client(port: service.port)
        try client.send("GET /healthz HTTP/1.1\r\nHost: test\r\n\r\n")
        #expect(try client.answer().status == 200)
        #expect(try service.stop() == 0)
        #expect(try client.isClosed())
    }
}
