internal import Synchronization
package import UmbelRegistry

/// A generation of a route that takes traffic. Immutable: a re-point puts another one in its place, and requests under way
/// go on with this one.
package final class LiveRoute: Sendable {
    package let name: String
    package let generation: Int
    /// Seconds since 1970.
    package let created: Int
    /// Every adapter is pinned to a digest.
    package let route: TrafficRoute
    package let experiment: Experiment
    /// What it needs of adapters, as it was settled when the route was made.
    package let contents: [HeldContent]
    /// Of arms and shadows by name, as they are resolved: at once when a route is made, at first use after a start.
    private let variants: Mutex<[String: Variant]>

    package init(
        name: String, generation: Int, created: Int, route: TrafficRoute, experiment: Experiment,
        contents: [HeldContent], variants: [String: Variant] = [:]
    ) {
        self.name = name
        self.generation = generation
        self.created = created
        self.route = route
        self.experiment = experiment
        self.contents = contents
        self.variants = Mutex(variants)
    }

    /// Model of an arm or a shadow.
    package func model(of arm: String) -> String? {
        route.arms.first { $0.name == arm }?.model ?? route.shadows.first { $0.name == arm }?.model
    }

    /// What the arm or shadow was resolved to when the route was made.
    private func served(by arm: String) -> TrafficRoute.Served? {
        route.arms.first { $0.name == arm }?.served ?? route.shadows.first { $0.name == arm }?.served
    }

    /// What an arm or a shadow serves.
    ///
    /// - Parameter resolve: makes a variant of the arm's pinned reference.
    package func variant(
        of arm: String, resolve: (String, TrafficRoute.Served?) throws(EngineError) -> Variant
    ) throws(EngineError) -> Variant {
        if let known = knownVariant(of: arm) { return known }
        guard let model = model(of: arm) else { throw .traffic(.unknownArm(route: name, arm: arm)) }
        let variant = try resolve(model, served(by: arm))
        variants.withLock { $0[arm] = variant }
        return variant
    }

    /// The arm's variant if it has been resolved.
    package func knownVariant(of arm: String) -> Variant? { variants.withLock { $0[arm] } }

    package var armNames: [String] { route.arms.map(\.name) + route.shadows.map(\.name) }
}
