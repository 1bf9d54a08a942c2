internal import HTTPTypes
internal import UmbelEngine
internal import UmbelFormats
internal import UmbelHTTP
internal import UmbelPOSIX

/// `/v1/routes`: stable names that send traffic to models by weight, and what comes of it.
enum TrafficRoutes {
    private static let ifMatch = Route.Parameter(
        "If-Match", in: .header, "the generation that the route must have now")

    static let all = [
        Route(
            .put, "/v1/routes/{name}",
            "Make or change a route: {\"arms\": [{\"name\", \"model\", \"weight\"}], \"sticky\", \"shadow\", \"goals\"}",
            parameters: [
                .init("warm", "false: take effect at once, and not when every arm is merged"), ifMatch,
                .init("If-None-Match", in: .header, "*: refuse to change a route that is there"),
            ], statuses: [200, 201], handler: put),
        Route(.get, "/v1/routes", "List the routes", handler: list),
        Route(.get, "/v1/routes/{name}", "One route", handler: get),
        Route(
            .delete, "/v1/routes/{name}", "Forget a route and what was counted for it", parameters: [ifMatch],
            statuses: [204], handler: delete),
        Route(.get, "/v1/routes/{name}/history", "What the route was and when", handler: history),
        Route(
            .post, "/v1/routes/{name}/rollback", "Go back to the generation before, or to {\"generation\"}",
            parameters: [ifMatch], handler: rollBack),
        Route(
            .post, "/v1/routes/{name}/outcomes",
            "Report what came of requests: {\"request_id\" or \"arm\", \"metric\", \"value\"}, or {\"outcomes\": [...]}",
            handler: outcomes),
        Route(
            .get, "/v1/routes/{name}/report", "How the arms compare",
            parameters: [
                .init("level", "confidence of intervals and tests, 0.5 to 0.999; 0.95 unless told"),
                .init("control", "the arm that the others are compared with; the first unless told"),
            ], handler: report),
    ]

    private static func put(_ call: Call) throws -> Response {
        let name = call.parameter("name")
        let route = try TrafficRequest.route(try call.json())
        let isWarm = try call.query("warm") == nil || call.flag("warm")
        let headers = call.request.headers
        let (live, isNew) = try call.engine.putRoute(name, route, warm: isWarm) { current throws(EngineError) in
            try checkPreconditions(headers, name, current)
        }
        return answer(live, call, isNew ? .created : .ok)
    }

    private static func answer(_ live: LiveRoute, _ call: Call, _ status: HTTPResponse.Status = .ok) -> Response {
        .json(
            status, TrafficView.object(live, call.engine),
            headers: [.eTag: "\"\(live.generation)\"", .location: "/v1/routes/\(live.name)"])
    }

    private static func list(_ call: Call) -> Response {
        let routes = call.engine.traffic.all().map { TrafficView.object($0, call.engine) }
        return .json(.ok, ["object": "list", "data": .array(routes)])
    }

    private static func live(_ call: Call) throws -> LiveRoute {
        let name = call.parameter("name")
        guard let live = call.engine.traffic.route(name) else { throw EngineError.traffic(.unknownRoute(name)) }
        return live
    }

    private static func get(_ call: Call) throws -> Response { answer(try live(call), call) }

    private static func delete(_ call: Call) throws -> Response {
        let (name, headers) = (call.parameter("name"), call.request.headers)
        try call.engine.traffic.remove(name) { current throws(EngineError) in
            try checkPreconditions(headers, name, current)
        }
        return Response(.noContent)
    }

    private static func history(_ call: Call) throws -> Response {
        let name = call.parameter("name")
        let current = try live(call).generation
        let generations = try call.engine.traffic.history(of: name)
        return .json(
            .ok,
            [
                "object": "list",
                "data": .array(generations.map { TrafficView.generation($0.record, $0.route, current: current) }),
            ])
    }

    private static func rollBack(_ call: Call) throws -> Response {
        let (name, headers) = (call.parameter("name"), call.request.headers)
        let generation = try TrafficRequest.generation(try call.optionalJSON())
        let live = try call.engine.rollBackRoute(name, to: generation) { current throws(EngineError) in
            try checkPreconditions(headers, name, current)
        }
        return answer(live, call)
    }

    private static func outcomes(_ call: Call) throws -> Response {
        let live = try live(call)
        let outcomes = try TrafficRequest.outcomes(try call.json())
        let counted = try call.engine.traffic.count(outcomes, on: live)
        return .json(.ok, ["counted": JSON(counted), "repeated": JSON(outcomes.count - counted)])
    }

    private static func report(_ call: Call) throws -> Response {
        let live = try live(call)
        var level = 0.95
        if let text = call.query("level") {
            guard let value = Double(text), (0.5...0.999).contains(value) else {
                throw RequestError.invalidParameter(name: "level", value: text, expected: "0.5 to 0.999")
            }
            level = value
        }
        let report = try RouteReport(live, control: call.query("control"), level: level)
        return .json(.ok, ReportView.object(report, live))
    }

    /// A generation as an entity tag: `"3"`.
    private static func checkPreconditions(
        _ headers: HTTPFields, _ name: String, _ current: LiveRoute?
    ) throws(EngineError) {
        let generation = current?.generation
        func matches(_ condition: String) -> Bool {
            guard let generation else { return false }
            return condition == "*" || EntityTag.list(condition).contains(EntityTag(String(generation)))
        }
        let isRefused =
            headers[.ifMatch].map { !matches($0) } ?? false || headers[.ifNoneMatch].map(matches) ?? false
        if isRefused { throw .traffic(.preconditionFailed(route: name, generation: generation)) }
    }
}
