/// How much a patch can change a weight at strength 1: |ΔW| ≤ absolute + relative · max|W|, element by element. Cheap to
/// state from the factors alone, so that most adapters are known to stay finite without being run.
package struct ChangeBound: Hashable, Sendable {
    package let absolute: Double
    package let relative: Double

    package init(absolute: Double = 0, relative: Double = 0) {
        self.absolute = absolute
        self.relative = relative
    }

    /// The patch changes nothing.
    package var isZero: Bool { absolute == 0 && relative == 0 }
}

extension Array where Element == Float {
    /// Largest magnitude; 0 for an empty list.
    var largestMagnitude: Double { Double(reduce(0) { Swift.max($0, abs($1)) }) }
}
