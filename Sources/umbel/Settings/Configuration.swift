import Logging
import UmbelEngine
import UmbelHTTP
import UmbelModels
import UmbelPOSIX
import UmbelRegistry
import UmbelServer
import Yams

/// The service's settings, resolved: flag over environment over file over default. Checked once, then immutable.
struct Configuration {
    var host = ""
    var port = 0
    var limits = HTTPLimits()
    var applicationLimits = ApplicationLimits()
    var graceSeconds = 30.0
    /// nil: none.
    var adapterFolder: String?
    var registry = RegistrySettings()
    /// Folder from which adapters are taken in; nil for none.
    var watch: String?
    var watchInterval = 2.0
    var dataFolder = ""
    /// nil: half of the free memory.
    var cacheBytes: Int?
    /// nil: a quarter of the cache.
    var deltaBytes: Int?
    /// Memory made ready at start.
    var prefaultBytes = 0
    /// Seconds that memory is kept which no merge uses.
    var spareSeconds = 600.0
    var drawing = DrawingQueue.Settings()
    var painting = PainterSettings()
    /// nil: one a processor.
    var threads: Int?
    var logLevel = Logger.Level.info
    /// Names and paths, in order.
    var bases: [(name: String, path: String)] = []

    /// - Parameters:
    ///   - file: text of the settings file, with its name; nil without one.
    ///   - environment: all variables.
    ///   - flags: settings by key, as typed.
    ///   - bases: from flags; they come before those of the file.
    /// - Throws: `CommandFailure` naming the key, with the nearest known one for one that is unknown.
    init(
        file: (name: String, text: String)?, environment: [String: String], flags: [String: String],
        bases flagBases: [(name: String, path: String)]
    ) throws {
        var values = SettingValues()
        if let file { try values.read(file: file.name, text: file.text) }
        try values.read(environment: environment)
        for (key, text) in flags { values.set(key, text, origin: "the command line") }
        bases = flagBases + values.bases.filter { base in !flagBases.contains { $0.name == base.name } }
        (host, port) = try values.address(.listen)
        limits.connections = try values.integer(.connections, in: 1...1_000_000)
        limits.workers = try values.integer(.workers, in: 1...4096)
        limits.headTimeout = try values.seconds(.headTimeout)
        limits.idleTimeout = try values.seconds(.idleTimeout)
        limits.bodyStallTimeout = try values.seconds(.stallTimeout)
        limits.writeStallTimeout = limits.bodyStallTimeout
        graceSeconds = try values.seconds(.graceSeconds)
        applicationLimits.uploadBytes = try values.integer(.uploadBytes, in: 1...Int.max)
        let folder = values.text(.adapterFolder)
        adapterFolder = folder == "none" ? nil : folder
        registry.history = try values.integer(.history, in: 0...10_000)
        registry.blobGraceSeconds = try values.integer(.blobGraceSeconds, in: 1...31_536_000)
        watch = values.text(.watch) == "off" ? nil : values.text(.watch)
        watchInterval = try values.seconds(.watchInterval)
        dataFolder = values.text(.dataFolder)
        cacheBytes = try values.automatic(.cacheBytes, in: 0...Int.max)
        deltaBytes = try values.automatic(.cacheDeltas, in: 0...Int.max)
        prefaultBytes = try values.integer(.cachePrefault, in: 0...Int.max)
        spareSeconds = try values.seconds(.cacheSpareSeconds)
        drawing.waiting = try values.integer(.drawingQueue, in: 0...10_000)
        drawing.concurrency = try values.integer(.drawingConcurrency, in: 1...64)
        drawing.keepSeconds = try values.seconds(.drawingKeepSeconds)
        drawing.keepBytes = try values.integer(.drawingKeepBytes, in: 0...Int.max)
        painting.computeType = try values.computeType(.drawingComputeType)
        painting.layerBytes =
            try values.automatic(.drawingLayerBytes, in: 0...Int.max) ?? SystemFacts.freeMemory / 4
        painting.autoencoderBytes = try values.integer(.drawingDecodeBytes, in: 0...Int.max)
        threads = try values.automatic(.threads, in: 1...1024)
        logLevel = try values.level(.logLevel)
    }
}

/// Settings as text, with where each came from.
struct SettingValues {
    private var texts: [String: (text: String, origin: String)] = [:]
    private(set) var bases: [(name: String, path: String)] = []

    mutating func set(_ key: String, _ text: String, origin: String) {
        texts[key] = (text, origin)
    }

