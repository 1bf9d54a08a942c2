package import UmbelModels

/// What draws: the engine's pipelines, or a test's stand-in.
package protocol Painter: Sendable {
    /// Can the base of that name draw?
    func canDraw(_ base: String) -> Bool

    /// Why it cannot; nil if it can, or nobody knows.
    func refusal(of base: String) -> ModelError?

    /// Draws, on the caller's thread and the threads of the pool.
    ///
    /// - Parameters:
    ///   - model: the model at the beginning, and those that take its place later.
    ///   - progress: is called after each step; `cancelled` thrown from it ends the drawing.
    func draw(
        _ request: DrawingRequest, with model: SteppedModel,
        progress: @escaping (DrawingProgress) throws(ModelError) -> Void
    ) throws(EngineError) -> [DrawnPicture]
}

extension Painter {
    package func refusal(of base: String) -> ModelError? { nil }
}

/// A model that may change on the way: each variant draws from its part of the steps on.
package struct SteppedModel: Sendable {
    package struct Stage: Sendable {
        package let variant: Variant
        /// The part of the steps that is done when it takes over, 0 to 1; the first one's is 0.
        package let from: Double

        package init(_ variant: Variant, from: Double = 0) {
            (self.variant, self.from) = (variant, from)
        }
    }

    /// At least one, ascending.
    package let stages: [Stage]

    package init(_ variant: Variant) { stages = [Stage(variant)] }

    /// - Precondition: at least one, ascending, the first from 0.
    package init(stages: [Stage]) {
        precondition(stages.first?.from == 0)
        self.stages = stages
    }

    /// The variant at the beginning.
    package var first: Variant { stages[0].variant }
}
