import Dispatch
import UmbelPOSIX

/// Accepts connections and does with each what the test says, on a thread of its own: a server that breaks the rules.
final class RawServer: Sendable {
    static let patience = 20.0

    private let socket: Socket
    let port: Int

    /// - Parameter script: called with each connection, which ends when the closure returns.
    init(_ script: @escaping @Sendable (RawConnection) -> Void) throws {
        let socket = try Socket.listening(host: "127.0.0.1", port: 0)
        self.socket = socket
        port = socket.boundPort
        try Thread.start {
            // Accepting fails when the server has gone, because `disconnect` ends it, and wakes the wait.
            while let accepted = try? Self.next(on: socket) {
                _ = try? Thread.start { script(RawConnection(accepted)) }
            }
        }
    }

    private static func next(on socket: Socket) throws -> Socket {
        while true {
            if let accepted = try socket.accept() { return accepted.socket }
            _ = socket.wait(for: .reading, seconds: patience)
        }
    }

    deinit { socket.disconnect() }

    var address: String { "http://127.0.0.1:\(port)" }
}

/// One connection of a `RawServer`.
final class RawConnection: @unchecked Sendable {
    // Sendable: used by the one thread that runs the script.
    private let socket: Socket
    private var buffer: [UInt8] = []

    init(_ socket: Socket) { self.socket = socket }

    /// The next head, with its empty line; nil if the client is gone.
    func head() -> String? {
        while true {
            let text = String(decoding: buffer, as: UTF8.self)
            if let end = text.firstRange(of: "\r\n\r\n") {
                let head = String(text[..<end.upperBound])
                buffer.removeFirst(head.utf8.count)
                return head
            }
            guard fill() else { return nil }
        }
    }

    /// Takes so many bytes, or fewer if the client is gone.
    func skip(_ count: Int) {
        while buffer.count < count, fill() {}
        buffer.removeFirst(min(count, buffer.count))
    }

    func send(_ text: String) { send(Array(text.utf8)) }

    /// - Returns: whether the client took all of it.
    @discardableResult
    func send(_ bytes: [UInt8]) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            guard let count = try? rest.withUnsafeBytes({ try socket.send($0) }) else { return false }
            rest = rest.dropFirst(count)
            if count == 0, !socket.wait(for: .writing, seconds: RawServer.patience) { return false }
        }
        return true
    }

    /// Makes the end of the connection a failure for the client.
    func reset() { socket.resetOnClose() }

    private func fill() -> Bool {
        var piece = [UInt8](repeating: 0, count: 65_536)
        while true {
            guard let received = try? piece.withUnsafeMutableBytes({ try socket.receive(into: $0) }) else {
                return false
            }
            switch received {
            case .bytes(let count):
                buffer += piece[..<count]
                return true
            case .end: return false
            case .nothing:
                guard socket.wait(for: .reading, seconds: RawServer.patience) else { return false }
            }
        }
    }
}
