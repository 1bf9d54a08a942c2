internal import UmbelTensor

/// Who watches a drawing, and may end it.
package struct DrawingWatch {
    package typealias Checkpoint = () throws(ModelError) -> Void
    package typealias Progress = (DrawingProgress) throws(ModelError) -> Void

    /// Asked again and again within a step: between the parts of a network, while texts are encoded and pictures decoded.
    /// Throws `cancelled` when nobody wants the pictures any more.
    let checkpoint: Checkpoint
    /// Told when a group of pictures begins and after each step. What it throws ends the drawing.
    let progress: Progress

    package init(checkpoint: @escaping Checkpoint, progress: @escaping Progress) {
        (self.checkpoint, self.progress) = (checkpoint, progress)
    }

    /// A pass through a network that ends when the checkpoint throws.
    func pass(_ pool: ComputePool) -> ForwardPass {
        ForwardPass(pool: pool) { (_, _) throws(ModelError) in try checkpoint() }
    }
}
