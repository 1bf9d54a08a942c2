internal import Glibc

/// A file mapped read-only for as long as the value lives.
///
/// The mapping is private, so a writer that replaces the file by rename (the only way Umbel writes) never changes it. The
/// same holds for the open descriptor, where it is kept.
package final class MappedFile: @unchecked Sendable {
    // Sendable: the pages are read-only and the pointer never changes.
    package let path: String
    package let bytes: UnsafeRawBufferPointer
    /// Of the file when it was mapped; nil if that says nothing about its content.
    package let identity: FileIdentity?
    /// The file itself, for the kernel to send from; nil if it was not to be kept open.
    package let descriptor: FileDescriptor?

    /// Maps the whole file. An empty file gives an empty buffer.
    ///
    /// - Parameter keepsOpen: keeps a descriptor for as long as the mapping: for a file that is going to be sent.
    package convenience init(path: String, keepsOpen: Bool = false) throws(SystemError) {
        try self.init(FileDescriptor.read(path), path: path, keepsOpen: keepsOpen)
    }

    /// Maps a file that is open.
    ///
    /// - Parameter path: for messages only.
    package init(_ descriptor: FileDescriptor, path: String, keepsOpen: Bool = false) throws(SystemError) {
        let size = try descriptor.size(path)
        self.path = path
        identity = FileIdentity(of: descriptor)
        self.descriptor = keepsOpen ? descriptor : nil
        guard size > 0 else {
            bytes = UnsafeRawBufferPointer(start: nil, count: 0)
            return
        }
        guard let start = mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor.number, 0), start != MAP_FAILED else {
            throw .last("mmap", path)
        }
        bytes = UnsafeRawBufferPointer(start: start, count: size)
    }

    /// Is the file still what it was when it was mapped, with every change that anybody made so far behind it?
    ///
    /// Who writes through a mapping changes the times with the first store into a page that is on the disk; so it is brought
    /// there first, and a later store shows.
    package func isSettled() -> Bool {
        guard let identity, let descriptor, (try? descriptor.synchronize(path)) != nil else { return false }
        return FileIdentity(of: descriptor) == identity
    }

    /// Has the kernel map every page that it has, or can read, now rather than at first use.
    package func load() {
        guard let start = bytes.baseAddress.map(UnsafeMutableRawPointer.init(mutating:)) else { return }
        // In pieces, each of which holds off changes of the process's mappings for a few milliseconds.
        for offset in stride(from: 0, to: bytes.count, by: 16 << 20) {
            // MADV_POPULATE_READ, Linux 5.14; without it pages come at first use, as ever.
            guard madvise(start + offset, min(16 << 20, bytes.count - offset), 22) == 0 else { return }
        }
    }

    deinit {
        if let start = bytes.baseAddress { munmap(UnsafeMutableRawPointer(mutating: start), bytes.count) }
    }
}
