internal import Dispatch
internal import HTTPTypes
internal import Synchronization
internal import UmbelEngine
internal import UmbelHTTP
internal import UmbelPOSIX

/// Runs copies of requests for shadow arms, one after the other, on a thread of the lowest priority. Answers are thrown away
/// and measured. When too many wait, further ones are dropped and counted: a shadow never slows the traffic down.
final class Shadows: Sendable {
    private static let waitingLimit = 64

    private struct Copy: Sendable {
        let live: LiveRoute
        let shadow: String
        let answer: @Sendable () throws -> Response
    }

    private struct State {
        var waiting: [Copy] = []
        var isRunning = false
    }

    private let state = Mutex(State())

    /// - Parameter answer: makes the shadow's response; called later, on the shadows' thread.
    func submit(_ live: LiveRoute, shadow: String, answer: @escaping @Sendable () throws -> Response) {
        let (isTaken, needsThread) = state.withLock { state in
            guard state.waiting.count < Self.waitingLimit else { return (false, false) }
            state.waiting.append(Copy(live: live, shadow: shadow, answer: answer))
            defer { state.isRunning = true }
            return (true, !state.isRunning)
        }
        if !isTaken { return live.experiment.dropped(by: shadow) }
        guard needsThread else { return }
        do throws(SystemError) {
            try Thread.start { [self] in
                Thread.lowerPriority()
                work()
            }
        } catch {
            dropAll()
        }
    }

    private func work() {
        while let copy = next() {
            let start = ContinuousClock.now
            let failed = !Self.run(copy)
            let elapsed = Int((ContinuousClock.now - start) / .microseconds(1))
            copy.live.experiment.answered(by: copy.shadow, microseconds: failed ? nil : elapsed)
        }
    }

    private func next() -> Copy? {
        state.withLock { state in
            guard !state.waiting.isEmpty else {
                state.isRunning = false
                return nil
            }
            return state.waiting.removeFirst()
        }
    }

    private func dropAll() {
        let dropped = state.withLock { state in
            defer { state = State() }
            return state.waiting
        }
        for copy in dropped { copy.live.experiment.dropped(by: copy.shadow) }
    }

    /// - Returns: whether the answer was one.
    private static func run(_ copy: Copy) -> Bool {
        do {
            let response = try copy.answer()
            try response.body.produce(to: { _ in })
            return response.status.kind != .serverError
        } catch {
            return false
        }
    }
}
