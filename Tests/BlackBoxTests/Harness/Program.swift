import Foundation

/// A program as a user starts it, with its output in files, so that no pipe can fill up.
final class Program {
    struct Result {
        let status: Int32
        let output: Data
        let errors: String

        var text: String { String(decoding: output, as: UTF8.self) }
    }

    private let process = Process()
    private let scratch: Scratch
    private let name: String

    /// - Parameter environment: added to PATH and HOME; the tester's own settings have no effect.
    init(_ executable: String, _ arguments: [String], environment: [String: String] = [:], scratch: Scratch) throws {
        self.scratch = scratch
        name = UUID().uuidString
        let inherited = ProcessInfo.processInfo.environment.filter {
            ["PATH", "HOME", "LD_LIBRARY_PATH"].contains($0.key)
        }
        process.executableURL = URL(filePath: executable)
        process.arguments = arguments
        process.environment = inherited.merging(environment) { $1 }
        process.currentDirectoryURL = URL(filePath: scratch.path)
        process.standardInput = FileHandle.nullDevice
        let output = try FileHandle(forWritingTo: URL(filePath: try scratch.write(name + ".out", Data())))
        let errors = try FileHandle(forWritingTo: URL(filePath: try scratch.write(name + ".err", Data())))
        process.standardOutput = output
        process.standardError = errors
        try process.run()
        // The program has its own; ours would stay open as long as Foundation keeps the process.
        try output.close()
        try errors.close()
    }

    deinit { kill() }

    var isRunning: Bool { process.isRunning }
    var identifier: Int32 { process.processIdentifier }
    var output: Data { get throws { try scratch.read(name + ".out") } }
    var errors: String { get throws { String(decoding: try scratch.read(name + ".err"), as: UTF8.self) } }

    /// Asks it to stop.
    func terminate() { process.terminate() }

    /// Ends it at once, as a crash would.
    func kill() {
        if process.isRunning { Foundation.kill(process.processIdentifier, SIGKILL) }
    }

    func finish(seconds: Double = 60) throws -> Result {
        try eventually("\(process.arguments ?? []) ends", seconds: seconds) { !process.isRunning }
        // A signal's number is no exit code; show it as the shell does.
        let status = process.terminationStatus + (process.terminationReason == .uncaughtSignal ? 128 : 0)
        return Result(status: status, output: try output, errors: try errors)
    }
}

/// The binary under test and the tools beside it.
enum Programs {
    /// Built beside the tests, or what `UMBEL_TEST_BINARY` names.
    static let umbel: String = {
        if let given = ProcessInfo.processInfo.environment["UMBEL_TEST_BINARY"] { return given }
        let beside = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent().appending(path: "umbel").path
        return FileManager.default.isExecutableFile(atPath: beside) ? beside : Samples.root + "/.build/debug/umbel"
    }()

    static let curl = find("curl")
    static let hasCurl = curl != nil
    static let python = find(ProcessInfo.processInfo.environment["UMBEL_TEST_PYTHON"] ?? "python3")

    private static func find(_ name: String) -> String? {
        if name.contains("/") { return FileManager.default.isExecutableFile(atPath: name) ? name : nil }
        let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
        return folders.map { "\($0)/\(name)" }.first { FileManager.default.isExecutableFile(atPath: $0) }
    }

    /// Whether Python is here and has the modules.
    static func pythonHas(_ modules: String...) -> Bool {
        guard let python, let scratch = try? Scratch() else { return false }
        let imports = modules.map { "import \($0)" }.joined(separator: ";")
        let program = try? Program(python, ["-c", imports], environment: pythonPath, scratch: scratch)
        return (try? program?.finish().status) == 0
    }

    static let pythonPath = ProcessInfo.processInfo.environment.filter { $0.key.hasPrefix("PYTHON") }
}

/// `umbel` with arguments, to its end.
func umbel(
    _ arguments: String..., environment: [String: String] = [:], in scratch: Scratch
) throws -> Program.Result {
    try Program(Programs.umbel, arguments, environment: environment, scratch: scratch).finish()
}

/// curl, to its end; its output is the body, or what `-w` and `-D -` ask for.
func curl(_ arguments: String..., in scratch: Scratch) throws -> Program.Result {
    guard let curl = Programs.curl else { throw HarnessFailure("curl is missing") }
    return try Program(curl, ["-sS", "--max-time", "60"] + arguments, scratch: scratch).finish(seconds: 90)
}
