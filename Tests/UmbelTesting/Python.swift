import Foundation

/// Python as a second opinion. `UMBEL_TEST_PYTHON` names the interpreter; what it lacks is skipped.
package enum Python {
    package struct Failure: Error, CustomStringConvertible {
        package let description: String
    }

    private static let interpreter = find(ProcessInfo.processInfo.environment["UMBEL_TEST_PYTHON"] ?? "python3")

    private static func find(_ name: String) -> String? {
        let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
        let candidates = name.contains("/") ? [name] : folders.map { "\($0)/\(name)" }
        return candidates.first { FileManager.default.isExecutableFile(atPath: $0) }
    }

    /// Whether Python is here and has the modules.
    package static func has(_ modules: String...) -> Bool {
        let imports = modules.map { "import \($0)" }.joined(separator: ";")
        return (try? run(["-c", imports]).status) == 0
    }

    /// Runs a script of `Tests/Clients` to its end; its output and errors come back together.
    package static func script(_ name: String, _ arguments: String...) throws -> (status: Int32, output: String) {
        let tests = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        return try run([tests.appending(path: "Clients/\(name)").path] + arguments)
    }

    private static func run(_ arguments: [String]) throws -> (status: Int32, output: String) {
        guard let interpreter else { throw Failure(description: "python is missing") }
        let process = Process()
        process.executableURL = URL(filePath: interpreter)
        process.arguments = arguments
        let pipe = Pipe()
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
        let output = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: output, as: UTF8.self))
    }
}
