internal import Dispatch
internal import Glibc
internal import HTTPTypes
import Testing
import UmbelHTTP
import UmbelPOSIX

/// Bodies that lie in files: the kernel sends them, and a client sees no difference.
@Suite(.timeLimit(.minutes(1)))
struct FileBodyTests {
    /// A file with some bytes of its own in front, as a merged model gives them.
    private struct FileSource: ByteSource {
        let file: MappedFile
        let front = Array("front of it".utf8)

        var count: Int { front.count + file.bytes.count }

        func write(_ range: Range<Int>, to sink: ByteSink) throws {
            let own = range.clamped(to: 0..<front.count)
            if !own.isEmpty { try front[own].withUnsafeBytes { try sink(.memory($0)) } }
            let rest = range.clamped(to: front.count..<count)
            if !rest.isEmpty { try sink(.file(file, rest.lowerBound - front.count..<rest.upperBound - front.count)) }
        }
    }

    /// A server whose every answer is one file, in a folder of its own.
    private final class FileServer {
        let path: String
        let contents: [UInt8]
        let source: FileSource
        let bodyFailed = DispatchSemaphore(value: 0)
        let server: HTTPServer
        let port: Int

        init(bytes: Int = 3_000_000, keepsOpen: Bool = true) throws {
            let path = "/tmp/umbel-file-\(getpid())-\(UInt32.random(in: 0 ... .max))"
            let contents = (0..<bytes).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 9) }
            try AtomicFile.write(contents, to: path)
            let source = FileSource(file: try MappedFile(path: path, keepsOpen: keepsOpen))
            (self.path, self.contents) = (path, contents)
            self.source = source
            var limits = HTTPLimits()
            limits.workers = 2
            server = HTTPServer(limits: limits, onBodyFailure: { [bodyFailed] _, _ in bodyFailed.signal() }) {
                serve(source, as: Representation(etag: "f"), for: $0)
            }
            port = try server.listen(host: "127.0.0.1", port: 0)
        }

        deinit {
            server.shutdown(graceSeconds: 0)
            unlink(path)
        }

        var whole: [UInt8] { source.front + contents }
    }

    @Test("What is sent from a file equals what is sent from memory", arguments: [true, false])
    func whole(keepsOpen: Bool) throws {
        let server = try FileServer(keepsOpen: keepsOpen)
        let client = try TestClient(port: server.port)
        // Twice, so that the end of the first is the right one.
        for _ in 0..<2 {
            try client.get("/")
            let reply = try client.reply()
            #expect(reply.isComplete && reply.body == server.whole)
        }
    }

    @Test("Ranges begin and end where they should, in the file and across its beginning")
    func ranges() throws {
        let server = try FileServer()
        let client = try TestClient(port: server.port)
        let whole = server.whole
        for range in [0..<1, 5..<20, 11..<12, 12..<100_000, 4096..<8192, 65_547..<2_000_001, 2_999_000..<whole.count] {
            try client.get("/", "Range: bytes=\(range.lowerBound)-\(range.upperBound - 1)\r\n")
            let reply = try client.reply()
            #expect(reply.status == 206)
            #expect(reply.body == Array(whole[range]), "\(range)")
        }
    }

    @Test("Several ranges come as parts, and HEAD brings the length alone")
    func parts() throws {
        let server = try FileServer()
        let client = try TestClient(port: server.port)
        try client.get("/", "Range: bytes=3-9,100-1000000,2000000-2000009\r\n")
        let reply = try client.reply()
        #expect(reply.status == 206 && reply.isComplete)
        for range in [3..<10, 100..<1_000_001, 2_000_000..<2_000_010] {
            let head = "Content-Range: bytes \(range.lowerBound)-\(range.upperBound - 1)/\(server.whole.count)\r\n\r\n"
            let start = try #require(position(of: Array(head.utf8), in: reply.body)) + head.utf8.count
            #expect(reply.body[start..<start + range.count] == server.whole[range])
        }
        try client.send("HEAD / HTTP/1.1\r\nHost: test\r\n\r\n")
        let head = try client.reply(toHead: true)
        #expect(head.status == 200 && head.headers["content-length"] == "\(server.whole.count)")
        try client.get("/", "Range: bytes=0-0\r\n")
        #expect(try client.reply().body == Array(server.whole[..<1]))
    }

    private func position(of needle: [UInt8], in bytes: [UInt8]) -> Int? {
        (0...max(0, bytes.count - needle.count)).first {
            bytes[$0] == needle[0] && bytes[$0..<min(bytes.count, $0 + needle.count)].elementsEqual(needle)
        }
    }

    @Test("A client with a small buffer gets every byte")
    func smallBuffer() throws {
        // Not many: with such a window the kernels wait for each other's timers.
        let server = try FileServer(bytes: 200_000)
        let client = try TestClient(port: server.port, receiveBuffer: 8192)
        try client.get("/")
        #expect(try client.reply().body == server.whole)
    }

    @Test("A file that another one replaces under its name is sent as it was")
    func replaced() throws {
        let server = try FileServer()
        try AtomicFile.write([1, 2, 3], to: server.path)
        let client = try TestClient(port: server.port)
        try client.get("/")
        #expect(try client.reply().body == server.whole)
    }

    @Test("A file that was cut off cuts the client off, and the service goes on")
    func truncated() throws {
        let server = try FileServer()
        #expect(truncate(server.path, 1_000_000) == 0)
        let client = try TestClient(port: server.port)
        try client.get("/")
        #expect(server.bodyFailed.wait(timeout: .now() + TestClient.patience) == .success)
        if let reply = try? client.reply() { #expect(!reply.isComplete) }
        // A small piece is gathered with the head, and is missing just the same.
        let small = try TestClient(port: server.port)
        try small.get("/", "Range: bytes=1500000-1500099\r\n")
        #expect(server.bodyFailed.wait(timeout: .now() + TestClient.patience) == .success)
        let next = try TestClient(port: server.port)
        try next.get("/", "Range: bytes=0-999\r\n")
        #expect(try next.reply().body == Array(server.whole[..<1000]))
    }

    @Test("A client that leaves while a file is sent ends nothing but its connection")
    func clientGone() throws {
        let server = try FileServer(bytes: 30_000_000)
        for _ in 0..<3 {
            let client = try TestClient(port: server.port, receiveBuffer: 4096)
            try client.get("/")
            _ = try client.fill()
            client.socket.resetOnClose()
        }
        let next = try TestClient(port: server.port)
        try next.get("/", "Range: bytes=100-299\r\n")
        #expect(try next.reply().body == Array(server.whole[100..<300]))
    }
}