    mutating func read(file name: String, text: String) throws {
        let node: Node?
        do {
            node = try Yams.compose(yaml: text)
        } catch {
            throw CommandFailure(.usage, "\(name) cannot be read as YAML: \(error)")
        }
        guard let node, node != Node("", Tag(.null)) else { return }
        guard let mapping = node.mapping else { throw CommandFailure(.usage, "\(name) is not a map of settings") }
        for (keyNode, value) in mapping {
            guard let key = keyNode.string else { throw CommandFailure(.usage, "\(name) has a key that is no text") }
            if key == "bases" { try readBases(value, name) } else { try read(key, value, name) }
        }
    }

    private mutating func readBases(_ node: Node, _ file: String) throws {
        if let scalar = node.scalar, scalar.string.isEmpty { return }
        guard let mapping = node.mapping else {
            throw CommandFailure(.usage, "“bases” in \(file) is not a map of names to paths")
        }
        for (name, path) in mapping {
            guard let name = name.string, let path = path.string else {
                throw CommandFailure(.usage, "“bases” in \(file) is not a map of names to paths")
            }
            bases.append((name, path))
        }
    }

    private mutating func read(_ key: String, _ node: Node, _ file: String) throws {
        if let mapping = node.mapping {
            for (name, value) in mapping { try read("\(key).\(name.string ?? "")", value, file) }
            return
        }
        guard Setting.all.contains(where: { $0.key == key }) else { throw Self.unknown(key, file) }
        guard let text = node.scalar?.string else {
            throw CommandFailure(.usage, "“\(key)” in \(file) is not a single value")
        }
        // A key without a value is one that is commented out.
        if !text.isEmpty { set(key, text, origin: file) }
    }

    /// Variables beginning with UMBEL_ that are none of ours are errors too: a misspelt limit is no limit.
    mutating func read(environment: [String: String]) throws {
        let others: Set = ["UMBEL_URL", "UMBEL_TOKEN", "UMBEL_KERNELS"]
        for (name, text) in environment.sorted(by: { $0.key < $1.key }) where name.hasPrefix("UMBEL_") {
            if let setting = Setting.all.first(where: { $0.environmentName == name }) {
                set(setting.key, text, origin: name)
            } else if !others.contains(name), !name.hasPrefix("UMBEL_TEST_"), !name.hasPrefix("UMBEL_FUZZ_") {
                let nearest = Spelling.nearest(to: name, among: Setting.all.map(\.environmentName))
                throw CommandFailure(.usage, "the environment has the unknown \(name)" + Self.hint(nearest))
            }
        }
    }

    static func unknown(_ key: String, _ place: String) -> CommandFailure {
        // Below “bases” any name may stand, so only what is before the dot can be misspelt.
        let section = key.prefix { $0 != "." }
        let nearest =
            Spelling.nearest(to: key, among: Setting.all.map(\.key))
            ?? Spelling.nearest(to: String(section), among: ["bases"])
        return CommandFailure(.usage, "unknown setting “\(key)” in \(place)" + hint(nearest))
    }

    private static func hint(_ nearest: String?) -> String {
        nearest.map { "; did you mean “\($0)”?" } ?? ""
    }

    // MARK: Typed values

    func text(_ setting: Setting) -> String { texts[setting.key]?.text ?? setting.defaultText }

    private func bad(_ setting: Setting, _ expected: String) -> CommandFailure {
        let origin = texts[setting.key]?.origin ?? "the defaults"
        return CommandFailure(.usage, "“\(setting.key)” is “\(text(setting))” in \(origin), expected \(expected)")
    }

    func integer(_ setting: Setting, in range: ClosedRange<Int>) throws -> Int {
        guard let value = Int(text(setting)), range.contains(value) else {
            throw bad(setting, "a number from \(range.lowerBound) to \(range.upperBound)")
        }
        return value
    }

    func seconds(_ setting: Setting) throws -> Double {
        guard let value = Double(text(setting)), value.isFinite, value > 0, value <= 86_400 else {
            throw bad(setting, "seconds, more than 0")
        }
        return value
    }

    /// nil for "auto".
    func automatic(_ setting: Setting, in range: ClosedRange<Int>) throws -> Int? {
        text(setting) == "auto" ? nil : try integer(setting, in: range)
    }

    func address(_ setting: Setting) throws -> (host: String, port: Int) {
        let value = text(setting)
        guard let colon = value.lastIndex(of: ":"), let port = Int(value[value.index(after: colon)...]),
            (0...65_535).contains(port), colon != value.startIndex
        else { throw bad(setting, "host:port") }
        var host = String(value[..<colon])
        if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
        return (host, port)
    }

    func computeType(_ setting: Setting) throws -> ComputeType {
        guard let type = ComputeType(setting: text(setting)) else { throw bad(setting, "auto, f32 or bf16") }
        return type
    }

    func level(_ setting: Setting) throws -> Logger.Level {
        guard let level = Logger.Level(rawValue: text(setting)) else { throw bad(setting, setting.description) }
        return level
    }
}
