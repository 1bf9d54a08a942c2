import ArgumentParser
import UmbelClient
import UmbelFormats

/// `umbel rollback`: points a name back to what it pointed to before.
struct Rollback: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Point an adapter's name back to a content that it had before.",
        discussion: """
            Nothing is uploaded, and the history keeps both: going back is a new generation. Without --to it goes to the \
            content before the present one. Digits alone are a generation; a digest that is all digits is written with \
            sha256: in front.
            """ + "\n\n" + ServerOptions.explanation)

    @Argument(help: "Name of the adapter.")
    var name: String

    @Option(help: ArgumentHelp("Which content.", valueName: "generation|digest"))
    var to: Earlier?

    @Option(help: ArgumentHelp("Only if the name points there now.", valueName: "digest"))
    var ifMatch: DigestArgument?

    @OptionGroup var connection: ServerOptions

    /// `--to`.
    struct Earlier: ExpressibleByArgument {
        let value: Server.Earlier

        init?(argument: String) {
            if argument.allSatisfy({ $0.isASCII && $0.isNumber }) {
                guard let number = Int(argument) else { return nil }
                value = .generation(number)
            } else if let digest = DigestArgument(argument: argument) {
                value = .digest(digest.text)
            } else {
                return nil
            }
        }
    }

    func run() throws {
        let server = try connection.server()
        let condition = ifMatch.map { Condition.pointsTo(digest: $0.text) } ?? .none
        let adapter = try connection.calling(server) { () throws(ClientError) in
            try server.rollBack(name, to: to?.value ?? .previous, condition: condition)
        }
        if connection.json { return Terminal.print(adapter.json.prettyText) }
        Terminal.print(
            "\(adapter.name) points to \(Digest.short(adapter.digest)) again, generation \(adapter.generation)"
                .printable)
    }
}
