internal import HTTPTypes
package import Logging
internal import Synchronization
package import UmbelEngine
internal import UmbelFormats
package import UmbelHTTP
internal import UmbelPOSIX
internal import UmbelRegistry

/// The service: routes over an engine. Turns a request into a response, and every error into a problem, in one place.
package final class Application: Sendable {
    package let engine: Engine
    package let limits: ApplicationLimits
    /// The folder from which adapters are taken in, if there is one.
    let watched: WatchedFolder?
    package let version: String
    let logger: Logger
    /// Where `lora_path` may point besides the registry; nil for nowhere.
    let adapterFolder: AdapterFolder?
    /// nil for a service that does not draw.
    package let drawing: DrawingDesk?
    let readiness = Readiness()
    let merges = BackgroundMerges()
    let downloadDigests = DownloadDigests()
    private let router: Router
    private let shadows = Shadows()
    /// Digests of textual inversions of which the log says that they cannot be read.
    private let toldOf = Mutex<Set<String>>([])

    package init(
        engine: Engine, limits: ApplicationLimits, watched: WatchedFolder? = nil, version: String, logger: Logger,
        adapterFolder: AdapterFolder? = nil, drawing: DrawingDesk? = nil
    ) {
        self.drawing = drawing
        self.watched = watched
        self.engine = engine
        self.limits = limits
        self.version = version
        self.logger = logger
        self.adapterFolder = adapterFolder
        router = Router(routes: API.routes)
    }

    /// The service may be given traffic.
    package func setReady() { readiness.set(.ready) }
    /// The service finishes what it has and takes no more.
    package func setDraining() {
        readiness.set(.draining)
        drawing?.queue.stopTaking()
    }

    /// The handler for the HTTP server.
    package func respond(to request: Request) -> Response {
        let start = ContinuousClock.now
        let id = RequestID.of(request.headers)
        let trace = RequestTrace(id: id)
        var response = handle(request, trace).explained
        response.headers[.requestID] = id
        response = compressible(response, for: request)
        if request.method == .head { response = response.withoutBody }
        count(request, trace, &response)
        let milliseconds = (ContinuousClock.now - start).milliseconds
        logger.debug(
            "request",
            metadata: [
                "id": "\(id)", "method": "\(request.method)", "target": "\(request.target)",
                "status": "\(response.status.code)", "milliseconds": "\(milliseconds)",
            ])
        return response
    }

    /// The answer to what the HTTP server refused before there was a request.
    package func respond(refusing refusal: Refusal) -> Response {
        var response = Problem(refusing: refusal).response()
        response.headers[.requestID] = RequestID.of([:])
        response.closesConnection = true
        return response
    }

    /// Has the answer of a route's arm counted when it is through, and its arm named.
    private func count(_ request: Request, _ trace: RequestTrace, _ response: inout Response) {
        let picks = trace.picks
        guard let first = picks.first else { return }
        response.headers[.arm] = first.arm
        if response.headers[.variant] == nil { response.headers[.variant] = first.variant.id }
        for pick in picks { engine.traffic.note(request: trace.id, answeredBy: pick.arm, of: pick.live) }
        let isServerError = response.status.kind == .serverError
        response.onEnd = { ending in
            let elapsed = Int((ContinuousClock.now - request.arrival) / .microseconds(1))
            let failed = isServerError || ending == .failed
            for pick in picks {
                pick.live.experiment.answered(by: pick.arm, microseconds: failed ? nil : elapsed)
            }
        }
    }

    /// Has copies of the request answered by the shadows of the routes that it went through.
    private func copyToShadows(_ route: Route, _ call: Call) {
        guard route.isCopiedToShadows, call.request.method == .get else { return }
        for pick in call.trace.picks {
            for shadow in pick.shadows {
                let copy = call.copy(for: ShadowPick(live: pick.live, name: shadow))
                shadows.submit(pick.live, shadow: shadow) { try route.handler(copy) }
            }
        }
    }

    private func handle(_ request: Request, _ trace: RequestTrace) -> Response {
        let found = router.find(request)
        do {
            switch found {
            case .route(let route, let parameters):
                try route.checkQuery(of: request)
                let call = Call(application: self, request: request, parameters: parameters, trace: trace)
                defer { copyToShadows(route, call) }
                return try route.handler(call)
            case .noSuchPath: throw RequestError.noSuchPath(request.target)
            case .methodNotAllowed(let allowed):
                if request.method == .options {
                    return Response(.noContent, headers: [.allow: Router.allowHeader(allowed)])
                }
                throw RequestError.methodNotAllowed(allowed: allowed)
            }
        } catch {
            let problem = Problem(error)
            if problem.status.kind == .serverError {
                // Which file and why, where the detail leaves that out for the client.
                let cause =
                    (error as? SystemError ?? (error as? EngineError)?.system ?? (error as? RegistryError)?.system)?
                    .sentence ?? "\(error)"
                logger.error(
                    "request failed",
                    metadata: [
                        "target": "\(request.target)", "code": "\(problem.code)", "detail": "\(problem.detail)",
                        "cause": "\(cause)",
                    ])
            }
            return problem.response(found.dialect)
        }
    }

    /// Has the log say once of each textual inversion that its file cannot be read.
    func tell(of unreadable: [UnreadableEmbedding]) {
        for item in unreadable where toldOf.withLock({ $0.insert(item.digest).inserted }) {
            logger.warning(
                "textual inversion cannot be read",
                metadata: [
                    "name": "\(item.name)", "words": "\(item.words.joined(separator: ", "))",
                    "detail": "\(Problem(item.error).detail)",
                ])
        }
    }

    /// Called when a body could not be finished: the client has been cut off so that it cannot take it for whole.
    package func bodyFailed(_ request: Request, _ error: any Error) {
        if error is SystemError { return }  // the client went away
        logger.error(
            "response cut off", metadata: ["target": "\(request.target)", "error": "\(Problem(error).detail)"])
    }
}

