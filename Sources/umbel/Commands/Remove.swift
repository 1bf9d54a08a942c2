import ArgumentParser
import UmbelClient
import UmbelFormats

/// `umbel rm`: takes adapters off a server.
struct Remove: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rm", abstract: "Remove adapters from a server.",
        discussion: """
            All names are tried; the exit code is the highest of theirs.
            """ + "\n\n" + ServerOptions.explanation)

    @Argument(help: "Names of adapters.")
    var name: [String]

    @Flag(help: "Also if a route uses it.")
    var force = false

    @Option(help: ArgumentHelp("Only if the name points there now.", valueName: "digest"))
    var ifMatch: DigestArgument?

    @OptionGroup var connection: ServerOptions

    func validate() throws {
        if ifMatch != nil, name.count > 1 { throw ValidationError("--if-match guards one name") }
    }

    func run() throws {
        let server = try connection.server()
        let condition = ifMatch.map { Condition.pointsTo(digest: $0.text) } ?? .none
        var results: [JSON] = []
        var worst = ExitStatus.done
        for name in name {
            do throws(ClientError) {
                try server.remove(name, isForced: force, condition: condition)
                if !connection.json { Terminal.print("removed \(name)") }
                results.append(["name": .string(name), "removed": true])
            } catch {
                let failure = CommandFailure(error, server)
                Terminal.error("\(name): \(failure.message)")
                results.append(
                    ["name": .string(name), "removed": false, "error": error.json(server: server.address.text)])
                worst = max(worst, failure.code)
            }
        }
        if connection.json { Terminal.print(JSON.object([.init("adapters", .array(results))]).prettyText) }
        Terminal.exit(worst)
    }
}
