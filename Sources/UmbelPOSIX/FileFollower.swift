internal import Dispatch
internal import Synchronization

/// Follows a file that is being written, on a thread of its own: hashes what is there and has it on its way to the disk, so
/// that little is left to wait for at the end.
package final class FileFollower: Sendable {
    private struct Outcome {
        var digest = ""
        /// The first failure. The system tells of one that befell the disk once, and never again.
        var failure: SystemError?
    }

    /// As many bytes are hashed at a time.
    private static let pieceBytes = 1 << 18
    /// As many are asked for the disk at a time.
    private static let flushedBytes = 1 << 20

    private let descriptor: FileDescriptor
    private let subject: String
    private let written: ByteGate
    private let outcome = Mutex(Outcome())
    private let hashed = DispatchGroup()
    private let synchronized = DispatchGroup()

    /// - Parameters:
    ///   - descriptor: open for reading and writing.
    ///   - written: how much of the file is there; it ends when all of it is, or when nobody wants the file any more.
    /// - Throws: `SystemError` when the system refuses another thread.
    package init(_ descriptor: FileDescriptor, _ subject: String, written: ByteGate) throws(SystemError) {
        self.descriptor = descriptor
        self.subject = subject
        self.written = written
        hashed.enter()
        synchronized.enter()
        // The thread keeps the value alive until the end of `written`.
        try Thread.start { self.work() }
    }

    /// Waits until all that was written before the end is hashed.
    ///
    /// - Returns: its SHA-256.
    package func digest() throws(SystemError) -> String {
        hashed.wait()
        return try result()
    }

    /// Waits until all that was written before the end is on the disk.
    package func waitUntilDurable() throws(SystemError) {
        synchronized.wait()
        _ = try result()
    }

    private func result() throws(SystemError) -> String {
        let outcome = outcome.withLock { $0 }
        if let failure = outcome.failure { throw failure }
        return outcome.digest
    }

    private func work() {
        noting { () throws(SystemError) in
            let digest = try hash()
            outcome.withLock { $0.digest = digest }
        }
        hashed.leave()
        noting { () throws(SystemError) in try descriptor.synchronizeData(subject) }
        synchronized.leave()
    }

    private func noting(_ step: () throws(SystemError) -> Void) {
        do throws(SystemError) {
            try step()
        } catch {
            outcome.withLock { $0.failure = $0.failure ?? error }
        }
    }

    /// Hashes the file to its end, as it comes.
    private func hash() throws(SystemError) -> String {
        let hash = SHA256()
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.pieceBytes, alignment: 64)
        defer { buffer.deallocate() }
        var (position, flushed) = (0, 0)
        while true {
            // The file may be longer already, and holds nothing there.
            let there = written.wait(for: position + 1) - position
            if there == 0 { return hash.finish() }
            let piece = UnsafeMutableRawBufferPointer(rebasing: buffer.prefix(there))
            let count = try descriptor.read(into: piece, at: position, subject)
            guard count > 0 else { throw .truncated(subject) }
            hash.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            position += count
            guard position - flushed >= Self.flushedBytes else { continue }
            descriptor.beginWriting(flushed..<position)
            flushed = position
        }
    }
}
