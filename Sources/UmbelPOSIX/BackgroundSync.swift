internal import Dispatch
internal import Synchronization

/// Brings a file to the disk on a thread of its own while more of it is being written, so that little is left to wait for at
/// the end.
package final class BackgroundSync: Sendable {
    private struct State {
        var isEnding = false
        /// The first failure. The system tells of one once, and never again.
        var failure: SystemError?
    }

    private let descriptor: FileDescriptor
    private let subject: String
    private let state = Mutex(State())
    private let wanted = DispatchSemaphore(value: 0)
    private let ended = DispatchGroup()

    /// - Throws: `SystemError` when the system refuses another thread.
    package init(_ descriptor: FileDescriptor, _ subject: String) throws(SystemError) {
        self.descriptor = descriptor
        self.subject = subject
        ended.enter()
        // The thread keeps the value alive until `end`, which its owner must call.
        try Thread.start { self.work() }
    }

    /// There is more to bring to the disk.
    package func more() { wanted.signal() }

    /// Everything is written: the thread ends after one more time. Returns at once.
    package func end() {
        state.withLock { $0.isEnding = true }
        wanted.signal()
    }

    /// Waits until what was written before `end` is on the disk.
    package func wait() throws(SystemError) {
        ended.wait()
        if let failure = state.withLock({ $0.failure }) { throw failure }
    }

    private func work() {
        var isLast = false
        while !isLast {
            wanted.wait()
            // What was asked for meanwhile is done by the same call.
            while wanted.wait(timeout: .now()) == .success {}
            isLast = state.withLock { $0.isEnding }
            do throws(SystemError) {
                try descriptor.synchronizeData(subject)
            } catch {
                state.withLock { $0.failure = $0.failure ?? error }
            }
        }
        ended.leave()
    }
}
