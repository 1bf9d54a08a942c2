import ArgumentParser
import UmbelClient
import UmbelFormats
import UmbelPOSIX

/// `umbel push`: uploads adapters to a server.
struct Push: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Upload adapters to a server, without the bytes that it already has.",
        discussion: """
            Each path is an adapter under its own name: the file's name without its ending, or the folder's. All are tried; \
            the exit code is the highest of theirs.

              umbel push ink.safetensors --label team:x --tag prod
              umbel push ./peft-folder --name shakespeare
            """ + "\n\n" + ServerOptions.explanation)

    @Argument(help: ".safetensors files or PEFT folders.")
    var path: [String]

    @Option(help: "The name, for a single path.")
    var name: String?

    @Option(help: "A tag to put on what is uploaded.")
    var tag: String?

    @Option(help: ArgumentHelp("A label. Repeatable.", valueName: "key:value"))
    var label: [Label] = []

    @Option(
        help: ArgumentHelp(
            "What a prefix of the adapter's names stands for, as lora_te1=text_encoder. Repeatable.",
            valueName: "p=component"))
    var prefix: [String] = []

    @Flag(help: "Store it although a part of it finds no place in the base.")
    var allowUnmatched = false

    @Option(
        help: ArgumentHelp(
            "The base it must fit; none: store it unchecked. The one it fits best by default.", valueName: "name|none"))
    var base: String?

    @Option(help: ArgumentHelp("Only if the name points there now.", valueName: "digest"))
    var ifMatch: DigestArgument?

    @Flag(help: "Only if nothing has the name.")
    var noOverwrite = false

    @OptionGroup var connection: ServerOptions

    func validate() throws {
        if path.count > 1, name != nil { throw ValidationError("--name is for a single path") }
        if path.count > 1, ifMatch != nil { throw ValidationError("--if-match guards one name") }
        if ifMatch != nil, noOverwrite { throw ValidationError("--if-match and --no-overwrite exclude each other") }
        for text in prefix where !text.dropFirst().contains("=") || text.hasSuffix("=") {
            throw ValidationError("'\(text)' is not of the form prefix=component")
        }
        let names = path.map { name ?? LocalAdapter.name(of: $0) }
        for (index, name) in names.enumerated() where names[..<index].contains(name) {
            throw ValidationError("two paths would be called “\(name)”")
        }
    }

    func run() throws {
        let server = try connection.server()
        var reports: [JSON] = []
        var worst = ExitStatus.done
        for path in path {
            var report = PushReport(path: path, name: name ?? LocalAdapter.name(of: path), isQuiet: connection.json)
            do throws(CommandFailure) {
                try push(try LocalAdapter(path: path), to: server, &report)
            } catch {
                Terminal.error("\(path): \(error.message)")
                report.failed(error)
                worst = max(worst, error.code)
            }
            reports.append(report.json)
        }
        if connection.json { Terminal.print(JSON.object([.init("adapters", .array(reports))]).prettyText) }
        Terminal.exit(worst)
    }

    private func push(
        _ local: LocalAdapter, to server: Server, _ report: inout PushReport
    ) throws(CommandFailure) {
        do throws(ClientError) {
            let tensors = try send(local.tensors, to: server, &report)
            let config = try local.config.map { file throws(ClientError) in try send(file, to: server, &report) }
            let adapter = try server.make(description(named: report.name, tensors: tensors, config: config))
            report.made(adapter)
            if let tag {
                try server.setTag(tag, of: report.name, digest: adapter.digest)
                report.tagged(tag)
            }
        } catch {
            report.failed(error, server: server.address.text)
            throw CommandFailure(error, server)
        }
    }

    /// Sends a file that the server does not have.
    ///
    /// - Returns: its SHA-256.
    private func send(
        _ file: UploadFile, to server: Server, _ report: inout PushReport
    ) throws(ClientError) -> String {
        let digest = try hash(file)
        let wasSent = try upload(file, sha256: digest, to: server)
        report.add(file, sha256: digest, wasSent: wasSent)
        return digest
    }

    private func hash(_ file: UploadFile) throws(ClientError) -> String {
        var bar = progress("hashing", file)
        defer { bar.finish() }
        return try file.sha256 { bar.add($0) }
    }

    private func upload(_ file: UploadFile, sha256: String, to server: Server) throws(ClientError) -> Bool {
        var bar = progress("uploading", file)
        defer { bar.finish() }
        return try server.push(file, sha256: sha256) { bar.add($0) }
    }

    /// Where there is no bar, what takes no time needs no line either.
    private func progress(_ word: String, _ file: UploadFile) -> ProgressBar {
        let isSmall = file.bytes < 64 << 20
        return ProgressBar(
            label: "\(word) \(Directory.name(of: file.path))", total: file.bytes,
            isQuiet: connection.json || isSmall && !Terminal.errorIsTerminal)
    }

    private func description(named name: String, tensors: String, config: String?) -> NewAdapter {
        var adapter = NewAdapter(name: name, tensors: tensors, config: config)
        adapter.labels = label
        adapter.prefixes = prefix
        adapter.allowsUnmatched = allowUnmatched
        adapter.base = base
        adapter.condition = noOverwrite ? .isNew : ifMatch.map { .pointsTo(digest: $0.text) } ?? .none
        return adapter
    }
}
