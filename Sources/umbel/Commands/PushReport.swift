import UmbelClient
import UmbelFormats
import UmbelPOSIX

/// What came of one path of `umbel push`: told line by line while it happens, and as JSON at the end.
struct PushReport {
    let path: String
    let name: String
    /// Prints nothing.
    let isQuiet: Bool
    private var files: [JSON] = []
    private var adapter: RemoteAdapter?
    private var tag: String?
    private var error: JSON?

    init(path: String, name: String, isQuiet: Bool) {
        self.path = path
        self.name = name
        self.isQuiet = isQuiet
    }

    mutating func add(_ file: UploadFile, sha256: String, wasSent: Bool) {
        files.append([
            "path": .string(file.path), "digest": .string("sha256:" + sha256), "bytes": JSON(file.bytes),
            "uploaded": .bool(wasSent),
        ])
        say("\(file.path)  \(ByteCount.text(file.bytes))  \(wasSent ? "uploaded" : "already there")")
    }

    mutating func made(_ adapter: RemoteAdapter) {
        self.adapter = adapter
        say("\(adapter.name)  \(adapter.digest)  generation \(adapter.generation)")
        let fitting = adapter.bases.filter { $0.matched > 0 }
        let isEmbedding = adapter.algorithms.contains { $0.name == "textual_inversion" }
        for base in fitting {
            say(
                isEmbedding
                    ? "  \(base.base): its prompts may use \(base.matched) of \(base.modules) embeddings"
                    : "  \(base.base): \(base.matched) of \(base.modules) modules find their place")
        }
        if fitting.isEmpty { say("  no base of the server has a place for it") }
        for warning in adapter.warnings { say("  warning \(warning.code): \(warning.message)") }
    }

    mutating func tagged(_ tag: String) {
        self.tag = tag
        say("  tagged \(name)@\(tag)")
    }

    mutating func failed(_ error: ClientError, server: String) { self.error = error.json(server: server) }

    /// A failure that is not the server's.
    mutating func failed(_ failure: CommandFailure) {
        if error == nil { error = ["detail": .string(failure.message)] }
    }

    var json: JSON {
        var members: [JSON.Member] = [
            .init("path", .string(path)), .init("name", .string(name)), .init("files", .array(files)),
        ]
        if let adapter { members.append(.init("adapter", adapter.json)) }
        if let tag { members.append(.init("tag", .string(tag))) }
        if let error { members.append(.init("error", error)) }
        return .object(members)
    }

    private func say(_ line: String) { if !isQuiet { Terminal.print(line.printable) } }
}
