internal import Glibc

/// What tells a file, as it is now, from every other and from every other content that it ever had, without reading it.
package struct FileIdentity: Hashable, Sendable {
    package let device: Int
    package let inode: Int
    package let bytes: Int
    /// Nanoseconds since 1970 of the last change of the content.
    package let modified: Int
    /// Nanoseconds since 1970 of the last change of anything about the file. Nobody can set this one.
    package let changed: Int

    package init(device: Int, inode: Int, bytes: Int, modified: Int, changed: Int) {
        self.device = device
        self.inode = inode
        self.bytes = bytes
        self.modified = modified
        self.changed = changed
    }

    /// Of an open file; nil if it changed so recently that the next change could bear the same times, or if the system does
    /// not say. Times come from a clock that ticks every few milliseconds, on some file systems every one or two seconds.
    package init?(of descriptor: FileDescriptor) {
        var (status, now) = (stat(), timespec())
        guard fstat(descriptor.number, &status) == 0, clock_gettime(CLOCK_REALTIME, &now) == 0 else { return nil }
        self.init(
            device: Int(truncatingIfNeeded: status.st_dev), inode: Int(truncatingIfNeeded: status.st_ino),
            bytes: Int(status.st_size), modified: Self.nanoseconds(status.st_mtim),
            changed: Self.nanoseconds(status.st_ctim))
        let settling = status.st_ctim.tv_nsec == 0 ? 3_000_000_000 : 100_000_000
        if Self.nanoseconds(now) - changed < settling { return nil }
    }

    private static func nanoseconds(_ time: timespec) -> Int { Int(time.tv_sec) * 1_000_000_000 + Int(time.tv_nsec) }
}
