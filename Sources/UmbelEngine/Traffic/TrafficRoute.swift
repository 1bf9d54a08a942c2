internal import UmbelFormats

/// A stable name that sends traffic to models by weight. What clients ask for; `TrafficTable` makes it live.
package struct TrafficRoute: Hashable, Sendable {
    /// One of the models that share a route's traffic.
    package struct Arm: Hashable, Sendable {
        package let name: String
        /// A model reference; in a stored route every adapter is pinned to the digest it had.
        package var model: String
        /// What the model was when the route was made; nil before.
        package var served: Served?
        /// Share of the traffic, relative to the other arms. Not negative.
        package let weight: Double

        package init(name: String, model: String, weight: Double, served: Served? = nil) {
            self.name = name
            self.model = model
            self.weight = weight
            self.served = served
        }
    }

    /// The variant that an arm's model was resolved to.
    package struct Served: Hashable, Sendable {
        package let variant: String
        /// The type that everything is converted to; nil for the base's own.
        package let dtype: String?

        package init(variant: String, dtype: String?) {
            self.variant = variant
            self.dtype = dtype
        }
    }

    /// A model that gets copies of requests. Its answers are measured and thrown away.
    package struct Shadow: Hashable, Sendable {
        package let name: String
        package var model: String
        package var served: Served?
        /// The part of the requests that is copied, from 0 to 1.
        package let share: Double

        package init(name: String, model: String, share: Double, served: Served? = nil) {
            self.name = name
            self.model = model
            self.share = share
            self.served = served
        }
    }

    /// What makes requests belong together, so that the same arm answers them.
    package enum Stickiness: Hashable, Sendable {
        case none
        case user
        /// The value of a request header.
        case header(String)
    }

    /// Which way a metric is better.
    package enum Goal: String, Hashable, Sendable {
        case higher, lower
    }

    package var arms: [Arm]
    package var shadows: [Shadow]
    package let stickiness: Stickiness
    /// Goals of metrics by name; the others are better when they are higher.
    package let goals: [String: Goal]

    package static let armLimit = 64

    /// - Throws: `TrafficError` for a name that is none or is given twice, for weights that are no shares.
    package init(
        arms: [Arm], shadows: [Shadow] = [], stickiness: Stickiness = .none, goals: [String: Goal] = [:]
    ) throws(TrafficError) {
        guard !arms.isEmpty else { throw .noArms }
        guard arms.count + shadows.count <= Self.armLimit else { throw .tooManyArms(limit: Self.armLimit) }
        var names: Set<String> = []
        for name in arms.map(\.name) + shadows.map(\.name) {
            guard Name.isValid(name) else { throw .invalidArmName(name) }
            guard names.insert(name).inserted else { throw .duplicateArm(name) }
        }
        for arm in arms where !(0...1e9).contains(arm.weight) { throw .invalidWeight(arm: arm.name) }
        guard arms.contains(where: { $0.weight > 0 }) else { throw .noTraffic }
        for shadow in shadows where !(0...1).contains(shadow.share) { throw .invalidShare(shadow: shadow.name) }
        self.arms = arms
        self.shadows = shadows
        self.stickiness = stickiness
        self.goals = goals
    }

    /// The part of the traffic that each arm is to get, in their order.
    package var shares: [Double] {
        let total = arms.reduce(0) { $0 + $1.weight }
        return arms.map { $0.weight / total }
    }

    /// Is what was measured on the other route comparable? Weights may differ and shadows come and go; arms may not, nor
    /// what a name serves.
    package func continues(_ other: TrafficRoute) -> Bool {
        func content(_ arm: Arm) -> [String] { [arm.name, arm.served?.variant ?? arm.model] }
        func content(_ shadow: Shadow) -> String { shadow.served?.variant ?? shadow.model }
        let known = Dictionary(other.shadows.map { ($0.name, content($0)) }, uniquingKeysWith: { first, _ in first })
        return Set(arms.map(content)) == Set(other.arms.map(content)) && stickiness == other.stickiness
            && shadows.allSatisfy { known[$0.name] == nil || known[$0.name] == content($0) }
    }
}

/// Why a route is not taken or not found.
package enum TrafficError: Error, Hashable, Sendable {
    case noArms
    case tooManyArms(limit: Int)
    case invalidArmName(String)
    case duplicateArm(String)
    case invalidWeight(arm: String)
    case invalidShare(shadow: String)
    /// Every weight is 0.
    case noTraffic
    /// A base has the name, or the name looks like a variant's id.
    case nameTaken(String)
    /// An arm's model is another route.
    case armIsRoute(arm: String, route: String)
    case unknownRoute(String)
    case unknownArm(route: String, arm: String)
    case unknownGeneration(route: String, generation: Int)
    case nothingToRollBack(route: String)
    case preconditionFailed(route: String, generation: Int?)
    /// No request of that id was answered by the route, as far as is remembered.
    case unknownRequest(route: String, request: String)
    case adapterInUse(adapter: String, routes: [String])
    case invalidMetric(String)
    case tooManyMetrics(limit: Int)
}
