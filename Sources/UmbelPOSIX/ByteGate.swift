internal import Glibc

/// How much of something that grows is there, and a wait for more of it.
package final class ByteGate: @unchecked Sendable {
    // Sendable: the two values are touched under `mutex` only.
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var bytes = 0
    private var isEnded = false

    package init() {
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(changed, nil)
    }

    deinit {
        pthread_cond_destroy(changed)
        pthread_mutex_destroy(mutex)
        changed.deallocate()
        mutex.deallocate()
    }

    /// There are so many bytes more.
    package func add(_ count: Int) { change { bytes += count } }

    /// There will be no more; nobody waits any longer. Whoever opened the gate must call this.
    package func end() { change { isEnded = true } }

    /// Waits until at least so many bytes are there, or the end.
    ///
    /// - Returns: how many are there, which are fewer than `count` only at the end.
    package func wait(for count: Int) -> Int {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while bytes < count && !isEnded { pthread_cond_wait(changed, mutex) }
        return bytes
    }

    private func change(_ body: () -> Void) {
        pthread_mutex_lock(mutex)
        body()
        pthread_cond_broadcast(changed)
        pthread_mutex_unlock(mutex)
    }
}
