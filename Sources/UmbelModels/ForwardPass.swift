package import UmbelTensor

/// What a network computes on, and who watches it.
///
/// Whoever watches sees the output of each part as soon as it is there, and may end the pass by throwing
/// `ModelError.cancelled`.
package struct ForwardPass {
    /// Called with a part's path in diffusers' words ("down_blocks.0.resnets.1") and its output.
    package typealias Observer = (_ part: String, _ output: FeatureMap) throws(ModelError) -> Void

    package let pool: ComputePool
    private let observer: Observer?

    package init(pool: ComputePool, observer: Observer? = nil) {
        self.pool = pool
        self.observer = observer
    }

    /// - Throws: what the observer throws.
    func finished(_ part: @autoclosure () -> String, _ output: FeatureMap) throws(ModelError) {
        guard let observer else { return }
        try observer(part(), output)
    }
}
