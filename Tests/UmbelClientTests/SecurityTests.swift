import Foundation
import Testing
import UmbelClient
import UmbelHTTP

/// Connections that ought to be encrypted.
@Suite struct SecurityTests {
    @Test func `https to a server that does not speak it is an error of security, in words`() throws {
        let server = try FakeServer()
        let error = #expect(throws: ClientError.self) {
            try HTTPClient().send(ClientRequest("GET", "https://127.0.0.1:\(server.port)/"))
        }
        guard case .insecure(let message) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(!message.isEmpty)
    }

    @Test(.enabled(if: OpenSSLServer.isPossible))
    func `a certificate that nobody vouches for is refused, and taken when it is named`() throws {
        let server = try OpenSSLServer()
        let request = ClientRequest("GET", server.address)
        let error = #expect(throws: ClientError.self) { try HTTPClient().send(request) }
        guard case .insecure(let message) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(message.contains("certificate"), "\(message)")
        var options = HTTPClient.Options()
        options.certificates = server.certificate
        #expect(try HTTPClient(options).send(request).status == 200)
    }

    @Test(.enabled(if: OpenSSLServer.isPossible))
    func `a certificate for another name is refused`() throws {
        let server = try OpenSSLServer(name: "DNS:elsewhere.example")
        var options = HTTPClient.Options()
        options.certificates = server.certificate
        let error = #expect(throws: ClientError.self) {
            try HTTPClient(options).send(ClientRequest("GET", server.address))
        }
        guard case .insecure = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }
}

/// `openssl s_server` with a certificate of its own, answering with a page about the connection.
private final class OpenSSLServer {
    static let program = "/usr/bin/openssl"
    static var isPossible: Bool { FileManager.default.isExecutableFile(atPath: program) }

    struct Failure: Error {
        let reason: String
    }

    private let folder = FileManager.default.temporaryDirectory.appending(path: "umbel-tls-\(UUID().uuidString)")
    private let process = Process()
    private var port = 0

    var certificate: String { folder.appending(path: "certificate.pem").path }
    var address: String { "https://127.0.0.1:\(port)/" }

    init(name: String = "IP:127.0.0.1") throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let key = folder.appending(path: "key.pem").path
        try run([
            "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=test", "-addext",
            "subjectAltName=\(name)", "-keyout", key, "-out", certificate,
        ])
        let output = Pipe()
        process.executableURL = URL(filePath: Self.program)
        process.arguments = ["s_server", "-accept", "127.0.0.1:0", "-www", "-cert", certificate, "-key", key]
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        port = try Self.port(saidOn: output.fileHandleForReading)
    }

    deinit {
        if process.isRunning { kill(process.processIdentifier, SIGKILL) }
        try? FileManager.default.removeItem(at: folder)
    }

    /// It says "ACCEPT 127.0.0.1:12345" once it listens.
    private static func port(saidOn output: FileHandle) throws -> Int {
        var said = ""
        while true {
            let piece = output.availableData
            said += String(decoding: piece, as: UTF8.self)
            for line in said.split(separator: "\n").dropLast(said.hasSuffix("\n") ? 0 : 1)
            where line.hasPrefix("ACCEPT") {
                if let port = line.split(separator: ":").last.flatMap({ Int($0) }) { return port }
            }
            if piece.isEmpty { throw Failure(reason: "openssl ended: \(said)") }
        }
    }

    private func run(_ arguments: [String]) throws {
        let process = Process()
        process.executableURL = URL(filePath: Self.program)
        process.arguments = arguments
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw Failure(reason: "openssl req failed") }
    }
}
