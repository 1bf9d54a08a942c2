import ArgumentParser
import Dispatch
import Glibc
import Logging
import UmbelAdapters
import UmbelEngine
import UmbelHTTP
import UmbelNames
import UmbelPOSIX
import UmbelRegistry
import UmbelServer
import UmbelTensor

/// `umbel serve`: the service.
struct Serve: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Serve base models, merged with uploaded adapters, over HTTP.",
        discussion: """
            Settings come from flags, then the environment (UMBEL_SERVER_LISTEN, …), then the settings file, then defaults.

              umbel serve --base sd15=./sd15.safetensors --listen 127.0.0.1:8080
              curl -T ink.safetensors http://127.0.0.1:8080/v1/adapters/ink
              curl -O http://127.0.0.1:8080/v1/models/sd15+ink:0.8/files/sd15.safetensors
            """)

    @Option(help: ArgumentHelp("Settings file; see Config/umbel.yaml.", valueName: "file"))
    var config: String?

    @Option(help: ArgumentHelp("A base to keep resident. Repeatable.", valueName: "name=path"))
    var base: [String] = []

    @Option(help: ArgumentHelp("Folder for uploaded adapters.", valueName: "folder"))
    var data: String?

    @Option(help: ArgumentHelp("Address to listen on.", valueName: "host:port"))
    var listen: String?

    @Option(
        help: ArgumentHelp("Any setting by its key, as cache.bytes=1000000000. Repeatable.", valueName: "key=value"))
    var set: [String] = []

    func run() throws {
        HeapMemory.configure()
        OpenFileLimit.raise()
        let configuration = try configuration()
        var logger = Logger(label: "umbel", factory: { StreamLogHandler.standardError(label: $0) })
        logger.logLevel = configuration.logLevel
        let engine = try engine(configuration, logger)
        let keeper = Keeper(engine: engine, logger: logger)
        let watched = try keeper.watch(configuration.watch, every: configuration.watchInterval)
        try keeper.sweepBlobs(graceSeconds: configuration.registry.blobGraceSeconds)
        try keeper.giveBackMemory(unusedFor: configuration.spareSeconds)
        let application = Application(
            engine: engine, limits: configuration.applicationLimits, watched: watched, version: Umbel.version,
            logger: logger, adapterFolder: try adapterFolder(configuration),
            drawing: UmbelDrawing.desk(
                for: engine, configuration.drawing, configuration.painting, workers: configuration.limits.workers))
        if let queue = application.drawing?.queue { try keeper.forgetDrawings(of: queue) }
        let server = HTTPServer(
            limits: configuration.limits,
            onRefusal: { application.respond(refusing: $0) },
            onBodyFailure: { application.bodyFailed($0, $1) },
            handler: { application.respond(to: $0) })
        let stop = StopSignal()
        let port: Int
        do throws(SystemError) {
            port = try server.listen(host: configuration.host, port: configuration.port)
        } catch {
            throw CommandFailure(
                .failed, "cannot listen on \(configuration.host):\(configuration.port): \(error.message)")
        }
        application.setReady()
        let host = configuration.host.contains(":") ? "[\(configuration.host)]" : configuration.host
        Terminal.print("umbel is listening on http://\(host):\(port)")
        stop.wait()
        logger.notice("stopping", metadata: ["requests": "\(server.activeRequests)"])
        application.setDraining()
        server.shutdown(graceSeconds: configuration.graceSeconds)
        // Nobody is left who could fetch a picture.
        application.drawing?.queue.stop(within: 5)
        engine.traffic.stop()
        logger.notice("stopped")
    }

    private func configuration() throws -> Configuration {
        var file: (name: String, text: String)?
        if let config {
            do {
                let mapping = try MappedFile(path: config)
                file = (config, String(decoding: mapping.bytes, as: UTF8.self))
            } catch {
                throw CommandFailure(.usage, "\(config): \(error.message)")
            }
        }
        var flags: [String: String] = [:]
        flags[Setting.listen.key] = listen
        flags[Setting.dataFolder.key] = data
        for text in set {
            guard let equals = text.firstIndex(of: "=") else {
                throw ValidationError("'\(text)' is not of the form key=value")
            }
            let key = String(text[..<equals])
            guard Setting.all.contains(where: { $0.key == key }) else { throw SettingValues.unknown(key, "--set") }
            flags[key] = String(text[text.index(after: equals)...])
        }
        let bases = try base.map { text -> (name: String, path: String) in
            guard let equals = text.firstIndex(of: "=") else {
                throw ValidationError("'\(text)' is not of the form name=path")
            }
            return (String(text[..<equals]), String(text[text.index(after: equals)...]))
        }
        return try Configuration(file: file, environment: Environment.all, flags: flags, bases: bases)
    }

    private func engine(_ configuration: Configuration, _ logger: Logger) throws -> Engine {
        let pool = ComputePool(threads: configuration.threads ?? SystemFacts.processors)
        var bases: [BaseModel] = []
        for (name, path) in configuration.bases {
            guard Name.isValid(name) else { throw CommandFailure(.usage, "“\(name)” is no name for a base") }
            guard !bases.contains(where: { $0.name == name }) else {
                throw CommandFailure(.usage, "two bases are called “\(name)”")
            }
            let base = try Input.base(path, name: name, pool: nil)
            bases.append(base)
            logger.notice(
                "base is open",
                metadata: [
                    "name": "\(name)", "tensors": "\(base.weights.views.count)",
                    "family": "\(base.recognition.family ?? "unnamed")",
                ])
        }
        let store: AdapterStore
        do {
            store = try AdapterStore(folder: configuration.dataFolder, settings: configuration.registry)
        } catch {
            let reason = error.isTaken ? "another umbel is using it" : error.sentence
            throw CommandFailure(.failed, "data folder \(configuration.dataFolder): \(reason)")
        }
        for fault in store.faults { logger.error("registry fault", metadata: ["fault": "\(fault.sentence)"]) }
        let traffic: TrafficTable
        do {
            traffic = try TrafficTable(store)
        } catch {
            throw CommandFailure(.failed, "data folder \(configuration.dataFolder): \(error.sentence)")
        }
        for name in traffic.unreadable { logger.error("route cannot be read", metadata: ["name": "\(name)"]) }
        let cacheBytes = configuration.cacheBytes ?? SystemFacts.freeMemory / 2
        let engine = Engine(
            bases: bases, adapters: store, traffic: traffic, cacheBytes: cacheBytes,
            deltaBytes: configuration.deltaBytes, pool: pool, recipes: RecipeStore(store.database),
            waitingLimit: configuration.limits.workers / 2)
        do {
            try traffic.start { error in
                logger.error(
                    "counts of routes cannot be written",
                    metadata: ["error": "\(Problem(EngineError.registry(error)).detail)"])
            }
        } catch {
            throw CommandFailure(.failed, "no thread for the counts of routes: \(error.message)")
        }
        prepare(engine, configuration, logger)
        return engine
    }

    private func adapterFolder(_ configuration: Configuration) throws -> AdapterFolder? {
        guard let path = configuration.adapterFolder else { return nil }
        do {
            return try AdapterFolder(path: path)
        } catch {
            throw CommandFailure(.usage, "adapters.folder \(path): \(error.message)")
        }
    }

    /// Reads the bases, whose digests every model reference needs, and merges the arms of routes, meanwhile: large bases take
    /// seconds.
    private func prepare(_ engine: Engine, _ configuration: Configuration, _ logger: Logger) {
        let reader = BaseReader(known: KnownFiles(path: configuration.dataFolder + "/base-files.json")) { event in
            Self.report(event, logger)
        }
        reader.read(engine.bases, threads: SystemFacts.processors)
        let prepare: @Sendable () -> Void = {
            RecycledMemory.prefault(configuration.prefaultBytes)
            engine.warmRoutes { route, arm, error in
                logger.error(
                    "arm of a route is unavailable",
                    metadata: ["route": "\(route)", "arm": "\(arm)", "error": "\(Problem(error).detail)"])
            }
        }
        // Without a thread to spare the first requests compute them.
        if (try? Thread.start(prepare)) == nil { logger.warning("no thread for warming routes") }
    }

    private static func report(_ event: BaseReader.Event, _ logger: Logger) {
        switch event {
        case .read(let name, let digest, let seconds, nil):
            logger.info(
                "base read", metadata: ["name": "\(name)", "sha256": "\(digest)", "seconds": "\(seconds)"])
        case .read(let name, _, _, let flaw?):
            logger.error("base is unusable", metadata: ["name": "\(name)", "error": "\(flaw.sentence)"])
        case .notKept(let error):
            logger.warning("digests of bases cannot be kept", metadata: ["error": "\(error.sentence)"])
        }
    }
}

/// SIGTERM and SIGINT. The first ends the wait, the second ends the process at once.
private final class StopSignal {
    private let arrived = DispatchSemaphore(value: 0)
    private let sources: [any DispatchSourceSignal]

    /// Watches from now on. Made before anybody is told that the service is there, because a signal that comes while the
    /// sources are being set up would be lost.
    init() {
        let queue = DispatchQueue(label: "umbel.signals")
        let registered = DispatchGroup()
        let arrived = arrived
        sources = [SIGTERM, SIGINT].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
            source.setEventHandler {
                arrived.signal()
                signal(number, SIG_DFL)
            }
            registered.enter()
            source.setRegistrationHandler { registered.leave() }
            source.activate()
            return source
        }
        signal(SIGPIPE, SIG_IGN)
        registered.wait()
    }

    func wait() { withExtendedLifetime(sources) { arrived.wait() } }
}
