internal import HTTPTypes
internal import UmbelEngine
internal import UmbelHTTP
internal import UmbelTensor

/// What the model reference of a request came to. Every endpoint that takes a model gets its variant here, so that routes,
/// headers and counts are the same at every door.
struct ResolvedModel: Sendable {
    let variant: Variant

    /// The headers of every answer that comes of a variant. `X-Umbel-Arm` is added to whatever a routed request gets.
    ///
    /// `Server-Timing` is how long the request waited for a worker, and what has been spent on the variant's tensors so far:
    /// a download goes on merging what is missing after its head is sent.
    func headers(_ call: Call) -> HTTPFields {
        let merged = call.engine.cache.info(variant.id)?.mergeMilliseconds ?? 0
        let timing = "queue;dur=\(Self.text(call.queued)), merge;dur=\(Self.text(merged))"
        return [.variant: variant.id, .serverTiming: timing]
    }

    /// The same of an answer that was drawn: the queue is the one for drawings too, and what was merged was merged for this
    /// drawing.
    func headers(_ call: Call, _ times: DrawingStatus.Times) -> HTTPFields {
        let queued = call.queued + times.waiting.milliseconds
        let timing =
            "queue;dur=\(Self.text(queued)), merge;dur=\(Self.text(times.merging.milliseconds)), infer;dur=\(Self.text(times.drawing.milliseconds))"
        return [.variant: variant.id, .serverTiming: timing]
    }

    /// Milliseconds with three decimals.
    private static func text(_ milliseconds: Double) -> String { "\((milliseconds * 1000).rounded() / 1000)" }
}

extension Call {
    /// The model that a text means now: a reference, a route, or the id of a variant. A route's answer is counted for the
    /// arm that gives it.
    func model(_ text: String, dtype: DType? = nil) throws -> ResolvedModel {
        guard engine.base(text) == nil, let live = engine.traffic.route(text) else {
            return ResolvedModel(variant: try engine.variant(text, dtype: dtype))
        }
        let variant = try routed(live)
        guard let dtype, dtype != variant.model.dtype else { return ResolvedModel(variant: variant) }
        return ResolvedModel(variant: try engine.variant(variant.reference, dtype: dtype, held: live.contents))
    }

    func model(_ reference: ModelReference, dtype: DType? = nil) throws -> ResolvedModel {
        guard reference.terms.isEmpty else {
            return ResolvedModel(variant: try engine.variant(reference, dtype: dtype))
        }
        return try model(reference.base, dtype: dtype)
    }

    private func routed(_ live: LiveRoute) throws -> Variant {
        // A copy for a shadow is answered by that shadow and by nothing else.
        if let shadow, shadow.live.name == live.name { return try engine.variant(of: shadow.name, on: shadow.live) }
        let pick = try engine.pick(live, key: stickyKey(live.route.stickiness))
        trace.add(pick)
        return pick.variant
    }

    private func stickyKey(_ stickiness: TrafficRoute.Stickiness) -> String? {
        switch stickiness {
        case .none: nil
        case .user: user ?? query("user")
        case .header(let name): HTTPField.Name(name).flatMap { request.headers[$0] }
        }
    }

    /// Milliseconds from the arrival of the request's head to its route.
    var queued: Double { (begun - request.arrival).milliseconds }
}

extension Duration {
    var milliseconds: Double { self / .milliseconds(1) }
}
