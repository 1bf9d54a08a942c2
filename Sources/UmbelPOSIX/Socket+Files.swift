internal import Glibc

extension Socket {
    /// What became of bytes that the kernel was to send from a file.
    package enum FileSent: Equatable, Sendable {
        case bytes(Int)
        /// The socket's buffer has no room now.
        case nothing
        /// The file has become shorter: nothing is there any more.
        case end
        /// The file's system has no such way of sending.
        case unsupported
    }

    /// Has the kernel send a part of a file, without copying it into the process (sendfile(2)).
    ///
    /// A process that has not called `ignoreBrokenPipes` is ended by SIGPIPE if the peer is gone: unlike send, this call has
    /// no flag against that.
    ///
    /// - Returns: how many bytes went, which may be fewer than asked for.
    package func send(_ file: FileDescriptor, from offset: Int, count: Int) throws(SystemError) -> FileSent {
        var position = off_t(offset)
        while true {
            let sent = sendfile(number, file.number, &position, count)
            if sent > 0 { return .bytes(sent) }
            if sent == 0 { return count == 0 ? .bytes(0) : .end }
            switch errno {
            case EAGAIN, EWOULDBLOCK: return .nothing
            case EINVAL, ENOSYS: return .unsupported
            case EINTR: continue
            default: throw .last("sendfile", "socket")
            }
        }
    }
}
