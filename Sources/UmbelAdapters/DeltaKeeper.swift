package import UmbelTensor

/// Names what an additive patch adds, before any strength.
package struct DeltaKey: Hashable, Sendable {
    /// `Binding.source` of the adapter.
    package let source: String
    /// Index in `Binding.patches`.
    package let patch: Int

    package init(source: String, patch: Int) {
        self.source = source
        self.patch = patch
    }
}

/// Keeps what additive patches add between merges, so that a merge at another strength is one pass over memory.
///
/// y += factor · value is the last step of every `Delta.add`, so a merge with kept values has the bits of one without.
package protocol DeltaKeeper: Sendable {
    /// The values of `delta`, kept or written out now; nil if they are to be computed in passing.
    func values(of delta: any Delta, _ key: DeltaKey, strength: Double, pool: ComputePool) -> Matrix?
}
