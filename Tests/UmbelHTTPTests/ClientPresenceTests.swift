internal import Dispatch
internal import HTTPTypes
import Testing
import UmbelHTTP
import UmbelPOSIX

/// Whoever waits long before answering can ask whether somebody still wants the answer.
@Suite(.timeLimit(.minutes(1)))
struct ClientPresenceTests {
    /// What a handler found.
    private final class Findings: Sendable {
        let entered = DispatchSemaphore(value: 0)
        let goOn = DispatchSemaphore(value: 0)
        let wasHere = DispatchSemaphore(value: 0)
        let isGone = DispatchSemaphore(value: 0)
    }

    private func server(_ findings: Findings) throws -> (HTTPServer, port: Int) {
        let server = HTTPServer { request in
            if !request.isClientGone() { findings.wasHere.signal() }
            findings.entered.signal()
            _ = findings.goOn.wait(timeout: .now() + TestClient.patience)
            // A FIN takes its time, also on the loopback.
            for _ in 0..<1000 where !request.isClientGone() { Thread.sleep(seconds: 0.005) }
            if request.isClientGone() { findings.isGone.signal() }
            return Response(.ok, contentType: "text/plain", "done")
        }
        return (server, try server.listen(host: "127.0.0.1", port: 0))
    }

    @Test("A client that waits is there, and one that has closed is gone, whatever it had sent besides")
    func closed() throws {
        for further in ["", "GET /second HTTP/1.1\r\nHost: x\r\n\r\n"] {
            let findings = Findings()
            let (server, port) = try server(findings)
            defer { server.shutdown(graceSeconds: 0) }
            do {
                let client = try TestClient(port: port)
                try client.get("/first")
                try client.send(further)
                #expect(findings.entered.wait(timeout: .now() + TestClient.patience) == .success)
                #expect(findings.wasHere.wait(timeout: .now()) == .success)
            }
            findings.goOn.signal()
            #expect(findings.isGone.wait(timeout: .now() + TestClient.patience) == .success)
        }
    }
}
