import UmbelPOSIX

/// A client that says exactly what it is told to, and waits for nothing longer than `patience` seconds.
final class TestClient {
    struct Failure: Error {
        let reason: String
    }

    struct Reply: Equatable {
        var status = 0
        /// Names in lower case.
        var headers: [String: String] = [:]
        var body: [UInt8] = []
        /// The body was as long as its framing said.
        var isComplete = true
        var text: String { String(decoding: body, as: UTF8.self) }
    }

    static let patience = 10.0

    let socket: Socket
    private var buffer: [UInt8] = []

    init(port: Int, receiveBuffer: Int? = nil) throws {
        socket = try Socket.connected(host: "127.0.0.1", port: port, seconds: Self.patience)
        if let receiveBuffer { socket.limitReceiveBuffer(bytes: receiveBuffer) }
    }

    func send(_ text: String) throws { try send(Array(text.utf8)) }

    func send(_ bytes: [UInt8]) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = try rest.withUnsafeBytes { try socket.send($0) }
            rest = rest.dropFirst(count)
            if count == 0, !socket.wait(for: .writing, seconds: Self.patience) { throw Failure(reason: "cannot send") }
        }
    }

    func get(_ target: String, _ headers: String = "") throws {
        try send("GET \(target) HTTP/1.1\r\nHost: test\r\n\(headers)\r\n")
    }

    /// Waits for one more piece; false at the end of the connection, however it ended.
    func fill() throws -> Bool {
        var piece = [UInt8](repeating: 0, count: 65_536)
        while true {
            guard let received = try? piece.withUnsafeMutableBytes({ try socket.receive(into: $0) }) else {
                return false
            }
            switch received {
            case .bytes(let count):
                buffer += piece.prefix(count)
                return true
            case .end: return false
            case .nothing:
                guard socket.wait(for: .reading, seconds: Self.patience) else { throw Failure(reason: "nothing came") }
            }
        }
    }

    /// Whether the server closes without another byte.
    func isClosed() throws -> Bool { try buffer.isEmpty && !fill() }

    /// The next response. An interim one is a response without a body.
    func reply(toHead: Bool = false) throws -> Reply {
        var reply = Reply()
        let lines = try takeHead()
        guard let first = lines.first?.split(separator: " "), first.count >= 2, first[0] == "HTTP/1.1",
            let status = Int(first[1])
        else { throw Failure(reason: "no status line: \(lines)") }
        reply.status = status
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2 else { throw Failure(reason: "no header: \(line)") }
            reply.headers[parts[0].lowercased()] = String(parts[1].drop { $0 == " " })
        }
        if toHead || status < 200 || status == 204 || status == 304 { return reply }
        if reply.headers["transfer-encoding"] == "chunked" {
            try takeChunks(&reply)
        } else if let length = reply.headers["content-length"].flatMap({ Int($0) }) {
            while buffer.count < length {
                guard try fill() else {
                    reply.isComplete = false
                    break
                }
            }
            reply.body = take(min(length, buffer.count))
        } else {
            while try fill() {}
            reply.body = take(buffer.count)
        }
        return reply
    }

    private func takeChunks(_ reply: inout Reply) throws {
        while true {
            guard let line = try takeLine(), let size = Int(line, radix: 16) else {
                reply.isComplete = false
                return
            }
            while buffer.count < size + 2 {
                guard try fill() else {
                    reply.isComplete = false
                    return
                }
            }
            reply.body += take(size)
            _ = take(2)
            if size == 0 { return }
        }
    }

    private func takeHead() throws -> [String] {
        var lines: [String] = []
        while let line = try takeLine() {
            if line.isEmpty { return lines }
            lines.append(line)
        }
        throw Failure(reason: "closed after \(lines)")
    }

    private func takeLine() throws -> String? {
        while true {
            if let end = buffer.firstIndex(of: 10) {
                return String(decoding: take(end + 1).dropLast(2), as: UTF8.self)
            }
            guard try fill() else { return nil }
        }
    }

    private func take(_ count: Int) -> [UInt8] {
        defer { buffer.removeFirst(count) }
        return Array(buffer.prefix(count))
    }
}
