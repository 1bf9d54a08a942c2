internal import Glibc

/// A file that appears under its name complete or not at all: written beside it, synchronised, then renamed.
///
/// Dropping the value without `commit` removes what was written.
package final class AtomicFile {
    package let path: String
    package let temporaryPath: String
    private let descriptor: FileDescriptor
    private var committed = false

    /// Opens the temporary sibling of `path`.
    package init(path: String) throws(SystemError) {
        self.path = path
        temporaryPath = "\(path).\(getpid()).\(UInt32.random(in: 0 ... .max)).partial"
        descriptor = try FileDescriptor.create(temporaryPath)
    }

    deinit { if !committed { unlink(temporaryPath) } }

    package func write(_ bytes: UnsafeRawBufferPointer) throws(SystemError) {
        try descriptor.writeAll(bytes, temporaryPath)
    }

    /// Makes the file durable and visible under its name.
    package func commit() throws(SystemError) {
        try descriptor.synchronize(temporaryPath)
        try Directory.rename(temporaryPath, to: path)
        committed = true
    }

    /// Writes a whole file atomically.
    package static func write(_ bytes: some Collection<UInt8>, to path: String) throws(SystemError) {
        let file = try AtomicFile(path: path)
        let array = Array(bytes)
        // withUnsafeBytes does not carry typed errors; the Result does.
        try array.withUnsafeBytes { buffer in Result { () throws(SystemError) in try file.write(buffer) } }.get()
        try file.commit()
    }
}