/// Bounds on what requests may ask for.
package struct ApplicationLimits: Sendable {
    /// Largest adapter upload in bytes.
    package var uploadBytes = 4 << 30

    package init() {}
}

extension HTTPField.Name {
    static let requestID = Self("X-Request-Id") ?? .server
    static let variant = Self("X-Umbel-Variant") ?? .server
    static let arm = Self("X-Umbel-Arm") ?? .server
    static let serverTiming = Self("Server-Timing") ?? .server
    static let prefer = Self("Prefer") ?? .server
    static let preferenceApplied = Self("Preference-Applied") ?? .server
}

extension Response {
    /// With a problem in the body where the wire's byte serving has only a status: 412 and 416.
    fileprivate var explained: Response {
        let problem: Problem
        switch (status, body) {
        case (.preconditionFailed, .none):
            problem = Problem(status, "precondition_failed", "Precondition failed", "The content is another one now")
        case (.rangeNotSatisfiable, .none):
            let length = headers[.contentRange].map { " (\($0))" } ?? ""
            problem = Problem(
                status, "range_not_satisfiable", "Range not satisfiable", "No byte asked for is in the content\(length)"
            )
        default: return self
        }
        var response = self
        let explained = problem.response()
        response.body = explained.body
        for field in explained.headers { response.headers[field.name] = field.value }
        return response
    }

    /// The same head for a HEAD request; the length stays known.
    fileprivate var withoutBody: Response {
        var response = self
        if let count = body.count, headers[.contentLength] == nil { response.headers[.contentLength] = String(count) }
        response.body = .none
        return response
    }

    static func json(_ status: HTTPResponse.Status = .ok, _ value: JSON, headers: HTTPFields = [:]) -> Response {
        var response = Response(status, contentType: "application/json", value.prettyText)
        for field in headers { response.headers.append(field) }
        return response
    }
}

/// The id under which a request can be found in the log: the client's, if it is fit to print, or a new one.
private enum RequestID {
    static func of(_ headers: HTTPFields) -> String {
        if let given = headers[.requestID], (1...128).contains(given.utf8.count),
            given.utf8.allSatisfy({ (0x21...0x7e).contains($0) })
        {
            return given
        }
        let digits = String(UInt64.random(in: 0 ... .max), radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
