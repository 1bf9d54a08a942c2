internal import Dispatch
internal import Glibc
import Testing
import UmbelHTTP
import UmbelPOSIX

@Suite(.timeLimit(.minutes(1)))
struct ServerStreamingTests {
    @Test("A stream is chunked for 1.1 and ends with the connection for 1.0")
    func streams() throws {
        let server = try TestServer()
        let client = try server.client()
        try client.get("/stream")
        let reply = try client.reply()
        #expect(reply.text == "one two three")
        #expect(reply.headers["transfer-encoding"] == "chunked")
        try client.get("/after")
        #expect(try client.reply().text == "GET /after")
        let old = try server.client()
        try old.send("GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        let oldReply = try old.reply()
        #expect(oldReply.headers["connection"] == "close")
        #expect(oldReply.text == "one two three")
    }

    @Test(
        "A body that fails, or is not as long as announced, cuts the client off", arguments: ["throw", "short", "long"])
    func brokenBodies(fails: String) throws {
        let server = try TestServer()
        let client = try server.client()
        try client.get("/broken/\(fails)")
        #expect(server.bodyFailed.wait(timeout: .now() + TestClient.patience) == .success)
        // A body that is too long is stopped before its first byte, and the reset may overtake even the head.
        if let reply = try? client.reply() { #expect(!reply.isComplete) }
    }

    @Test("A stream that fails is cut off before its last chunk")
    func brokenStream() throws {
        let server = try TestServer()
        let client = try server.client()
        try client.get("/stream/fail")
        if let reply = try? client.reply() { #expect(!reply.isComplete) }
    }

    @Test("64 MiB are streamed in memory that does not grow with them")
    func largeBody() throws {
        let server = try TestServer()
        let client = try server.client()
        let count = 64 << 20
        try client.get("/pattern/\(count)")
        var piece = [UInt8](repeating: 0, count: 1 << 16)
        var head: [UInt8] = []
        var received = 0
        var isIntact = true
        let before = residentBytes()
        while received < count {
            guard case .bytes(let size) = try piece.withUnsafeMutableBytes({ try client.socket.receive(into: $0) })
            else {
                guard client.socket.wait(for: .reading, seconds: TestClient.patience) else { break }
                continue
            }
            var bytes = piece[..<size]
            while !head.suffix(4).elementsEqual("\r\n\r\n".utf8), let byte = bytes.popFirst() { head.append(byte) }
            if let first = bytes.first, let last = bytes.last {
                isIntact = isIntact && Int(first) == received % 251
                received += bytes.count
                isIntact = isIntact && Int(last) == (received - 1) % 251
            }
        }
        #expect(received == count)
        #expect(isIntact)
        // Other tests run at the same time and take a little too; the body would be 64 MiB.
        #expect(residentBytes() - before < 32 << 20)
    }

    @Test("A client that goes away in the middle of a body frees its worker")
    func clientGone() throws {
        let server = try TestServer { $0.workers = 1 }
        do {
            let client = try server.client()
            try client.get("/pattern/\(64 << 20)")
            _ = try client.fill()
            client.socket.resetOnClose()
        }
        let next = try server.client()
        try next.get("/next")
        #expect(try next.reply().text == "GET /next")
    }

    @Test("A client that takes nothing is dropped after the write stall time, and its worker is free again")
    func slowReader() throws {
        let server = try TestServer {
            $0.workers = 1
            $0.writeStallTimeout = 0.2
        }
        let slow = try TestClient(port: server.port, receiveBuffer: 4096)
        try slow.get("/pattern/\(64 << 20)")
        _ = try slow.fill()
        let next = try server.client()
        try next.get("/next")
        #expect(try next.reply().text == "GET /next")
        #expect(try !slow.reply().isComplete)
    }
}

/// Resident memory of this process in bytes.
func residentBytes() -> Int {
    guard let file = fopen("/proc/self/statm", "r") else { return 0 }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 128)
    guard fgets(&line, Int32(line.count), file) != nil else { return 0 }
    let numbers = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self).split(
        separator: " ")
    return numbers.dropFirst().first.flatMap { Int($0) }.map { $0 * 4096 } ?? 0
}
