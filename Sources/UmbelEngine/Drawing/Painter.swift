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
    ///   - share: what the drawings of the job have in common.
    ///   - checkpoint: is called as often as the painter can stop; `cancelled` thrown from it ends the drawing.
    ///   - progress: is called after each step; what it throws ends the drawing too.
    func draw(
        _ request: DrawingRequest, with model: SteppedModel, sharing share: DrawingShare,
        checkpoint: @escaping DrawingWatch.Checkpoint, progress: @escaping DrawingWatch.Progress
    ) throws(EngineError) -> [DrawnPicture]

    /// What the networks of each base take that has drawn.
    var memory: [LayerMemory] { get }

    /// Lets go of what is kept of a variant for its next drawing.
    func forget(variant id: String)
}

extension Painter {
    package var memory: [LayerMemory] { [] }

    package func forget(variant _: String) {}
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
    /// Words that prompts may use, as they were when the drawing was asked for.
    package let words: PromptWords

    package init(_ variant: Variant, words: PromptWords = PromptWords()) {
        self.init(stages: [Stage(variant)], words: words)
    }

    /// - Precondition: at least one, ascending, the first from 0.
    package init(stages: [Stage], words: PromptWords = PromptWords()) {
        precondition(stages.first?.from == 0)
        self.stages = stages
        self.words = words
    }

    /// The variant at the beginning.
    package var first: Variant { stages[0].variant }
}
