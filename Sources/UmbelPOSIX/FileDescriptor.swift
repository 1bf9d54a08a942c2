internal import CWriteback
internal import Glibc

/// An open file, socket or pipe end, closed when the last reference goes.
package final class FileDescriptor: Sendable {
    package let number: Int32

    /// Takes ownership of an open descriptor.
    package init(owning number: Int32) {
        self.number = number
    }

    deinit { close(number) }

    /// Opens a regular file for reading.
    package static func read(_ path: String) throws(SystemError) -> FileDescriptor {
        FileDescriptor(owning: try retryingInterrupts("open", path) { open(path, O_RDONLY | O_CLOEXEC) })
    }

    /// Length in bytes.
    package func size(_ subject: String) throws(SystemError) -> Int {
        var status = stat()
        _ = try retryingInterrupts("fstat", subject) { fstat(number, &status) }
        return Int(status.st_size)
    }

    /// Reads what comes next.
    ///
    /// - Returns: how many bytes; 0 at the end.
    package func read(into buffer: UnsafeMutableRawBufferPointer, _ subject: String) throws(SystemError) -> Int {
        try retryingInterrupts("read", subject) { Glibc.read(number, buffer.baseAddress, buffer.count) }
    }

    /// Copies bytes that begin `offset` bytes into the file, wherever earlier reads have come to.
    ///
    /// - Returns: how many, which may be fewer than `buffer` takes; 0 at the end of the file.
    package func read(
        into buffer: UnsafeMutableRawBufferPointer, at offset: Int, _ subject: String
    ) throws(SystemError) -> Int {
        try retryingInterrupts("pread", subject) { pread(number, buffer.baseAddress, buffer.count, off_t(offset)) }
    }

    /// Writes all bytes, in as many calls as the system needs.
    package func writeAll(_ bytes: UnsafeRawBufferPointer, _ subject: String) throws(SystemError) {
        var done = 0
        while done < bytes.count {
            done += try retryingInterrupts("write", subject) {
                write(number, bytes.baseAddress.map { $0 + done }, bytes.count - done)
            }
        }
    }

    /// Makes the file so long: what lies beyond goes, what is missing reads as zeros and takes no room on the disk.
    package func setSize(_ bytes: Int, _ subject: String) throws(SystemError) {
        _ = try retryingInterrupts("ftruncate", subject) { ftruncate(number, off_t(bytes)) }
    }

    /// Has a part of the file on its way to the disk, and waits for nothing. What fails is told by `synchronizeData`.
    package func beginWriting(_ range: Range<Int>) {
        // A file system that does not have it leaves all to the end.
        umbel_begin_writeback(number, range.lowerBound, range.count)
    }

    /// Waits until what was written is on the disk.
    package func synchronize(_ subject: String) throws(SystemError) {
        _ = try retryingInterrupts("fsync", subject) { fsync(number) }
    }

    /// The same, but for the times of the file: its bytes and its length.
    package func synchronizeData(_ subject: String) throws(SystemError) {
        _ = try retryingInterrupts("fdatasync", subject) { fdatasync(number) }
    }
}

extension FileDescriptor {
    /// Takes a file that one process at a time may have, making it if need be; it is given back when the descriptor
    /// closes, or the process ends in whatever way.
    ///
    /// - Throws: `SystemError` with `isTaken` if another process has it.
    package static func locking(_ path: String) throws(SystemError) -> FileDescriptor {
        let file = FileDescriptor(
            owning: try retryingInterrupts("open", path) { open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644) })
        _ = try retryingInterrupts("flock", path) { flock(file.number, LOCK_EX | LOCK_NB) }
        return file
    }

    /// Makes a new file for reading and writing; one of that name must not exist.
    package static func create(_ path: String) throws(SystemError) -> FileDescriptor {
        FileDescriptor(
            owning: try retryingInterrupts("open", path) { open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o644) })
    }
}
