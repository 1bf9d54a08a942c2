/// What `SequentialTest` says of one arm at one look.
package struct SequentialComparison: Hashable, Sendable {
    package enum Decision: Hashable, Sendable {
        /// An arm has fewer than `SequentialTest.minimumCount` values.
        case tooFewValues
        /// Every value so far is the same in each arm; nothing to measure a difference by.
        case noVariance
        case undecided
        /// The arm's mean is higher than the control's.
        case higher
        /// The arm's mean is lower than the control's.
        case lower
    }

    /// The arm's mean minus the control's.
    package let difference: Double
    /// The confidence sequence for the difference at this look, for all comparisons together; nil while undecidable.
    package let interval: ClosedRange<Double>?
    /// Always valid, already multiplied by the number of comparisons, the smallest so far; compare it with the level.
    package let pValue: Double
    package let decision: Decision

    init(_ difference: Double, interval: ClosedRange<Double>?, pValue: Double, decision: Decision) {
        (self.difference, self.interval, self.pValue, self.decision) = (difference, interval, pValue, decision)
    }
}
