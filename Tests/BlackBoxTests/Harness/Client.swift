import Foundation
import UmbelFormats
import UmbelPOSIX

/// A connection that says exactly what it is told to, and waits for nothing longer than `patience` seconds.
final class Client {
    static let patience = 30.0

    let socket: Socket
    private var buffer = Data()

    init(port: Int, receiveBuffer: Int? = nil) throws {
        socket = try Socket.connected(host: "127.0.0.1", port: port, seconds: Self.patience)
        if let receiveBuffer { socket.limitReceiveBuffer(bytes: receiveBuffer) }
    }

    func send(_ text: String) throws { try send(Data(text.utf8)) }

    func send(_ bytes: Data) throws {
        var sent = 0
        while sent < bytes.count {
            let count = try bytes.withUnsafeBytes {
                try socket.send(UnsafeRawBufferPointer(rebasing: $0[sent...]))
            }
            sent += count
            if count == 0, !socket.wait(for: .writing, seconds: Self.patience) { throw HarnessFailure("cannot send") }
        }
    }

    /// The next response; an interim one has no body.
    func answer(toHead: Bool = false) throws -> Answer {
        guard let end = try find(Data("\r\n\r\n".utf8)) else { throw HarnessFailure("closed before a head: \(buffer)") }
        let lines = String(decoding: take(end), as: UTF8.self).components(separatedBy: "\r\n")
        let status = lines[0].split(separator: " ")
        guard status.count >= 2, let code = Int(status[1]) else { throw HarnessFailure("no status line: \(lines)") }
        let headers = lines.dropFirst().filter { !$0.isEmpty }.map { line in
            let parts = line.split(separator: ":", maxSplits: 1).map { $0.trimmingCharacters(in: .whitespaces) }
            return (name: parts.first?.lowercased() ?? "", value: parts.count > 1 ? parts[1] : "")
        }
        var answer = Answer(status: code, headers: headers, body: Data(), isComplete: true)
        if toHead || code < 200 || code == 204 || code == 304 { return answer }
        guard let length = answer["content-length"].flatMap({ Int($0) }) else {
            throw HarnessFailure("a body of unknown length: \(lines)")
        }
        while buffer.count < length, try fill() {}
        answer.isComplete = buffer.count >= length
        answer.body = take(min(length, buffer.count))
        return answer
    }

    /// Whether the server closes without another byte.
    func isClosed() throws -> Bool { try buffer.isEmpty && !fill() }

    private func find(_ mark: Data) throws -> Int? {
        while true {
            if let found = buffer.range(of: mark) { return found.upperBound - buffer.startIndex }
            guard try fill() else { return nil }
        }
    }

    private func take(_ count: Int) -> Data {
        let taken = Data(buffer.prefix(count))
        buffer = Data(buffer.dropFirst(count))
        return taken
    }

    /// Waits for one more piece; false at the end of the connection, however it ended.
    private func fill() throws -> Bool {
        let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 16)
        defer { piece.deallocate() }
        while true {
            guard let received = try? socket.receive(into: piece) else { return false }
            switch received {
            case .bytes(let count):
                buffer.append(contentsOf: UnsafeRawBufferPointer(rebasing: piece[..<count]))
                return true
            case .end: return false
            case .nothing:
                guard socket.wait(for: .reading, seconds: Self.patience) else { throw HarnessFailure("nothing came") }
            }
        }
    }
}

/// A response as it came.
struct Answer {
    let status: Int
    /// Names in lower case.
    let headers: [(name: String, value: String)]
    var body: Data
    /// The body was as long as its framing said.
    var isComplete: Bool

    subscript(name: String) -> String? { headers.first { $0.name == name.lowercased() }?.value }

    var text: String { String(decoding: body, as: UTF8.self) }

    var json: JSON { get throws { try JSON(parsing: Array(body)) } }

    /// `code` of a problem, and those of its `errors`; empty for what is no problem.
    var codes: Set<String> {
        guard self["content-type"] == "application/problem+json", let json = try? json else { return [] }
        let details = (json["errors"]?.array ?? []).compactMap { $0["code"]?.string }
        return Set([json["code"]?.string].compactMap { $0 } + details)
    }
}

extension JSON {
    subscript(index: Int) -> JSON? {
        array.flatMap { $0.indices.contains(index) ? $0[index] : nil }
    }
}
