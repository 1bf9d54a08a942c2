import Dispatch
import Synchronization
import UmbelEngine
import UmbelModels
import UmbelPOSIX

/// Draws a pattern that follows from the request and the variants, and nothing else.
package final class StandInPainter: Painter {
    /// Signalled before each step of a stepwise drawing is told of.
    package let arrived = DispatchSemaphore(value: 0)
    /// A stepwise drawing waits for it before each step.
    package let gate = DispatchSemaphore(value: 0)
    private let isStepwise: Bool
    private let unable: Set<String>
    private let seen = Mutex<[(request: DrawingRequest, share: DrawingShare)]>([])

    /// Pixels of a side where a request has none.
    package static let side = 16

    /// - Parameters:
    ///   - isStepwise: each step waits for `gate`.
    ///   - unable: bases that do not draw.
    package init(isStepwise: Bool = false, unable: Set<String> = []) {
        self.isStepwise = isStepwise
        self.unable = unable
    }

    /// What was drawn, in order.
    package var requests: [DrawingRequest] { seen.withLock { $0.map(\.request) } }
    /// What each had in common with others.
    package var shares: [DrawingShare] { seen.withLock { $0.map(\.share) } }

    package func canDraw(_ base: String) -> Bool { !unable.contains(base) }

    package func draw(
        _ request: DrawingRequest, with model: SteppedModel, sharing share: DrawingShare,
        checkpoint: DrawingWatch.Checkpoint, progress: DrawingWatch.Progress
    ) throws(EngineError) -> [DrawnPicture] {
        seen.withLock { $0.append((request, share)) }
        if request.sampler == "none" {
            throw .drawing(.request(field: "sampler", value: "none", expected: "another"))
        }
        let picture = Self.picture(request, model, number: 0)
        for step in 1...request.steps {
            arrived.signal()
            // Bounded, so that a test that fails does not hang.
            if isStepwise { _ = gate.wait(timeout: .now() + 30) }
            do {
                try checkpoint()
                try progress(DrawingProgress(step: step, steps: request.steps, preview: { picture }))
            } catch {
                throw .drawing(error)
            }
        }
        return (0..<request.count).map { Self.picture(request, model, number: $0) }
    }

    private static func picture(_ request: DrawingRequest, _ model: SteppedModel, number: Int) -> DrawnPicture {
        let seed = request.seeding == .each ? request.seed &+ UInt64(number) : request.seed
        let stages = model.stages.map { "\($0.variant.id)@\($0.from)" }
        let text = "\(request.prompt)|\(request.steps)|\(request.guidance)|\(seed)|\(number)|\(stages)"
        let pattern = Array(SHA256.hex(of: text).utf8)
        let (width, height) = (request.width ?? side, request.height ?? side)
        let pixels = (0..<width * height * 3).map { pattern[$0 % pattern.count] }
        return DrawnPicture(width: width, height: height, pixels: pixels, seed: seed)
    }
}
