import HTTPTypes
import Logging
import UmbelClient
import UmbelEngine
import UmbelFormats
import UmbelHTTP
import UmbelPOSIX
import UmbelRegistry
import UmbelServer
import UmbelTensor

/// Who draws for `umbel draw`.
protocol Drawer {
    /// - Returns: the job.
    func start(_ request: DrawRequest) throws -> JSON
    /// Follows a job to its end.
    func follow(_ id: String, onEvent: @escaping (EventReader.Event) -> Void) throws
    /// A picture as PNG.
    func picture(_ number: Int, of id: String) throws -> [UInt8]
}

/// A server draws.
struct RemoteDrawing: Drawer {
    let server: Server
    let connection: ServerOptions

    func start(_ request: DrawRequest) throws -> JSON {
        try connection.calling(server) { () throws(ClientError) in
            try server.startDrawing(request.path, body: request.body, contentType: request.contentType)
        }
    }

    func follow(_ id: String, onEvent: @escaping (EventReader.Event) -> Void) throws {
        try connection.calling(server) { () throws(ClientError) in try server.followJob(id, onEvent: onEvent) }
    }

    func picture(_ number: Int, of id: String) throws -> [UInt8] {
        try connection.calling(server) { () throws(ClientError) in try server.picture(number, ofJob: id) }
    }
}

/// This process draws: the service without its sockets, on a data folder that goes with it.
final class LocalDrawing: Drawer {
    private let folder: String
    private let application: Application
    private let isJSON: Bool

    /// - Throws: `CommandFailure` for what is no base or adapter, or does not draw.
    init(
        bases: [(name: String, path: String)], adapters: [(name: String, path: String)], pool: ComputePool,
        painting: PainterSettings, isJSON: Bool
    ) throws {
        let temporary = Environment.all["TMPDIR"].flatMap { $0.isEmpty ? nil : $0 } ?? "/tmp"
        folder = "\(temporary)/umbel-draw-\(UInt64.random(in: 0 ... .max))"
        self.isJSON = isJSON
        do {
            let opened = try bases.map { try Input.base($0.path, name: $0.name, pool: pool) }
            let store = try AdapterStore(folder: folder)
            let engine = Engine(
                bases: opened, adapters: store, traffic: try TrafficTable(store),
                cacheBytes: SystemFacts.freeMemory / 2, pool: pool)
            for adapter in adapters {
                let files = try AdapterFile.files(of: adapter.path)
                let config = try files.config.map { try FileDescriptor.read($0) }
                let upload = try engine.upload(tensors: FileDescriptor.read(files.tensors), config: config)
                _ = try engine.add(upload, as: adapter.name, options: AdapterOptions()) { (_) throws(EngineError) in }
            }
            guard let desk = UmbelDrawing.desk(for: engine, .init(), painting, workers: 4) else {
                throw DrawingJobError.noPainter
            }
            application = Application(
                engine: engine, limits: ApplicationLimits(), version: Umbel.version,
                logger: Logger(label: "umbel") { _ in SwiftLogNoOpLogHandler() }, drawing: desk)
        } catch {
            // What cannot be removed of a temporary folder is the system's to remove.
            try? Directory.removeTree(folder)
            throw (error as? CommandFailure) ?? CommandFailure(.badInput, Problem(error).detail)
        }
    }

    deinit { try? Directory.removeTree(folder) }

    func start(_ request: DrawRequest) throws -> JSON {
        let prefer = HTTPField.Name("Prefer").map { HTTPField(name: $0, value: "respond-async") }
        var headers: HTTPFields = [.contentType: request.contentType]
        if let prefer { headers.append(prefer) }
        let answer = try ask(.post, request.path, headers: headers, body: request.body)
        return try JSON(parsing: answer)
    }

    func follow(_ id: String, onEvent: @escaping (EventReader.Event) -> Void) throws {
        let response = try respond(.get, ["v1", "jobs", id, "events"])
        var reader = EventReader()
        try response.body.produce { piece in
            for event in try piece.withBytes({ try reader.read(Array($0)) }) { onEvent(event) }
        }
    }

    func picture(_ number: Int, of id: String) throws -> [UInt8] {
        try ask(.get, ["v1", "jobs", id, "pictures", "\(number)"])
    }

    private func ask(
        _ method: HTTPRequest.Method, _ path: [String], headers: HTTPFields = [:], body: [UInt8] = []
    ) throws -> [UInt8] {
        guard case .bytes(let bytes) = try respond(method, path, headers: headers, body: body).body else { return [] }
        return bytes
    }

    /// - Throws: `CommandFailure` with the problem's words.
    private func respond(
        _ method: HTTPRequest.Method, _ path: [String], headers: HTTPFields = [:], body: [UInt8] = []
    ) throws -> Response {
        let target = "/" + path.joined(separator: "/")
        let response = application.respond(
            to: try Request(method, target, headers: headers, body: .memory(body)))
        guard response.status.kind != .successful else { return response }
        var words = "\(response.status.code)"
        if case .bytes(let bytes) = response.body, let problem = try? JSON(parsing: bytes) {
            if isJSON { Terminal.print(JSON.object([.init("error", problem)]).prettyText) }
            words = problem["detail"]?.string ?? words
        }
        throw CommandFailure(response.status.kind == .clientError ? .badInput : .failed, words)
    }
}
