/// Whether what an additive patch adds is written out and kept, so that another strength is one pass over memory.
///
/// Kept values cost four bytes an element, twice the merged tensor in 16 bits, and are read in every merge that uses them. So
/// they are kept only of adapters that were asked for at a second strength already, only where computing a value takes
/// longer than reading it, and only within a share of the cache.
package struct DeltaPolicy: Hashable, Sendable {
    /// Bytes of kept values at most.
    package let budget: Int

    /// Multiply-adds for a value from which keeping it pays, by `umbel-bench scale` (docs/benchmarks.md): up to 16 the
    /// product is about as fast as the read, from 33 on it takes longer in every run.
    package static let leastWork = 24.0

    package init(budget: Int) {
        self.budget = budget
    }

    /// - Parameters:
    ///   - work: multiply-adds for one value (`Delta.work`).
    ///   - bytes: of the values of the patch.
    ///   - isRepeated: the same adapter was merged into the same base at another strength before.
    package func keeps(work: Double, bytes: Int, isRepeated: Bool) -> Bool {
        isRepeated && work >= Self.leastWork && bytes <= budget
    }
}
