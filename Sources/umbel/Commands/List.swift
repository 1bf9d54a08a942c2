import ArgumentParser
import UmbelClient
import UmbelFormats
import UmbelPOSIX

/// `umbel list`: the adapters of a server.
struct List: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "List the adapters of a server.", discussion: ServerOptions.explanation)

    @Option(help: ArgumentHelp("Only adapters with that label. Repeatable; all must hold.", valueName: "key:value"))
    var label: [Label] = []

    @OptionGroup var connection: ServerOptions

    func run() throws {
        let server = try connection.server()
        let adapters = try connection.calling(server) { () throws(ClientError) in try server.adapters(labels: label) }
        if connection.json {
            Terminal.print(
                JSON.object([.init("object", "list"), .init("data", .array(adapters.map(\.json)))]).prettyText)
        } else {
            Terminal.print(Self.table(adapters, now: WallClock.seconds))
        }
    }

    /// - Parameter now: seconds since 1970.
    static func table(_ adapters: [RemoteAdapter], now: Int) -> String {
        let heading = ["NAME", "DIGEST", "GENERATION", "SIZE", "ALGORITHMS", "TAGS", "LABELS", "AGE"]
        let rows = adapters.map { adapter in
            [
                adapter.name, Digest.short(adapter.digest), String(adapter.generation), ByteCount.text(adapter.bytes),
                adapter.algorithms.map { "\($0.name) \($0.modules)" }.joined(separator: ", "),
                adapter.tags.joined(separator: ", "),
                adapter.labels.map { "\($0.key):\($0.value)" }.joined(separator: ", "),
                Age.text(since: adapter.created, now: now),
            ].map(\.printable)
        }
        return Table.text([heading] + rows)
    }
}

/// Digests for people.
enum Digest {
    /// The first 12 of the digits, which a model reference takes as well.
    static func short(_ digest: String) -> String {
        String((digest.hasPrefix("sha256:") ? digest.dropFirst("sha256:".count) : digest[...]).prefix(12))
    }
}

extension Label: ExpressibleByArgument {
    package init?(argument: String) { self.init(argument) }
}
