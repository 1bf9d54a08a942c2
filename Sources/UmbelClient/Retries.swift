internal import UmbelPOSIX

/// How often a server that says "not now" (503 with `Retry-After`) is asked again. Only what changes nothing is repeated:
/// GET and HEAD.
package struct Retries: Sendable {
    /// Tries in all.
    package var attempts = 4
    /// The longest time, in seconds, that is waited before one try; a server that wants more is not asked again.
    package var longestWait = 30
    /// Waits for so many seconds.
    package var wait: @Sendable (Int) -> Void = { Thread.sleep(seconds: Double($0)) }

    package init() {}

    /// - Parameter attempt: the tries so far.
    /// - Returns: seconds to wait before the next try; nil if there is none.
    func pause(after refusal: ServerRefusal, method: String, attempt: Int) -> Int? {
        guard ["GET", "HEAD"].contains(method), attempt < attempts, refusal.status == 503,
            let seconds = refusal.retryAfter, seconds <= longestWait
        else { return nil }
        return seconds
    }
}
