internal import Logging
internal import Synchronization
internal import UmbelEngine
internal import UmbelPOSIX

/// Merges that go on after their request was answered. As many as have a thread each; further ones are refused.
final class BackgroundMerges: Sendable {
    static let limit = 16

    private let running = Mutex(0)

    /// - Throws: `RequestError.busy` when too many are under way.
    func start(_ variant: Variant, pin: Bool?, in cache: VariantCache, logger: Logger) throws {
        let isFree = running.withLock { count in
            guard count < Self.limit else { return false }
            count += 1
            return true
        }
        guard isFree else { throw RequestError.busy }
        do throws(SystemError) {
            try Thread.start { [self] in
                do {
                    _ = try cache.makeResident(variant, pin: pin)
                } catch {
                    logger.error(
                        "background merge failed",
                        metadata: ["variant": "\(variant.id)", "error": "\(Problem(error).detail)"])
                }
                running.withLock { $0 -= 1 }
            }
        } catch {
            running.withLock { $0 -= 1 }
            throw error
        }
    }
}
