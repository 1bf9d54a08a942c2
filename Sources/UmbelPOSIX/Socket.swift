internal import Glibc

/// A non-blocking TCP socket that is not inherited by child processes and never raises SIGPIPE.
///
/// Calls return at once, but for `wait(for:seconds:)` and for connecting, which take a time limit.
package final class Socket: Sendable {
    /// What a receive brought.
    package enum Received: Equatable, Sendable {
        case bytes(Int)
        /// The peer has finished sending.
        case end
        /// Nothing has arrived yet.
        case nothing
    }

    package enum Readiness: Sendable { case reading, writing }

    private let descriptor: FileDescriptor

    package var number: Int32 { descriptor.number }

    init(_ descriptor: FileDescriptor) {
        self.descriptor = descriptor
    }

    /// Copies what has arrived into `buffer`, which must not be empty.
    package func receive(into buffer: UnsafeMutableRawBufferPointer) throws(SystemError) -> Received {
        while true {
            let count = recv(number, buffer.baseAddress, buffer.count, 0)
            if count > 0 { return .bytes(count) }
            if count == 0 { return .end }
            if errno == EAGAIN || errno == EWOULDBLOCK { return .nothing }
            if errno != EINTR { throw .last("recv", "socket") }
        }
    }

    /// Hands bytes to the kernel.
    ///
    /// - Parameter moreFollows: the kernel may hold a partial packet back, since the next send comes at once.
    /// - Returns: how many bytes it took; 0 when its buffer is full.
    package func send(_ bytes: UnsafeRawBufferPointer, moreFollows: Bool = false) throws(SystemError) -> Int {
        let flags = Int32(MSG_NOSIGNAL) | (moreFollows ? Int32(MSG_MORE) : 0)
        while true {
            let count = Glibc.send(number, bytes.baseAddress, bytes.count, flags)
            if count >= 0 { return count }
            if errno == EAGAIN || errno == EWOULDBLOCK { return 0 }
            if errno != EINTR { throw .last("send", "socket") }
        }
    }

    /// Blocks until the socket is ready (an error or a hang-up counts as ready) or the time is over.
    ///
    /// An interruption by a signal also ends the wait, as ready: the call that follows finds out.
    package func wait(for readiness: Readiness, seconds: Double) -> Bool {
        var entry = pollfd(fd: number, events: Int16(readiness == .reading ? POLLIN : POLLOUT), revents: 0)
        let milliseconds = Int32(min(max(seconds * 1000, 0).rounded(.up), 86_400_000))
        return poll(&entry, 1, milliseconds) != 0
    }

    /// Whether the peer has closed its side, or the connection is gone. Looks without waiting and receives nothing.
    ///
    /// A peer that has only finished sending cannot be told from one that went away.
    package var isClosedByPeer: Bool {
        // POLLRDHUP: the peer's FIN has arrived, whatever is unread before it.
        let finished: Int16 = 0x2000
        var entry = pollfd(fd: number, events: finished, revents: 0)
        return poll(&entry, 1, 0) > 0 && entry.revents & (finished | Int16(POLLHUP | POLLERR)) != 0
    }

    /// Sends a FIN after what is buffered; receiving goes on.
    package func finishSending() { _ = shutdown(number, Int32(SHUT_WR)) }

    /// Ends both directions: whoever waits for this socket, on any thread, wakes.
    package func disconnect() { _ = shutdown(number, Int32(SHUT_RDWR)) }

    /// Makes the coming close send a reset instead of a FIN, so that the peer sees a failure and not an end.
    package func resetOnClose() {
        var value = linger(l_onoff: 1, l_linger: 0)
        _ = setsockopt(number, SOL_SOCKET, SO_LINGER, &value, socklen_t(MemoryLayout<linger>.size))
    }

    /// The size of the kernel's receive buffer, in bytes; it doubles what it is given.
    package func limitReceiveBuffer(bytes: Int) { set(SOL_SOCKET, SO_RCVBUF, Int32(clamping: bytes)) }

    /// Small packets leave at once instead of waiting for an acknowledgement (Nagle's algorithm off).
    func sendWithoutDelay() { set(Int32(IPPROTO_TCP), TCP_NODELAY, 1) }

    func set(_ level: Int32, _ option: Int32, _ value: Int32) {
        var value = value
        _ = setsockopt(number, level, option, &value, socklen_t(MemoryLayout<Int32>.size))
    }

    /// A new socket, closed on exec and non-blocking.
    static func make(family: Int32, _ subject: String) throws(SystemError) -> Socket {
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        return Socket(
            FileDescriptor(owning: try retryingInterrupts("socket", subject) { socket(family, kind, 0) }))
    }
}
