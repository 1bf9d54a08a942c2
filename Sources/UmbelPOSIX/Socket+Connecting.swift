internal import Glibc

extension Socket {
    /// A peer that has connected, and its numeric address.
    package struct Accepted: Sendable {
        package let socket: Socket
        package let remoteAddress: String
    }

    /// Listens on the first address of `host` that can be bound. Port 0 lets the system choose.
    package static func listening(host: String, port: Int, backlog: Int32 = 1024) throws(SystemError) -> Socket {
        let subject = "\(host):\(port)"
        var failure = SystemError(call: "bind", subject: subject, code: EADDRNOTAVAIL)
        for address in try SocketAddress.resolve(host: host, port: port, toListen: true) {
            do throws(SystemError) {
                let socket = try make(family: address.family, subject)
                // A restarted server must not wait for the last one's connections to leave TIME_WAIT.
                socket.set(SOL_SOCKET, SO_REUSEADDR, 1)
                let number = socket.number
                _ = try retryingInterrupts("bind", subject) { address.withPointer { bind(number, $0, $1) } }
                _ = try retryingInterrupts("listen", subject) { listen(number, backlog) }
                return socket
            } catch {
                failure = error
            }
        }
        throw failure
    }

    /// Connects, waiting at most `seconds`.
    package static func connected(host: String, port: Int, seconds: Double) throws(SystemError) -> Socket {
        let subject = "\(host):\(port)"
        var failure = SystemError(call: "connect", subject: subject, code: EADDRNOTAVAIL)
        for address in try SocketAddress.resolve(host: host, port: port, toListen: false) {
            let socket = try make(family: address.family, subject)
            let number = socket.number
            let status = address.withPointer { connect(number, $0, $1) }
            if status != 0 && errno != EINPROGRESS && errno != EINTR {
                failure = .last("connect", subject)
            } else if !socket.wait(for: .writing, seconds: seconds) {
                failure = SystemError(call: "connect", subject: subject, code: ETIMEDOUT)
            } else if let code = socket.pendingError {
                failure = SystemError(call: "connect", subject: subject, code: code)
            } else {
                socket.sendWithoutDelay()
                return socket
            }
        }
        throw failure
    }

    /// Takes the next waiting connection; nil when none waits or the one that did has already gone.
    package func accept() throws(SystemError) -> Accepted? {
        var number: Int32 = -1
        var code: Int32 = 0
        let address = SocketAddress { pointer, length in
            number = Glibc.accept(self.number, pointer, length)
            code = errno
        }
        guard number >= 0 else {
            if [EAGAIN, EWOULDBLOCK, ECONNABORTED, EINTR, EPROTO].contains(code) { return nil }
            throw SystemError(call: "accept", subject: "socket", code: code)
        }
        let socket = Socket(FileDescriptor(owning: number))
        // accept4 is not among the functions that the C library shows to Swift.
        _ = fcntl(number, F_SETFD, FD_CLOEXEC)
        _ = fcntl(number, F_SETFL, O_NONBLOCK)
        socket.sendWithoutDelay()
        return Accepted(socket: socket, remoteAddress: address.parts.host)
    }

    /// The port this socket is bound to.
    package var boundPort: Int {
        SocketAddress { _ = getsockname(number, $0, $1) }.parts.port
    }

    private var pendingError: Int32? {
        var code: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        guard getsockopt(number, SOL_SOCKET, SO_ERROR, &code, &length) == 0 else { return errno }
        return code == 0 ? nil : code
    }
}

extension SystemError {
    /// The process or the system has no descriptor left: a condition that passes when others close theirs.
    package var isOutOfDescriptors: Bool { code == EMFILE || code == ENFILE || code == ENOBUFS || code == ENOMEM }
}
