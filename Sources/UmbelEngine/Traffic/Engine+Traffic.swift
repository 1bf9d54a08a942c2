package import UmbelRegistry
internal import UmbelTensor

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
    ///
    /// - Parameter held: contents as they were settled for a generation that is gone back to.
    package func putRoute(
        _ name: String, _ route: TrafficRoute, warm: Bool, held: [HeldContent] = [],
        check: (LiveRoute?) throws(EngineError) -> Void
    ) throws(EngineError) -> (live: LiveRoute, isNew: Bool) {
        try checkRouteName(name)
        // What will be refused anyway is refused before anything is merged; the table checks again.
        try check(traffic.route(name))
        var pinned = route
        var variants: [String: Variant] = [:]
        for index in route.arms.indices {
            let arm = route.arms[index]
            let variant = try armVariant(arm.model, arm.served, of: arm.name, held)
            variants[arm.name] = variant
            pinned.arms[index].model = variant.reference.text
            pinned.arms[index].served = variant.served
        }
        for index in route.shadows.indices {
            let shadow = route.shadows[index]
            let variant = try armVariant(shadow.model, shadow.served, of: shadow.name, held)
            variants[shadow.name] = variant
            pinned.shadows[index].model = variant.reference.text
            pinned.shadows[index].served = variant.served
        }
        if warm { try self.warm(Array(variants.values)) }
        var contents = Set(held)
        if held.isEmpty {
            for variant in variants.values { contents.formUnion(try heldContents(of: variant.reference)) }
        }
        return try traffic.put(name, pinned, variants: variants, contents: Array(contents), check: check)
    }

    private func checkRouteName(_ name: String) throws(EngineError) {
        guard Name.isValid(name) else { throw .invalidName(name) }
        let looksLikeVariant = name.utf8.count == 40 && name.utf8.allSatisfy(Name.isHexadecimal)
        let isTaken = base(name) != nil || adapters.record(name) != nil || name == Self.defaultChain
        if isTaken || looksLikeVariant { throw .traffic(.nameTaken(name)) }
    }

    private func armVariant(
        _ model: String, _ served: TrafficRoute.Served?, of arm: String, _ held: [HeldContent]
    ) throws(EngineError) -> Variant {
        if let served { return try variant(model, served, held) }
        if base(model) == nil, traffic.route(model) != nil { throw .traffic(.armIsRoute(arm: arm, route: model)) }
        return try variant(model)
    }

    /// What a stored arm was made for, to the byte.
    private func variant(
        _ model: String, _ served: TrafficRoute.Served, _ held: [HeldContent]
    ) throws(EngineError) -> Variant {
        let dtype = served.dtype.flatMap(DType.init(rawValue:))
        let variant = try variant(Self.stored(model), dtype: dtype, held: held)
        // Another base under the old name: not what the route promises.
        guard variant.id == served.variant else { throw .variantGone(id: served.variant, reference: model) }
        return variant
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
        let target: (record: RouteRecord, route: TrafficRoute)
        if let generation {
            guard let found = history.first(where: { $0.record.generation == generation }) else {
                throw .traffic(.unknownGeneration(route: name, generation: generation))
            }
            target = found
        } else {
            guard let found = history.first(where: { $0.route != history.first?.route }) else {
                throw .traffic(.nothingToRollBack(route: name))
            }
            target = found
        }
        let seen = history.first?.record.generation
        return try putRoute(name, target.route, warm: true, held: target.record.contents) {
            (current) throws(EngineError) in
            try check(current)
            // What is gone back from must be what was looked at.
            guard current?.generation == seen else {
                throw .traffic(.preconditionFailed(route: name, generation: current?.generation))
            }
        }.live
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
        let variant = try live.variant(of: arm) { (model, served) throws(EngineError) in
            if let served { return try self.variant(model, served, live.contents) }
            return try self.variant(Self.stored(model), held: live.contents)
        }
        return try cache.use(variant.id) { variant }
    }

    /// A reference that was written here: pinned to digests, it may be longer than clients' are.
    private static func stored(_ model: String) throws(EngineError) -> ModelReference {
        do throws(ReferenceError) {
            return try ModelReference(model, lengthLimit: .max)
        } catch {
            throw .reference(error)
        }
    }

    /// Routes in force that send traffic to what an adapter's name points to, and `default` if its chain uses the name.
    package func routes(using record: AdapterRecord) -> [String] {
        let chain = (try? defaultReference())?.terms.contains { $0.adapter == record.name } ?? false
        return (chain ? [Self.defaultChain] : [])
            + traffic.all().filter { live in
                (live.route.arms.map(\.model) + live.route.shadows.map(\.model)).contains { model in
                    (try? Self.stored(model))?.uses(adapter: record.name, content: record.digest) ?? false
                }
            }.map(\.name)
    }
}

extension Variant {
    fileprivate var served: TrafficRoute.Served { .init(variant: id, dtype: model.dtype?.rawValue) }
}
