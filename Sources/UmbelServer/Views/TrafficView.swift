internal import UmbelEngine
internal import UmbelFormats
internal import UmbelRegistry

/// Routes as JSON.
enum TrafficView {
    static func object(_ live: LiveRoute, _ engine: Engine) -> JSON {
        let shares = live.route.shares
        let arms = zip(live.route.arms, shares).map { arm, share -> JSON in
            .object(
                head(arm.name, arm.model, live, engine) + [
                    .init("weight", JSON(arm.weight)), .init("share", JSON(share)),
                ])
        }
        var members: [JSON.Member] = [
            .init("name", JSON(live.name)), .init("generation", JSON(live.generation)),
            .init("experiment", JSON(live.experiment.number)), .init("created", .string(text(live.created))),
            .init("sticky", JSON(live.route.stickiness.text)), .init("arms", .array(arms)),
            .init(
                "shadow",
                .array(
                    live.route.shadows.map { shadow in
                        .object(
                            head(shadow.name, shadow.model, live, engine) + [.init("share", JSON(shadow.share))])
                    })),
        ]
        if let goals = live.route.json["goals"] { members.append(.init("goals", goals)) }
        return .object(members)
    }

    /// The route as an entry of `/v1/models`.
    static func model(_ live: LiveRoute, _ engine: Engine) -> JSON {
        .object(
            [
                .init("id", JSON(live.name)), .init("object", "model"), .init("created", JSON(live.created)),
                .init("owned_by", "umbel"), .init("root", JSON(live.name)), .init("parent", .null),
            ] + (object(live, engine).members ?? []).filter { !["name", "created"].contains($0.name) })
    }

    private static func head(_ name: String, _ model: String, _ live: LiveRoute, _ engine: Engine) -> [JSON.Member] {
        // Looking is no use: what is known is not asked for again.
        let variant = live.knownVariant(of: name) ?? (try? engine.variant(of: name, on: live))
        return [
            .init("name", JSON(name)), .init("model", JSON(model)), .init("variant", JSON(variant?.id)),
            .init(
                "state",
                .string(
                    variant.flatMap { engine.cache.info($0.id)?.state.rawValue }
                        ?? (variant == nil ? "unavailable" : "partial"))),
        ]
    }

    /// One entry of a route's history.
    static func generation(_ record: RouteRecord, _ route: TrafficRoute, current: Int) -> JSON {
        .object(
            [
                .init("generation", JSON(record.generation)), .init("experiment", JSON(record.experiment)),
                .init("created", .string(text(record.created))),
                .init("current", .bool(record.generation == current)),
            ] + (route.json.members ?? []))
    }

    private static func text(_ seconds: Int) -> String { Date(seconds: seconds).text }
}
