/// A way to make one difference of several adapters' ones, put together from what is combined, how each part is thinned
/// out, how the parts are merged, and whether the result is cut to a rank. `all` is the only place that names them.
package struct CombinationMethod: Sendable {
    /// What is combined.
    package enum Space: Sendable {
        /// The differences ΔW themselves.
        case differences
        /// PEFT's A and B apart from each other, so that the product has cross terms.
        case factors
        /// The pairs put side by side: Σ w·s·B·A as one product.
        case concatenation
        /// The trained vectors of (IA)³.
        case vectors
    }

    /// What is left of each part before they are merged.
    package enum Pruning: Sendable {
        case none
        /// The elements of largest magnitude.
        case magnitude
        /// Elements drawn at random, divided by the density.
        case random
    }

    package enum Merging: Sendable {
        /// Σ w·x
        case sum
        /// The mean of those w·x of which x has the elected sign.
        case election
    }

    package let name: String
    package let space: Space
    package let pruning: Pruning
    package let merging: Merging
    /// Is the result cut to a rank by its singular values?
    package let isCut: Bool
    /// Does it follow `add_weighted_adapter` of PEFT, with what that refuses and with its scale?
    package let followsPEFT: Bool
    package let options: [CombinationOption]

    private init(
        _ name: String, of space: Space = .differences, _ pruning: Pruning = .none, _ merging: Merging = .sum,
        isCut: Bool = false
    ) {
        self.name = name
        self.space = space
        self.pruning = pruning
        self.merging = merging
        self.isCut = isCut
        followsPEFT = name.hasPrefix("peft_")
        options =
            (pruning == .none ? [] : [.density]) + (merging == .election ? [.majoritySign] : [])
            + (pruning == .random ? [.seed] : []) + (isCut ? [.rank] : [])
    }

    package static let all = [
        CombinationMethod("sum"),
        CombinationMethod("cat", of: .concatenation),
        CombinationMethod("svd", isCut: true),
        CombinationMethod("ties", .magnitude, .election),
        CombinationMethod("dare_linear", .random),
        CombinationMethod("dare_ties", .random, .election),
        CombinationMethod("magnitude_prune", .magnitude),
        // What PEFT's add_weighted_adapter gives, losses included.
        CombinationMethod("peft_linear", of: .factors),
        CombinationMethod("peft_cat", of: .concatenation),
        CombinationMethod("peft_svd", isCut: true),
        CombinationMethod("peft_ties", of: .factors, .magnitude, .election),
        CombinationMethod("peft_dare_linear", of: .factors, .random),
        CombinationMethod("peft_dare_ties", of: .factors, .random, .election),
        CombinationMethod("peft_magnitude_prune", of: .factors, .magnitude),
        CombinationMethod("peft_ties_svd", .magnitude, .election, isCut: true),
        CombinationMethod("peft_dare_linear_svd", .random, isCut: true),
        CombinationMethod("peft_dare_ties_svd", .random, .election, isCut: true),
        CombinationMethod("peft_magnitude_prune_svd", .magnitude, isCut: true),
        CombinationMethod("peft_ia3", of: .vectors),
    ]

    package static func named(_ name: String) -> CombinationMethod? { all.first { $0.name == name } }
}

extension CombinationMethod: Hashable {
    package static func == (left: CombinationMethod, right: CombinationMethod) -> Bool { left.name == right.name }

    package func hash(into hasher: inout Hasher) { hasher.combine(name) }
}
