internal import Dispatch
import Testing
import UmbelHTTP
import UmbelPOSIX

@Suite(.timeLimit(.minutes(1)))
struct ServerLimitTests {
    @Test("A head that does not end in time is answered 408 and takes no worker meanwhile")
    func slowHead() throws {
        let server = try TestServer {
            $0.workers = 1
            $0.headTimeout = 0.3
        }
        let slow = try (0..<20).map { _ in try server.client() }
        for client in slow { try client.send("GET / HTTP/1.1\r\nHost: a\r\nX: ") }
        let quick = try server.client()
        try quick.get("/quick")
        #expect(try quick.reply().text == "GET /quick")
        for client in slow {
            #expect(try client.reply().status == 408)
            #expect(try client.isClosed())
        }
    }

    @Test("A connection on which nothing comes is closed without a word, at first and between requests")
    func idle() throws {
        let server = try TestServer {
            $0.headTimeout = 0.2
            $0.idleTimeout = 0.2
        }
        let silent = try server.client()
        #expect(try silent.isClosed())
        let idle = try server.client()
        try idle.get("/x")
        #expect(try idle.reply().status == 200)
        #expect(try idle.isClosed())
    }

    @Test(
        "A body that stops arriving is answered 408", arguments: ["Content-Length: 10", "Transfer-Encoding: chunked"])
    func stalledBody(framing: String) throws {
        let server = try TestServer { $0.bodyStallTimeout = 0.2 }
        let client = try server.client()
        try client.send("POST /echo HTTP/1.1\r\nHost: a\r\n\(framing)\r\n\r\n5\r\n")
        let reply = try client.reply()
        #expect(reply.status == 408)
        #expect(reply.headers["connection"] == "close")
        #expect(try client.isClosed())
    }

    @Test("A client that leaves in the middle of its body gets no answer and leaves no trace")
    func abandonedBody() throws {
        let server = try TestServer()
        let client = try server.client()
        try client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12345")
        client.socket.finishSending()
        #expect(try client.isClosed())
    }

    @Test("Connections beyond the limit are answered 503, and there is room again when one closes")
    func connectionLimit() throws {
        let server = try TestServer { $0.connections = 2 }
        var kept: [TestClient] = []
        for _ in 0..<2 {
            let client = try server.client()
            try client.get("/x")
            #expect(try client.reply().status == 200)
            kept.append(client)
        }
        let refused = try server.client()
        let reply = try refused.reply()
        #expect(reply.status == 503)
        #expect(reply.headers["retry-after"] == "1")
        #expect(try refused.isClosed())
        #expect(server.server.activeConnections == 2)
        kept.removeLast()
        #expect(eventually { server.server.activeConnections == 1 })
        let next = try server.client()
        try next.get("/next")
        #expect(try next.reply().text == "GET /next")
    }

    @Test("Requests beyond workers and queue are answered 503, those in the queue are served")
    func overload() throws {
        let server = try TestServer {
            $0.workers = 1
            $0.waitingRequests = 1
        }
        let first = try server.client()
        try first.get("/gate")
        #expect(server.entered.wait(timeout: .now() + TestClient.patience) == .success)
        let waiting = try server.client()
        let more = try server.client()
        // Which of the two comes first is the reactors' business; one waits and one is refused.
        try waiting.get("/a")
        try more.get("/b")
        #expect(eventually { server.server.counters.refusals == 1 })
        server.gate.signal()
        #expect(try first.reply().text == "GET /gate")
        #expect(try [waiting.reply().status, more.reply().status].sorted() == [200, 503])
    }

    @Test("A graceful stop finishes what is under way, closes what idles, and accepts nothing")
    func gracefulStop() throws {
        let server = try TestServer()
        let idle = try server.client()
        try idle.get("/x")
        #expect(try idle.reply().status == 200)
        let busy = try server.client()
        try busy.get("/gate")
        #expect(server.entered.wait(timeout: .now() + TestClient.patience) == .success)

        let stopped = DispatchSemaphore(value: 0)
        try Thread.start {
            server.server.shutdown(graceSeconds: TestClient.patience)
            stopped.signal()
        }
        #expect(try idle.isClosed())
        #expect(stopped.wait(timeout: .now() + 0.05) == .timedOut)
        server.gate.signal()
        let reply = try busy.reply()
        #expect(reply.text == "GET /gate")
        #expect(reply.headers["connection"] == "close")
        #expect(try busy.isClosed())
        busy.socket.disconnect()
        #expect(stopped.wait(timeout: .now() + TestClient.patience) == .success)
        #expect(server.server.counters.activeConnections == 0)
        #expect(throws: (any Error).self) { try server.client() }
    }

    @Test("After the grace period a transfer is cut off")
    func forcedStop() throws {
        let server = try TestServer()
        let client = try TestClient(port: server.port, receiveBuffer: 4096)
        try client.get("/pattern/\(64 << 20)")
        _ = try client.fill()
        #expect(server.server.shutdown(graceSeconds: 0.1))
        #expect(try !client.reply().isComplete)
    }

    /// Waits, in short steps and not for ever, for something that another thread does.
    private func eventually(_ condition: () -> Bool) -> Bool {
        let never = DispatchSemaphore(value: 0)
        for _ in 0..<1000 {
            if condition() { return true }
            _ = never.wait(timeout: .now() + 0.01)
        }
        return false
    }
}
