internal import Glibc

/// A folder that is held open. What is in it is reached through it, one name at a time and without following a link, so
/// that nothing outside of it can be meant, whatever is renamed meanwhile.
package final class OpenFolder {
    private let descriptor: FileDescriptor
    private let path: String

    /// What an entry is, and what tells whether it has changed.
    package struct Entry: Hashable, Sendable {
        package enum Kind: Hashable, Sendable {
            case file, folder, link, other
        }

        package let kind: Kind
        package let bytes: Int
        /// Nanoseconds since 1970.
        package let modified: Int
        package let inode: UInt64
    }

    /// - Parameter path: of a folder; a link there is followed.
    package init(_ path: String) throws(SystemError) {
        self.path = path
        descriptor = FileDescriptor(
            owning: try retryingInterrupts("open", path) { Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) })
    }

    private init(_ descriptor: FileDescriptor, _ path: String) {
        self.descriptor = descriptor
        self.path = path
    }

    /// Names in it, sorted, without `.` and `..`.
    package func names() throws(SystemError) -> [String] {
        try Directory.names(in: "/proc/self/fd/\(descriptor.number)")
    }

    package func entry(_ name: String) throws(SystemError) -> Entry {
        var status = stat()
        _ = try retryingInterrupts("fstatat", subject(name)) {
            fstatat(descriptor.number, name, &status, AT_SYMLINK_NOFOLLOW)
        }
        let kind: Entry.Kind =
            switch status.st_mode & S_IFMT {
            case S_IFREG: .file
            case S_IFDIR: .folder
            case S_IFLNK: .link
            default: .other
            }
        return Entry(
            kind: kind, bytes: Int(status.st_size),
            modified: status.st_mtim.tv_sec * 1_000_000_000 + status.st_mtim.tv_nsec, inode: UInt64(status.st_ino))
    }

    package func folder(_ name: String) throws(SystemError) -> OpenFolder {
        let flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC
        return OpenFolder(FileDescriptor(owning: try open(name, flags)), subject(name))
    }

    /// Opens a regular file for reading. A pipe of that name does not make it wait.
    package func file(_ name: String) throws(SystemError) -> FileDescriptor {
        FileDescriptor(owning: try open(name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC))
    }

    private func open(_ name: String, _ flags: Int32) throws(SystemError) -> Int32 {
        try retryingInterrupts("openat", subject(name)) { openat(descriptor.number, name, flags) }
    }

    private func subject(_ name: String) -> String { path + "/" + name }
}
