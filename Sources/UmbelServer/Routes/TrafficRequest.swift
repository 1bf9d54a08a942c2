internal import UmbelEngine
internal import UmbelFormats

/// Bodies of the calls on `/v1/routes`.
enum TrafficRequest {
    /// The body of a PUT.
    static func route(_ body: JSON) throws -> TrafficRoute {
        let fields = BodyFields(try members(body, "body"))
        try fields.check(known: ["arms", "sticky", "shadow", "goals"])
        guard let arms = body["arms"] else { throw RequestError.missingField("arms") }
        let route = try TrafficRoute.checked(
            arms: try list(arms, "arms").enumerated().map { try arm($1, "arms[\($0)]") },
            shadows: try body["shadow"].map {
                try list($0, "shadow").enumerated().map { try shadow($1, "shadow[\($0)]") }
            } ?? [],
            stickiness: try body["sticky"].map(stickiness) ?? .none,
            goals: try body["goals"].map(goals) ?? [:])
        return route
    }

    private static func arm(_ value: JSON, _ place: String) throws -> TrafficRoute.Arm {
        let fields = BodyFields(try members(value, place), below: place)
        try fields.check(known: ["name", "model", "weight"])
        return .init(
            name: try fields.string("name", "an arm's name"), model: try fields.string("model", "a model reference"),
            weight: try fields.number("weight") ?? 1)
    }

    private static func shadow(_ value: JSON, _ place: String) throws -> TrafficRoute.Shadow {
        let fields = BodyFields(try members(value, place), below: place)
        try fields.check(known: ["name", "model", "share"])
        return .init(
            name: try fields.string("name", "a shadow's name"), model: try fields.string("model", "a model reference"),
            share: try fields.number("share") ?? 1)
    }

    private static func stickiness(_ value: JSON) throws -> TrafficRoute.Stickiness {
        guard let stickiness = value.string.flatMap(TrafficRoute.Stickiness.init(text:)) else {
            throw RequestError.invalidField(name: "sticky", expected: "“none”, “user” or “header:<Name>”")
        }
        return stickiness
    }

    private static func goals(_ value: JSON) throws -> [String: TrafficRoute.Goal] {
        var goals: [String: TrafficRoute.Goal] = [:]
        for member in try members(value, "goals") {
            guard Name.isValid(member.name) else { throw EngineError.traffic(.invalidMetric(member.name)) }
            guard let goal = member.value.string.flatMap(TrafficRoute.Goal.init) else {
                throw RequestError.invalidField(name: "goals.\(member.name)", expected: "“higher” or “lower”")
            }
            goals[member.name] = goal
        }
        return goals
    }

    /// The body of a rollback.
    static func generation(_ body: JSON?) throws -> Int? {
        guard let body else { return nil }
        try BodyFields(try members(body, "body")).check(known: ["generation"])
        guard let value = body["generation"] else { return nil }
        guard let generation = value.integer else {
            throw RequestError.invalidField(name: "generation", expected: "the number of a generation")
        }
        return generation
    }

    /// The body of a report of outcomes: one, or several.
    static func outcomes(_ body: JSON) throws -> [Outcome] {
        guard let several = body["outcomes"] else { return [try outcome(body, nil)] }
        try BodyFields(try members(body, "body")).check(known: ["outcomes"])
        return try list(several, "outcomes").enumerated().map { try outcome($1, "outcomes[\($0)]") }
    }

    private static func outcome(_ value: JSON, _ place: String?) throws -> Outcome {
        let fields = BodyFields(try members(value, place ?? "body"), below: place)
        try fields.check(known: ["request_id", "arm", "metric", "value"])
        let origin: Outcome.Origin
        switch (value["request_id"], value["arm"]) {
        case (.some, nil): origin = .request(try fields.string("request_id", "what X-Request-Id said"))
        case (nil, .some): origin = .arm(try fields.string("arm", "an arm's name"))
        case (nil, nil): throw RequestError.missingField(fields.path("request_id"))
        case (.some, .some):
            throw RequestError.invalidField(name: fields.path("arm"), expected: "absent where “request_id” tells it")
        }
        let metric = try fields.string("metric", "a metric's name")
        guard Name.isValid(metric) else { throw EngineError.traffic(.invalidMetric(metric)) }
        guard let number = try fields.number("value") else { throw RequestError.missingField(fields.path("value")) }
        // Larger ones would lose the sums of squares.
        guard abs(number) <= 1e100 else {
            throw RequestError.invalidField(name: fields.path("value"), expected: "a number of at most 1e100")
        }
        return Outcome(origin: origin, metric: metric, value: number)
    }

    private static func members(_ value: JSON, _ place: String) throws -> [JSON.Member] {
        guard let members = value.members else { throw RequestError.invalidField(name: place, expected: "an object") }
        return members
    }

    private static func list(_ value: JSON, _ place: String) throws -> [JSON] {
        guard let list = value.array else { throw RequestError.invalidField(name: place, expected: "a list") }
        return list
    }
}

extension TrafficRoute {
    /// The same as the initialiser, with the engine's error.
    fileprivate static func checked(
        arms: [Arm], shadows: [Shadow], stickiness: Stickiness, goals: [String: Goal]
    ) throws(EngineError) -> TrafficRoute {
        do throws(TrafficError) {
            return try TrafficRoute(arms: arms, shadows: shadows, stickiness: stickiness, goals: goals)
        } catch {
            throw .traffic(error)
        }
    }
}
