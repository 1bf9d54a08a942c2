import Dispatch
import Foundation
import HTTPTypes
import Testing
import UmbelClient
import UmbelHTTP
import UmbelPOSIX

/// The carrier: what libcurl is told, and what is made of what it says.
@Suite struct HTTPClientTests {
    @Test func `an answer has its status, headers and body`() throws {
        let server = try FakeServer { seen in
            Response(.init(code: 418), headers: [.eTag: "\"x\""], body: .bytes(Array("pot \(seen.method)".utf8)))
        }
        let response = try HTTPClient().send(ClientRequest("GET", server.address + "/tea?a=b"))
        #expect(response.status == 418)
        #expect(response["etag"] == "\"x\"" && response["ETAG"] == "\"x\"" && response["none"] == nil)
        #expect(response.body == Array("pot GET".utf8))
        #expect(!response.isTruncated)
        #expect(server.seen.map(\.target) == ["/tea?a=b"])
    }

    @Test(arguments: ["GET", "HEAD", "DELETE"])
    func `methods without a body send none`(method: String) throws {
        let server = try FakeServer { _ in Response(.ok, body: .bytes([1, 2, 3])) }
        let response = try HTTPClient().send(ClientRequest(method, server.address))
        #expect(response.body == (method == "HEAD" ? [] : [1, 2, 3]))
        #expect(server.seen.map(\.method) == [method])
        #expect(server.seen[0].headers[.contentLength] == nil && server.seen[0].headers[.transferEncoding] == nil)
    }

