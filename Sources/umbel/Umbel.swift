import ArgumentParser
import UmbelTensor

/// The command line. Exit codes: 0 done, 1 failed, 2 usage, 3 the input is bad.
struct Umbel: ParsableCommand {
    static let version = "0.1.0"

    static let configuration = CommandConfiguration(
        commandName: "umbel",
        abstract: "One base model, any number of LyCORIS and PEFT adapters.",
        discussion: """
            umbel serve keeps base models resident and serves them merged with uploaded adapters over HTTP; umbel merge
            writes a merged model to disk, the same bytes. umbel check says beforehand whether an adapter fits a base.
            umbel draw makes a picture, here or with a service.
            umbel push, list, rm, tag and rollback speak to a service that runs. umbel selftest says whether this machine
            gives the bytes that it must.

            Exit codes: 0 done, 1 failed, 2 wrong usage, 3 the input is bad.
            """,
        version: version,
        subcommands: [
            Serve.self, Merge.self, Draw.self, Check.self, Inspect.self, Push.self, List.self, Remove.self,
            Tagging.self,
            Rollback.self, SelfTestCommand.self,
        ])
}

@main
enum Main {
    static func main() {
        do {
            var command = try Umbel.parseAsRoot()
            try Self.checkKernels()
            try command.run()
        } catch let failure as CommandFailure {
            Terminal.error(failure.message)
            Terminal.exit(failure.code)
        } catch {
            let isHelp = Umbel.exitCode(for: error) == .success
            let message = Umbel.fullMessage(for: error)
            if isHelp { Terminal.print(message) } else { Terminal.error(message, prefix: "") }
            Terminal.exit(isHelp ? .done : .usage)
        }
    }

    /// A set of kernels that is asked for and does not run here must not become another one in silence. Empty is as if it
    /// were not set.
    private static func checkKernels() throws {
        guard let name = Environment.all[KernelSet.variable], !name.isEmpty, !KernelSet.available.contains(name)
        else { return }
        let known = KernelSet.available.joined(separator: ", ")
        throw CommandFailure(.usage, "\(KernelSet.variable) is \(name), and this CPU runs \(known)")
    }
}

/// How a command ends.
enum ExitStatus: Int32, Comparable {
    case done = 0
    case failed = 1
    case usage = 2
    case badInput = 3

    static func < (left: ExitStatus, right: ExitStatus) -> Bool { left.rawValue < right.rawValue }
}

/// Ends a command with a sentence and a status.
struct CommandFailure: Error {
    let code: ExitStatus
    let message: String

    init(_ code: ExitStatus, _ message: String) {
        self.code = code
        self.message = message
    }
}
