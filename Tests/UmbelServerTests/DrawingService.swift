import HTTPTypes
import Logging
import Testing
import UmbelEngine
import UmbelFormats
import UmbelHTTP
import UmbelImages
import UmbelRegistry
import UmbelTesting

@testable import UmbelServer

/// The service without sockets, with a painter that draws a pattern.
final class DrawingService: Sendable {
    let painter: StandInPainter
    let application: Application
    private let folder: TemporaryFolder

    init(
        isStepwise: Bool = false, unable: Set<String> = [], watchLimit: Int = 4, draws: Bool = true,
        _ change: (inout DrawingQueue.Settings) -> Void = { _ in }
    ) throws {
        folder = try TemporaryFolder()
        painter = StandInPainter(isStepwise: isStepwise, unable: unable)
        let base = try BaseModel(name: "tiny", path: Goldens.path("lycoris/base/main_fp32.safetensors"))
        let store = try AdapterStore(folder: folder.path + "/data")
        let engine = Engine(
            bases: [base], adapters: store, traffic: try TrafficTable(store), cacheBytes: 1 << 24,
            pool: MergeResult.pool)
        var settings = DrawingQueue.Settings()
        change(&settings)
        let queue = DrawingQueue(painter: painter, settings: settings) { variant in
            _ = try engine.cache.makeResident(variant, pin: nil)
        }
        application = Application(
            engine: engine, limits: ApplicationLimits(), version: "1.2.3",
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            drawing: draws ? DrawingDesk(queue, watchLimit: watchLimit) : nil)
    }

    /// Stores an adapter that changes the base.
    func put(_ name: String) throws {
        let bytes = [
            TestTensor("lycoris_enc_blocks_0_attn_to_q.diff", [24, 24], [Float](repeating: 0.25, count: 576))
        ].file()
        let response = application.respond(
            to: try Request(
                .put, "/v1/adapters/\(name)", headers: [.contentLength: String(bytes.count)], body: .memory(bytes)))
        #expect(response.status == .created)
    }

    func respond(
        _ method: HTTPRequest.Method, _ target: String, headers: HTTPFields = [:], body: [UInt8] = [],
        isClientGone: @escaping @Sendable () -> Bool = { false }
    ) throws -> Response {
        application.respond(
            to: try Request(
                method, target, headers: headers, body: .memory(body), isClientGone: isClientGone))
    }

    func ask(
        _ method: HTTPRequest.Method, _ target: String, headers: HTTPFields = [:], _ body: String = ""
    ) throws -> (response: Response, json: JSON) {
        let response = try respond(method, target, headers: headers, body: Array(body.utf8))
        guard case .bytes(let bytes) = response.body else { return (response, .null) }
        return (response, try JSON(parsing: bytes))
    }

    /// Starts a job and gives its id.
    func start(_ body: String, at target: String = "/v1/images/generations") throws -> String {
        let answer = try ask(.post, target, headers: [.prefer: "respond-async"], body)
        #expect(answer.response.status == .accepted, "\(answer.json.text)")
        let id = try #require(answer.json["id"]?.string)
        #expect(answer.response.headers[.location] == "/v1/jobs/\(id)")
        return id
    }

    func job(_ id: String) throws -> DrawingJob { try #require(application.drawing).queue.job(id) }

    /// Waits for a job's end.
    @discardableResult
    func end(_ id: String) throws -> DrawingStatus {
        let changes = try job(id).changes()
        while true {
            let status = try #require(changes.next(within: 30))
            if status.isFinished { return status }
        }
    }

    static func bytes(_ response: Response) -> [UInt8] {
        if case .bytes(let bytes) = response.body { bytes } else { [] }
    }

    /// A PNG of one colour.
    static func png(_ colour: [UInt8] = [200, 100, 50], width: Int = 16, height: Int = 16) throws -> [UInt8] {
        try Picture(width: width, height: height, filledWith: colour).encoded(as: .png())
    }
}
