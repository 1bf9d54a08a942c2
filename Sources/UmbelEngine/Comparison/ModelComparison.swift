package import UmbelTensor

/// What differs between two models on one base, in numbers.
package struct ModelComparison: Sendable {
    /// The largest |a − b| and where it is.
    package struct Largest: Hashable, Sendable {
        package let change: Double
        package let tensor: String
        /// One index for each axis.
        package let index: [Int]
    }

    /// A tensor, or several together.
    package struct Part: Sendable {
        package let name: String
        package internal(set) var tensors = 0
        package internal(set) var sums = DifferenceSums()
        /// nil if nothing differs.
        package internal(set) var largest: Largest?

        init(_ name: String) { self.name = name }

        mutating func add(_ tensor: Tensor) {
            tensors += 1
            sums.add(tensor.sums)
            if let other = tensor.largest, other.change > largest?.change ?? 0 { largest = other }
        }
    }

    /// A tensor that at least one of the models changes.
    package struct Tensor: Sendable {
        /// "unet/conv_in.weight".
        package let name: String
        package let component: String
        package let block: String
        package let shape: [Int]
        package let sums: DifferenceSums
        /// Whether the base has it in that shape, so that changes are known.
        package let hasBase: Bool
        package let largest: Largest?
    }

    /// A tensor that the models have in different shapes, or that only one of them has.
    package struct Unmatched: Hashable, Sendable {
        package let name: String
        /// nil where the model does not have it.
        package let shapeA: [Int]?
        package let shapeB: [Int]?
    }

    package internal(set) var overall = Part("")
    /// In the order of the base, with every tensor of theirs.
    package internal(set) var components: [Part] = []
    /// In the order of the base; those of which a tensor is changed.
    package internal(set) var blocks: [Part] = []
    /// By relative distance, the largest first.
    package internal(set) var tensors: [Tensor] = []
    package internal(set) var unmatched: [Unmatched] = []
}

extension DifferenceSums {
    /// ‖a − b‖.
    package var distance: Double { squaresDistance.squareRoot() }

    /// ‖a − b‖ / ‖a‖; 0 if nothing differs, nil if a is zero and b is not.
    package var relativeDistance: Double? { Self.ratio(squaresDistance, squaresA) }

    /// ‖a − b‖ / ‖base‖; likewise.
    package var distanceToBaseNorm: Double? { Self.ratio(squaresDistance, squaresBase) }

    /// (a − base)·(b − base) / (‖a − base‖·‖b − base‖), from −1 to 1; nil if one of them is the base itself.
    package var cosine: Double? {
        guard squaresChangeA > 0, squaresChangeB > 0 else { return nil }
        // The root of the product is exact for equal changes, unless the product leaves the range of f64.
        let square = squaresChangeA * squaresChangeB
        let norms =
            square.isNormal ? square.squareRoot() : squaresChangeA.squareRoot() * squaresChangeB.squareRoot()
        return min(max(product / norms, -1), 1)
    }

    private static func ratio(_ squares: Double, _ whole: Double) -> Double? {
        if squares == 0 { return 0 }
        return whole > 0 ? squares.squareRoot() / whole.squareRoot() : nil
    }
}
