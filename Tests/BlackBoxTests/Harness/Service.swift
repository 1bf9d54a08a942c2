import Foundation

/// The real binary, serving on a port of its own.
final class Service: Requesting {
    let scratch: Scratch
    private(set) var port = 0
    private var program: Program
    private let executable: String
    private let arguments: [String]

    /// - Parameters:
    ///   - bases: paths by name.
    ///   - preparation: what a shell does before it becomes the service.
    init(
        _ bases: KeyValuePairs<String, String>, arguments: [String] = [], environment: [String: String] = [:],
        preparation: String? = nil
    ) throws {
        scratch = try Scratch()
        executable = preparation == nil ? Programs.umbel : "/bin/sh"
        self.arguments =
            (preparation.map { ["-c", $0 + #"; exec "$0" "$@""#, Programs.umbel] } ?? [])
            + ["serve", "--listen", "127.0.0.1:0", "--data", scratch.path + "/data"]
            + bases.flatMap { ["--base", "\($0.key)=\($0.value)"] } + arguments
        program = try Program(executable, self.arguments, environment: environment, scratch: scratch)
        try waitUntilListening()
    }

    /// The small base that most tests need, as `main`.
    static func main(_ arguments: String...) throws -> Service {
        try Service(["main": Samples.main], arguments: arguments)
    }

    var url: String { "http://127.0.0.1:\(port)" }
    var processIdentifier: Int32 { program.identifier }
    var log: String { (try? program.errors) ?? "" }

    /// For who finds it silent: whether it runs, or how it ended, and what it said.
    var condition: String {
        // Its end is noticed a little later than its silence.
        let end = try? program.finish(seconds: 1)
        return (end.map { "the service ended with \($0.status)" } ?? "the service runs") + ": \(log)"
    }

    /// What the data folder holds, apart from the folders themselves, the lock, the database and what is known of bases.
    var stored: [String] {
        scratch.files(below: "data").filter {
            $0 != "lock" && !$0.hasPrefix("registry.sqlite") && !$0.hasPrefix("base-files.json")
        }
    }

    /// SIGTERM, and the exit code.
    func stop() throws -> Int32 {
        program.terminate()
        return try program.finish().status
    }

    func terminate() { program.terminate() }
    func exitCode() throws -> Int32 { try program.finish().status }

    /// As a crash: SIGKILL, and again on the same data.
    func crash() throws {
        try kill()
        try start()
    }

    /// SIGKILL, and the end of the process.
    func kill() throws {
        program.kill()
        _ = try program.finish()
    }

    /// Again on the same data.
    ///
    /// - Parameter further: arguments beside those of the first start; of two values for a setting the later counts.
    func start(_ further: String...) throws {
        program = try Program(executable, arguments + further, scratch: scratch)
        try waitUntilListening()
    }

    private func waitUntilListening() throws {
        let mark = "umbel is listening on http://"
        try eventually("umbel listens") {
            let lines = String(decoding: try program.output, as: UTF8.self).split(separator: "\n")
            if let line = lines.first(where: { $0.hasPrefix(mark) }) {
                port = line.split(separator: ":").last.flatMap { Int($0) } ?? 0
                return true
            }
            guard program.isRunning else { throw HarnessFailure("umbel ended: \(try program.errors)") }
            return false
        }
    }

    /// For threads that ask at the same time.
    var peer: Peer { Peer(port: port) }
}