    @Test(arguments: ["POST", "PUT", "PATCH"], [0, 1, 3_000_000])
    func `bodies from memory arrive whole with their length`(method: String, count: Int) throws {
        let server = try FakeServer { _ in Response(.noContent) }
        var request = ClientRequest(method, server.address)
        let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0) }
        request.body = .bytes(bytes)
        #expect(try HTTPClient().send(request).status == 204)
        #expect(server.seen.map(\.method) == [method])
        #expect(server.seen[0].body == bytes)
        #expect(server.seen[0].headers[.contentLength] == String(count))
    }

    @Test func `a file goes out in pieces that are small however large it is`() throws {
        let server = try FakeServer { _ in Response(.noContent) }
        let scratch = try ScratchFile(bytes: 20 << 20)
        var pieces: [Int] = []
        var request = ClientRequest("POST", server.address)
        request.body = .file(try scratch.file)
        request.onSent = { pieces.append($0) }
        #expect(try HTTPClient().send(request).status == 204)
        #expect(server.seen[0].body == scratch.content)
        #expect(pieces.reduce(0, +) == scratch.content.count)
        #expect(pieces.allSatisfy { $0 > 0 && $0 <= 1 << 20 }, "\(pieces.max() ?? 0)")
    }

    @Test func `a file that became shorter stops the upload, and the server does not take the part for the whole`()
        throws
    {
        let finished = DispatchSemaphore(value: 0)
        let server = try RawServer { connection in
            _ = connection.head()
            connection.send("HTTP/1.1 100 Continue\r\n\r\n")
            connection.skip(.max)
            finished.signal()
        }
        let scratch = try ScratchFile(bytes: 8 << 20)
        let file = try scratch.file
        try FileHandle(forWritingTo: URL(filePath: scratch.path)).truncate(atOffset: 1 << 20)
        var request = ClientRequest("POST", server.address)
        request.body = .file(file)
        #expect(throws: ClientError.fileChanged(path: scratch.path)) { try HTTPClient().send(request) }
        #expect(finished.wait(timeout: .now() + RawServer.patience) == .success)
    }

    @Test func `a server that goes away in the middle of an upload is an error`() throws {
        let server = try RawServer { connection in
            _ = connection.head()
            connection.send("HTTP/1.1 100 Continue\r\n\r\n")
            connection.skip(1 << 20)
            connection.reset()
        }
        let scratch = try ScratchFile(bytes: 16 << 20)
        var request = ClientRequest("POST", server.address)
        request.body = .file(try scratch.file)
        let error = #expect(throws: ClientError.self) { try HTTPClient().send(request) }
        guard case .brokenOff(_, let message) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(!message.isEmpty)
    }

    @Test func `a refusal that comes before the body has been sent is heard`() throws {
        let server = try RawServer { connection in
            _ = connection.head()
            connection.send("HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig")
            connection.skip(.max)
        }
        let scratch = try ScratchFile(bytes: 16 << 20)
        var request = ClientRequest("POST", server.address)
        request.body = .file(try scratch.file)
        let response = try HTTPClient().send(request)
        #expect(response.status == 413)
        #expect(response.body == Array("big".utf8))
    }

    @Test func `of an answer that is too long only the beginning is received`() throws {
        let gaveUp = DispatchSemaphore(value: 0)
        let server = try RawServer { connection in
            _ = connection.head()
            connection.send("HTTP/1.1 500 Broken\r\nTransfer-Encoding: chunked\r\n\r\n")
            let piece = Array("10000\r\n".utf8) + [UInt8](repeating: 0x61, count: 65_536) + Array("\r\n".utf8)
            // Without end: it stops when the client does.
            while connection.send(piece) {}
            gaveUp.signal()
        }
        var request = ClientRequest("GET", server.address)
        request.answerLimit = 100_000
        let response = try HTTPClient().send(request)
        #expect(response.status == 500)
        #expect(response.isTruncated)
        #expect(response.body == [UInt8](repeating: 0x61, count: 100_000))
        #expect(gaveUp.wait(timeout: .now() + RawServer.patience) == .success)
    }

    @Test func `headers without end are refused`() throws {
        let server = try RawServer { connection in
            _ = connection.head()
            connection.send("HTTP/1.1 200 OK\r\n")
            let line = Array(("X-Line: " + String(repeating: "a", count: 1000) + "\r\n").utf8)
            while connection.send(line) {}
        }
        #expect(throws: ClientError.self) { try HTTPClient().send(ClientRequest("GET", server.address)) }
    }

    @Test func `an answer that breaks off is an error, not a short answer`() throws {
        let server = try RawServer { connection in
            _ = connection.head()
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort")
        }
        let error = #expect(throws: ClientError.self) { try HTTPClient().send(ClientRequest("GET", server.address)) }
        guard case .brokenOff = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test func `a server that says nothing is left after the time given`() throws {
        let left = DispatchSemaphore(value: 0)
        let server = try RawServer { connection in
            _ = connection.head()
            connection.skip(.max)
            left.signal()
        }
        var request = ClientRequest("GET", server.address)
        request.stallSeconds = 1
        #expect(throws: ClientError.stalled(seconds: 1)) { try HTTPClient().send(request) }
        #expect(left.wait(timeout: .now() + RawServer.patience) == .success)
    }

    @Test func `where nobody listens is said`() throws {
        let port = try Socket.listening(host: "127.0.0.1", port: 0).boundPort
        let error = #expect(throws: ClientError.self) {
            try HTTPClient().send(ClientRequest("GET", "http://127.0.0.1:\(port)"))
        }
        guard case .unreachable(let message) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(message.contains("\(port)"), "\(message)")
    }

    @Test func `redirects are not followed`() throws {
        let other = try FakeServer()
        let server = try FakeServer { _ in Response(.found, headers: [.location: other.address + "/elsewhere"]) }
        let response = try HTTPClient().send(ClientRequest("GET", server.address))
        #expect(response.status == 302)
        #expect(response["location"] == other.address + "/elsewhere")
        #expect(other.seen.isEmpty)
    }

    @Test(arguments: [
        "ftp://127.0.0.1:PORT/", "gopher://127.0.0.1:PORT/", "dict://127.0.0.1:PORT/d", "file:///etc/hostname",
    ])
    func `other protocols than HTTP are not spoken`(url: String) throws {
        let server = try FakeServer()
        let url = url.replacingOccurrences(of: "PORT", with: "\(server.port)")
        #expect(throws: ClientError.self) { try HTTPClient().send(ClientRequest("GET", url)) }
        #expect(server.seen.isEmpty)
    }

    @Test(arguments: ["a\r\nX-Evil: 1", "a\nb", "\u{0}", "café"])
    func `a header's value cannot become another header`(value: String) throws {
        let server = try FakeServer()
        var request = ClientRequest("GET", server.address)
        request.headers = [("X-Test", value)]
        #expect(throws: ClientError.header(name: "X-Test")) { try HTTPClient().send(request) }
        #expect(server.seen.isEmpty)
    }

    @Test func `a kept connection serves several requests, and options of one do not reach the next`() throws {
        let connections = Shared(0)
        let server = try RawServer { connection in
            connections.change { $0 += 1 }
            while let head = connection.head() {
                let method = head.prefix { $0 != " " }
                if method == "POST" { connection.skip(3) }
                let body = method == "HEAD" ? "" : String(method)
                connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(method.utf8.count)\r\n\r\n\(body)")
            }
        }
        let client = try HTTPClient()
        var post = ClientRequest("POST", server.address)
        post.body = .bytes([1, 2, 3])
        post.mayRepeat = true
        #expect(try client.send(post).body == Array("POST".utf8))
        #expect(try client.send(ClientRequest("HEAD", server.address)).body == [])
        #expect(try client.send(ClientRequest("GET", server.address)).body == Array("GET".utf8))
        #expect(connections.change { $0 } == 1)
    }

    @Test(arguments: ["POST", "DELETE"])
    func `what changes something is sent once, even if a kept connection dies under it`(method: String) throws {
        let changes = Shared(0)
        let server = try RawServer { connection in
            while let head = connection.head() {
                if head.hasPrefix(method) {
                    changes.change { $0 += 1 }
                    return
                }
                connection.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            }
        }
        let client = try HTTPClient()
        #expect(try client.send(ClientRequest("GET", server.address)).status == 200)
        var request = ClientRequest(method, server.address)
        if method == "POST" { request.body = .bytes([]) }
        #expect(throws: ClientError.self) { try client.send(request) }
        #expect(changes.change { $0 } == 1)
    }

    @Test func `sending begins again when a kept connection dies under what may be repeated`() throws {
        let posts = Shared(0)
        let scratch = try ScratchFile(bytes: 300_000)
        let server = try RawServer { connection in
            while let head = connection.head() {
                if head.hasPrefix("POST") {
                    connection.skip(300_000)
                    if posts.change({
                        $0 += 1; return $0
                    }) == 1 {
                        return
                    }
                }
                connection.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            }
        }
        let client = try HTTPClient()
        #expect(try client.send(ClientRequest("GET", server.address)).status == 200)
        var request = ClientRequest("POST", server.address)
        request.body = .file(try scratch.file)
        request.mayRepeat = true
        var sent = 0
        request.onSent = { sent += $0 }
        #expect(try client.send(request).status == 200)
        #expect(posts.change { $0 } == 2)
        #expect(sent == 300_000)
    }
}
