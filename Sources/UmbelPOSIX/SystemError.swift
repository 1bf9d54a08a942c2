internal import Glibc

/// A system call that failed: which call, on what, and the error number it left.
package struct SystemError: Error, Hashable, Sendable {
    package let call: String
    package let subject: String
    package let code: Int32

    package init(call: String, subject: String, code: Int32) {
        self.call = call
        self.subject = subject
        self.code = code
    }

    /// The error of the call that has just failed on this thread.
    package static func last(_ call: String, _ subject: String) -> SystemError {
        SystemError(call: call, subject: subject, code: errno)
    }

    /// A file that is not there.
    package static func missing(_ path: String) -> SystemError {
        SystemError(call: "open", subject: path, code: ENOENT)
    }

    /// A file that has another length than it had.
    package static func truncated(_ path: String) -> SystemError {
        SystemError(call: "read", subject: path, code: EIO)
    }

    /// The C library's words for `code`.
    package var message: String { String(cString: strerror(code)) }

    package var isDiskFull: Bool { code == ENOSPC || code == EDQUOT }
    /// Another process has the lock.
    package var isTaken: Bool { code == EWOULDBLOCK }
    package var isMissingFile: Bool { code == ENOENT || code == ENOTDIR }
}

/// Calls `body` until it is not interrupted by a signal.
///
/// - Returns: the call's result, never negative.
/// - Throws: `SystemError` with the error number when the result is negative.
package func retryingInterrupts<Result: SignedInteger>(
    _ call: String, _ subject: String, _ body: () -> Result
) throws(SystemError) -> Result {
    while true {
        let result = body()
        if result >= 0 { return result }
        if errno != EINTR { throw .last(call, subject) }
    }
}
