import ArgumentParser
import UmbelClient
import UmbelEngine
import UmbelFormats
import UmbelModels
import UmbelPOSIX

/// `umbel draw`: draws with a service, or here.
struct Draw: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Draw pictures with a base and adapters.",
        discussion: """
            A server draws, which knows its bases and adapters by name; with --base this machine draws, and needs no server.

              umbel draw "a red circle" --model shapes-sd+outline:0.8 --seed 1 -o out.png
              umbel draw "a red circle" --model sd+ink:0.8 --base sd=./pipeline --adapter ink=ink.safetensors -o out.png

            A scale may change with the steps: --model sd+ink:0@0.0,1@0.4. Several pictures become out-1.png, out-2.png, ….
            """ + "\n\n" + ServerOptions.explanation)

    @Argument(help: "What to draw.")
    var prompt: String

    @Option(help: ArgumentHelp("A model reference; the only base by default.", valueName: "reference"))
    var model: String?

    @Option(name: .shortAndLong, help: ArgumentHelp("The PNG file to write.", valueName: "file"))
    var out: String

    @Option(help: ArgumentHelp("Draw on this machine, with this base. Repeatable.", valueName: "name=path"))
    var base: [String] = []

    @Option(help: ArgumentHelp("An adapter for --base. Repeatable.", valueName: "name=path"))
    var adapter: [String] = []

    @Option(help: "What the picture should not show.")
    var negative: String?

    @Option(help: "Steps of the sampler.")
    var steps: Int?

    @Option(help: "How strictly the prompt is followed.")
    var guidance: Double?

    @Option(help: "The same seed gives the same picture; random by default.")
    var seed: UInt64?

    @Option(help: ArgumentHelp("Width and height in pixels; the model's own by default.", valueName: "512x512"))
    var size: String?

    @Option(help: "A sampler, as “Euler a” or “DPM++ 2M Karras”; the model's own by default.")
    var sampler: String?

    @Option(help: "How many pictures.")
    var count: Int?

    @Option(help: ArgumentHelp("A picture to begin from.", valueName: "file"))
    var image: String?

    @Option(help: ArgumentHelp("Where to draw, on the picture: what is transparent, or white.", valueName: "file"))
    var mask: String?

    @Option(help: "How far to go from the picture: 0 to 1.")
    var strength: Double?

    @Option(
        help: "With --base, what products are computed in: auto, f32 or bf16. f32 draws what diffusers draws in f32.")
    var computeType: String?

    @OptionGroup var connection: ServerOptions
    @OptionGroup var compute: ComputeOptions

    func validate() throws {
        if mask != nil, image == nil { throw ValidationError("--mask needs --image") }
        if strength != nil, image == nil { throw ValidationError("--strength needs --image") }
        if !adapter.isEmpty, base.isEmpty { throw ValidationError("--adapter needs --base; a server has its own") }
        if computeType != nil, base.isEmpty {
            throw ValidationError("--compute-type needs --base; a server has a setting for it")
        }
        if let computeType, ComputeType(setting: computeType) == nil {
            throw ValidationError("--compute-type is auto, f32 or bf16")
        }
        if !base.isEmpty, connection.url != nil { throw ValidationError("--base and --url exclude each other") }
    }

    func run() throws {
        if base.isEmpty {
            let server = try connection.server()
            try draw(RemoteDrawing(server: server, connection: connection))
        } else {
            let local = try LocalDrawing(
                bases: base.map(Self.pair), adapters: adapter.map(Self.pair), pool: compute.pool(),
                painting: painting, isJSON: connection.json)
            try draw(local)
        }
    }

    private var painting: PainterSettings {
        var settings = PainterSettings()
        settings.computeType = computeType.flatMap(ComputeType.init(setting:)) ?? settings.computeType
        return settings
    }

    private func draw(_ drawer: some Drawer) throws {
        let request = try DrawRequest(self)
        let job = try drawer.start(request)
        guard let id = job["id"]?.string else { throw CommandFailure(.failed, "the answer names no job") }
        var progress = StepProgress(isQuiet: connection.json)
        var last: EventReader.Event?
        try drawer.follow(id) { event in
            progress.show(event)
            last = event
        }
        progress.finish()
        guard let last, last.name == "completed", let pictures = last.data["result"]?["pictures"]?.array else {
            throw failure(last)
        }
        var files: [(path: String, seed: JSON)] = []
        for (number, picture) in pictures.enumerated() {
            let path = path(number, of: pictures.count)
            try write(try drawer.picture(number, of: id), to: path)
            files.append((path, picture["seed"] ?? .null))
        }
        report(files)
    }

    private func failure(_ last: EventReader.Event?) -> CommandFailure {
        let error = last?.data["error"]
        if connection.json, let error { Terminal.print(JSON.object([.init("error", error)]).prettyText) }
        let isAboutInput = error?["status"]?.integer.map { (400..<500).contains($0) } ?? false
        let words = error?["detail"]?.string ?? (last?.name == "cancelled" ? "cancelled" : "the drawing broke off")
        return CommandFailure(isAboutInput ? .badInput : .failed, words.printable)
    }

    private func report(_ files: [(path: String, seed: JSON)]) {
        guard connection.json else {
            for file in files { Terminal.print("wrote \(file.path), seed \(file.seed.text)") }
            return
        }
        let items = files.map { JSON.object([.init("path", .string($0.path)), .init("seed", $0.seed)]) }
        Terminal.print(JSON.object([.init("files", .array(items))]).prettyText)
    }

    /// The name that was asked for; numbered before its ending if there are several pictures.
    private func path(_ number: Int, of count: Int) -> String {
        guard count > 1 else { return out }
        let name = Directory.name(of: out)
        guard let dot = name.lastIndex(of: "."), dot != name.startIndex else { return "\(out)-\(number + 1)" }
        let ending = name[dot...]
        return "\(out.dropLast(ending.count))-\(number + 1)\(ending)"
    }

    private func write(_ bytes: [UInt8], to path: String) throws {
        do throws(SystemError) {
            try AtomicFile.write(bytes, to: path)
        } catch {
            throw CommandFailure(.failed, "\(path): \(error.message)")
        }
    }

    /// - Throws: `ValidationError` for what is not of the form.
    static func pair(_ text: String) throws -> (name: String, path: String) {
        guard let equals = text.firstIndex(of: "=") else {
            throw ValidationError("'\(text)' is not of the form name=path")
        }
        return (String(text[..<equals]), String(text[text.index(after: equals)...]))
    }
}
