internal import Synchronization
package import UmbelEngine

/// Drawing, as all doors share it: the queue, and how many requests may wait for it.
package final class DrawingDesk: Sendable {
    package let queue: DrawingQueue
    /// Requests that wait for pictures or follow a job. Each holds a worker, of which some have to be left.
    private let watchLimit: Int
    private let watching = Mutex(0)
    /// What the web UIs' clients chose with `POST /sdapi/v1/options`; nil for the first base that draws.
    let checkpoint = Mutex<String?>(nil)

    package init(_ queue: DrawingQueue, watchLimit: Int) {
        self.queue = queue
        self.watchLimit = max(1, watchLimit)
    }

    /// A place among those that wait, kept as long as the value is.
    final class Place: Sendable {
        private let desk: DrawingDesk

        fileprivate init(_ desk: DrawingDesk) { self.desk = desk }

        deinit { desk.watching.withLock { $0 -= 1 } }
    }

    func place() throws(DrawingJobError) -> Place {
        let isFree = watching.withLock { count in
            guard count < watchLimit else { return false }
            count += 1
            return true
        }
        guard isFree else { throw .tooManyWaiting(limit: watchLimit) }
        return Place(self)
    }
}

extension Call {
    /// - Throws: `noPainter` for a service that does not draw.
    var desk: DrawingDesk {
        get throws(DrawingJobError) {
            guard let desk = application.drawing else { throw .noPainter }
            return desk
        }
    }
}
