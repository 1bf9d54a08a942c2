import Foundation
import UmbelFormats

/// Whoever can be asked over HTTP; each request has a connection of its own.
protocol Requesting {
    var port: Int { get }
}

/// A service that somebody else keeps running.
struct Peer: Requesting, Sendable {
    let port: Int
}

extension Requesting {
    func request(
        _ method: String, _ target: String, _ headers: KeyValuePairs<String, String> = [:], body: Data? = nil
    ) throws -> Answer {
        let client = try Client(port: port)
        var head = "\(method) \(target) HTTP/1.1\r\nHost: test\r\nConnection: close\r\n"
        for (name, value) in headers { head += "\(name): \(value)\r\n" }
        if let body { head += "Content-Length: \(body.count)\r\n" }
        try client.send(Data((head + "\r\n").utf8) + (body ?? Data()))
        return try client.answer(toHead: method == "HEAD")
    }

    func get(_ target: String, _ headers: KeyValuePairs<String, String> = [:]) throws -> Answer {
        try request("GET", target, headers)
    }

    func put(
        _ name: String, _ path: String, _ query: String = "", _ headers: KeyValuePairs<String, String> = [:]
    ) throws -> Answer {
        try request("PUT", "/v1/adapters/\(name)\(query)", headers, body: try Samples.data(path))
    }

    func put(_ name: String, _ content: Data) throws -> Answer {
        try request("PUT", "/v1/adapters/\(name)", body: content)
    }

    func post(_ target: String, _ json: String, _ headers: KeyValuePairs<String, String> = [:]) throws -> Answer {
        try request("POST", target, headers, body: Data(json.utf8))
    }

    func delete(_ target: String) throws -> Answer { try request("DELETE", target) }

    func file(_ model: String, _ path: String = "main_fp32.safetensors", _ query: String = "") throws -> Data {
        let answer = try get("/v1/models/\(model)/files/\(path)\(query)")
        guard answer.status == 200, answer.isComplete else {
            throw HarnessFailure("\(model) \(path): \(answer.status) \(answer.text.prefix(500))")
        }
        return answer.body
    }

    /// The digest a name points to, without "sha256:".
    func digest(_ name: String) throws -> String {
        let text = try get("/v1/adapters/\(name)?effects=false").json["digest"]?.string ?? ""
        return String(text.dropFirst("sha256:".count))
    }
}

/// Does the same on several threads and collects what they report: findings, and errors in words.
func concurrently(_ workers: Int, _ body: @escaping @Sendable (_ worker: Int) throws -> String?) -> [String] {
    let reports = Reports()
    let group = DispatchGroup()
    for worker in 0..<workers {
        group.enter()
        // A thread each: Dispatch would run as many at a time as there are processors.
        Foundation.Thread.detachNewThread {
            defer { group.leave() }
            do {
                if let report = try body(worker) { reports.append(report) }
            } catch {
                reports.append("\(error)")
            }
        }
    }
    group.wait()
    return reports.all
}

private final class Reports: @unchecked Sendable {
    // Sendable: the lock is held wherever the list is touched.
    private let lock = NSLock()
    private var list: [String] = []

    var all: [String] { lock.withLock { list } }

    func append(_ report: String) { lock.withLock { list.append(report) } }
}
