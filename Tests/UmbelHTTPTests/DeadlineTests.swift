import Testing
import UmbelPOSIX

@testable import UmbelHTTP

/// Deadlines of connections on which something has come that nobody has looked at yet.
@Suite(.timeLimit(.minutes(1)))
struct DeadlineTests {
    private static let patience = 10.0

    /// What a server answers when the deadline is looked at before what has come.
    private func answer(to text: String, headTimeout: Double = 0) throws -> String {
        var limits = HTTPLimits()
        limits.headTimeout = headTimeout
        let server = HTTPServer(limits: limits) { TestServer.answer($0) }
        defer { server.shutdown(graceSeconds: 0) }
        let listener = try Socket.listening(host: "127.0.0.1", port: 0)
        let client = try Socket.connected(host: "127.0.0.1", port: listener.boundPort, seconds: Self.patience)
        #expect(listener.wait(for: .reading, seconds: Self.patience))
        let accepted = try #require(try listener.accept())
        let bytes = Array(text.utf8)
        #expect(try bytes.withUnsafeBytes { try client.send($0) } == bytes.count)
        #expect(bytes.isEmpty || accepted.socket.wait(for: .reading, seconds: Self.patience))
        let reactor = Reactor(label: "test", limits: limits)
        let connection = Connection(accepted, server: server, reactor: reactor, isRefused: false)
        // On the queue that would tell of what has come, so that it has not yet.
        reactor.queue.sync {
            connection.start()
            connection.expire()
        }
        client.finishSending()
        var received: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 65_536)
        while client.wait(for: .reading, seconds: Self.patience) {
            guard case .bytes(let count)? = try? piece.withUnsafeMutableBytes({ try client.receive(into: $0) }) else {
                break
            }
            received += piece.prefix(count)
        }
        return String(decoding: received, as: UTF8.self)
    }

    @Test("A request that came in time is answered, however late it is looked at")
    func whole() throws {
        let answer = try answer(to: "GET /late HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        #expect(answer.hasPrefix("HTTP/1.1 200 "))
        #expect(answer.hasSuffix("GET /late"))
    }

    @Test("A head that is not whole is refused, and nothing at all is closed without a word")
    func incomplete() throws {
        #expect(try answer(to: "GET /late HTTP/1.1\r\nHo").hasPrefix("HTTP/1.1 408 "))
        #expect(try answer(to: "").isEmpty)
    }

    @Test("The first piece of a head begins its time")
    func begun() throws {
        // The deadline that is looked at is not over then; the client's end closes the connection.
        #expect(try answer(to: "GET /late HTTP/1.1\r\nHo", headTimeout: 60).isEmpty)
    }
}
