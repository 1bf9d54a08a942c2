/// The integral behind `ProbabilityBest`, taken from left to right over panels in which every density is smooth.
///
/// In each panel the densities are evaluated once at the nodes of Gauss's rule; the same values give the distribution
/// functions there, carried along from the left end, and both together the integrand of every arm.
struct BestArmIntegral {
    private static let rule = GaussLegendre.eight

    private let posteriors: [Posterior]
    private let direction: ProbabilityBest.Direction
    /// F of each arm at the left end of the panel.
    private var reached: [Double] = []
    /// By arm and node: f times half the panel's width, and F.
    private var density: [[Double]]
    private var below: [[Double]]
    private var wins: [Double]

    init(_ posteriors: [Posterior], _ direction: ProbabilityBest.Direction) {
        self.posteriors = posteriors
        self.direction = direction
        density = posteriors.map { _ in Self.rule.nodes }
        below = density
        wins = posteriors.map { _ in 0 }
    }

    /// In the order of the posteriors; together 1.
    consuming func probabilities() -> [Double] {
        let edges = edges()
        reached = posteriors.map { $0.cumulative(edges[0]) }
        for (start, end) in zip(edges, edges.dropFirst()) {
            for arm in posteriors.indices { evaluate(arm, from: start, to: end) }
            for node in Self.rule.nodes.indices { addWins(at: node) }
        }
        let total = wins.reduce(0, +)
        return total > 0 ? wins.map { $0 / total } : wins.map { _ in 1 / Double(wins.count) }
    }

    private mutating func evaluate(_ arm: Int, from start: Double, to end: Double) {
        let rule = Self.rule
        let half = (end - start) / 2
        for node in rule.nodes.indices {
            density[arm][node] = half * posteriors[arm].density(start + half * (1 + rule.nodes[node]))
        }
        for node in rule.nodes.indices {
            var sum = reached[arm]
            for other in rule.nodes.indices { sum += rule.partial[node][other] * density[arm][other] }
            below[arm][node] = sum
        }
        for node in rule.nodes.indices { reached[arm] += rule.weights[node] * density[arm][node] }
    }

    /// fᵢ·Πⱼ≠ᵢ P(j is worse) at one node.
    private mutating func addWins(at node: Int) {
        let chances = below.map { min(max(direction == .higher ? $0[node] : 1 - $0[node], 0), 1) }
        for arm in posteriors.indices {
            var product = Self.rule.weights[node] * density[arm][node]
            for other in chances.indices where other != arm { product *= chances[other] }
            wins[arm] += product
        }
    }

    /// The edges of all, without those that are closer to the one before than half of what both of them allow.
    private func edges() -> [Double] {
        let all = posteriors.flatMap(\.edges).sorted { $0.x < $1.x }
        var kept: [Posterior.Edge] = []
        for edge in all {
            if let last = kept.last, edge.x - last.x < 0.5 * min(edge.width, last.width) { continue }
            kept.append(edge)
        }
        // The last one closes the last panel, however narrow.
        if let end = all.last, let last = kept.last, end.x > last.x { kept.append(end) }
        return kept.map(\.x)
    }
}
