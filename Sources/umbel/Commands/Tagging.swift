import ArgumentParser
import UmbelClient
import UmbelFormats

/// `umbel tag`: puts tags on contents of an adapter, takes them off, lists them.
struct Tagging: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tag", abstract: "List, set or remove the tags of an adapter.",
        discussion: """
            A tag stays with one content, whatever the name points to later: ink@prod in a model reference.

              umbel tag ink                       lists the tags
              umbel tag ink prod                  puts “prod” on what “ink” is now
              umbel tag ink prod --digest 3f2a    puts it on another content
              umbel tag ink --delete prod
            """ + "\n\n" + ServerOptions.explanation)

    @Argument(help: "Name of the adapter.")
    var name: String

    @Argument(help: "The tag to set.")
    var tag: String?

    @Option(help: "The content to put it on, by the first digits of its digest at least.")
    var digest: DigestArgument?

    @Option(help: ArgumentHelp("The tag to remove.", valueName: "tag"))
    var delete: String?

    @OptionGroup var connection: ServerOptions

    func validate() throws {
        if tag != nil, delete != nil { throw ValidationError("either set a tag or --delete one") }
        if tag == nil, digest != nil { throw ValidationError("--digest needs a tag to set") }
    }

    func run() throws {
        let server = try connection.server()
        if let delete {
            try connection.calling(server) { () throws(ClientError) in try server.removeTag(delete, of: name) }
            report(["name": .string(name), "removed": .string(delete)], "removed \(name)@\(delete)")
        } else if let tag {
            try connection.calling(server) { () throws(ClientError) in
                try server.setTag(tag, of: name, digest: digest?.text)
            }
            report(["name": .string(name), "tag": .string(tag)], "tagged \(name)@\(tag)")
        } else {
            let tags = try connection.calling(server) { () throws(ClientError) in try server.tags(of: name) }
            let lines = tags.map { [$0.name.printable, Digest.short($0.digest).printable] }
            report(
                ["object": "list", "data": .array(tags.map(\.json))],
                tags.isEmpty ? "\(name) has no tags" : Table.text(lines))
        }
    }

    private func report(_ json: JSON, _ text: String) { Terminal.print(connection.json ? json.prettyText : text) }
}
