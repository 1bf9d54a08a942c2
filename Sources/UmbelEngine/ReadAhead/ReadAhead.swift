internal import Synchronization
package import UmbelTensor

/// What all responses together may have merged before it is due: with that much in hand the next tensors are merged while one
/// is on its way to a client.
package final class ReadAhead: Sendable {
    /// Bytes at most, but for a single tensor that is larger than that.
    package let limit: Int
    package let pool: ComputePool
    private let used = Mutex(0)

    /// - Parameter limit: little more than a response sends while the next tensor is merged; more would only push what waits
    ///   out of the processor's cache.
    package init(pool: ComputePool, limit: Int = 24 << 20) {
        self.pool = pool
        self.limit = limit
    }

    /// Bytes that are ahead now.
    package var usedBytes: Int { used.withLock { $0 } }

    /// - Returns: false if there is no room now.
    func take(_ bytes: Int) -> Bool {
        used.withLock { used in
            guard used == 0 || used + bytes <= limit else { return false }
            used += bytes
            return true
        }
    }

    func give(_ bytes: Int) {
        used.withLock { $0 -= bytes }
    }
}
