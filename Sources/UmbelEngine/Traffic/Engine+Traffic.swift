package import UmbelRegistry

/// What a route answered a request with.
package struct Pick: Sendable {
    package let live: LiveRoute
    package let arm: String
    package let variant: Variant
    /// Shadows that get a copy of the request.
    package let shadows: [String]
}

extension Engine {
    /// Makes a route of what a client asks for: every arm is resolved and, if asked, merged before the change is made.
    ///
    /// - Throws: for an arm that is no model or cannot be merged; the route in force stays.
    package func putRoute(
        _ name: String, _ route: TrafficRoute, warm: Bool, check: (LiveRoute?) throws(EngineError) -> Void
    ) throws(EngineError) -> (live: LiveRoute, isNew: Bool) {
        try checkRouteName(name)
        // What will be refused anyway is refused before anything is merged; the table checks again.
        try check(traffic.route(name))
        var pinned = route
        var variants: [String: Variant] = [:]
        for index in route.arms.indices {
            let arm = route.arms[index]
            variants[arm.name] = try armVariant(arm.model, of: arm.name)
            pinned.arms[index].model = variants[arm.name]?.reference.text ?? arm.model
        }
        for index in route.shadows.indices {
            let shadow = route.shadows[index]
            variants[shadow.name] = try armVariant(shadow.model, of: shadow.name)
            pinned.shadows[index].model = variants[shadow.name]?.reference.text ?? shadow.model
        }
        if warm { try self.warm(Array(variants.values)) }
        var contents: Set<HeldContent> = []
        for variant in variants.values { contents.formUnion(try heldContents(of: variant.reference)) }
        return try traffic.put(name, pinned, variants: variants, contents: Array(contents), check: check)
    }

    private func checkRouteName(_ name: String) throws(EngineError) {
        guard Name.isValid(name) else { throw .invalidName(name) }
        let looksLikeVariant = name.utf8.count == 40 && name.utf8.allSatisfy(Name.isHexadecimal)
        if base(name) != nil || looksLikeVariant { throw .traffic(.nameTaken(name)) }
    }

    private func armVariant(_ model: String, of arm: String) throws(EngineError) -> Variant {
        if base(model) == nil, traffic.route(model) != nil { throw .traffic(.armIsRoute(arm: arm, route: model)) }
        return try variant(model)
    }

    /// Merges what the variants touch. One that is too large to be resident is served as it is asked for.
    private func warm(_ variants: [Variant]) throws(EngineError) {
        for variant in variants { _ = try cache.makeResident(variant) }
    }

    /// Resolves and merges what the stored routes serve, as after a start.
    ///
    /// - Parameter onFault: told of each arm that cannot be had; requests for it fail with the same error.
    package func warmRoutes(onFault: (_ route: String, _ arm: String, EngineError) -> Void) {
        for live in traffic.all() {
            for arm in live.armNames {
                do throws(EngineError) {
                    try warm([try variant(of: arm, on: live)])
                } catch {
                    onFault(live.name, arm, error)
                }
            }
        }
    }

    /// Goes back to an earlier generation, as a new one.
    ///
    /// - Parameter generation: nil for the one before the one in force.
    package func rollBackRoute(
        _ name: String, to generation: Int?, check: (LiveRoute?) throws(EngineError) -> Void
    ) throws(EngineError) -> LiveRoute {
        let history = try traffic.history(of: name)
        let target: TrafficRoute
        if let generation {
            guard let found = history.first(where: { $0.record.generation == generation }) else {
                throw .traffic(.unknownGeneration(route: name, generation: generation))
            }
            target = found.route
        } else {
            guard let found = history.first(where: { $0.route != history.first?.route }) else {
                throw .traffic(.nothingToRollBack(route: name))
            }
            target = found.route
        }
        return try putRoute(name, target, warm: true, check: check).live
    }

    /// The arm that answers a request, counted.
    ///
    /// - Parameter key: what the route's stickiness goes by; nil if the request has none.
    package func pick(_ live: LiveRoute, key: String?) throws(EngineError) -> Pick {
        var generator = SystemRandomNumberGenerator()
        let arms = live.route.arms
        let key = live.route.stickiness == .none ? nil : key
        let index =
            key.map { Assignment.arm(of: $0, route: live.name, arms: arms) }
            ?? Assignment.random(arms, using: &generator)
        guard let index else { throw .traffic(.noTraffic) }
        live.experiment.assigned(
            index, key: key.map { Assignment.hash(of: $0, route: live.name) }, generation: live.generation, arms: arms)
        let shadows = live.route.shadows.filter { shadow in
            let position =
                key.map { Assignment.position(of: $0, route: live.name, shadow: shadow.name) }
                ?? Double.random(in: 0..<1, using: &generator)
            return position < shadow.share
        }
        let arm = arms[index].name
        do throws(EngineError) {
            let variant = try variant(of: arm, on: live)
            return Pick(live: live, arm: arm, variant: variant, shadows: shadows.map(\.name))
        } catch {
            // After a start, an arm may need a base that is not there any more.
            live.experiment.answered(by: arm, microseconds: nil)
            throw error
        }
    }

    /// What an arm or a shadow of a route serves, known to the cache.
    package func variant(of arm: String, on live: LiveRoute) throws(EngineError) -> Variant {
        let variant = try live.variant(of: arm) { (model) throws(EngineError) in try self.variant(model) }
        return try cache.use(variant.id) { variant }
    }

    /// Routes in force that send traffic to what an adapter's name points to.
    package func routes(using record: AdapterRecord) -> [String] {
        traffic.all().filter { live in
            (live.route.arms.map(\.model) + live.route.shadows.map(\.model)).contains { model in
                (try? ModelReference(model))?.uses(adapter: record.name, content: record.digest) ?? false
            }
        }.map(\.name)
    }
}
