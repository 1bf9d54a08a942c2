internal import Glibc

/// A folder out of which no name leads.
///
/// Names come from clients, so they are never joined to a path: each part is opened below the folder that the part before
/// it opened, and a symbolic link is not followed wherever it points. What is opened is therefore what was checked.
package struct EnclosedFolder: Sendable {
    private let descriptor: FileDescriptor
    /// For messages only.
    private let subject: String

    package enum Entry: Sendable {
        case file(FileDescriptor)
        case folder(EnclosedFolder)
    }

    /// - Parameter path: the operator's; links in it are followed.
    package init(path: String) throws(SystemError) {
        descriptor = FileDescriptor(
            owning: try retryingInterrupts("open", path) { open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) })
        subject = path
    }

    private init(_ descriptor: FileDescriptor, _ subject: String) {
        self.descriptor = descriptor
        self.subject = subject
    }

    /// Whether a text is a relative path without detours: parts between single slashes, none of them empty, `.`, `..` or
    /// hidden, no NUL, no backslash and no percent sign (which would be an escape that nobody decodes here).
    package static func isRelativePath(_ text: String) -> Bool {
        guard !text.isEmpty, text.utf8.count <= 1024 else { return false }
        let parts = text.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        return parts.allSatisfy { part in
            guard let first = part.first, first != UInt8(ascii: ".") else { return false }
            return part.allSatisfy { $0 >= 0x20 && $0 != 0x7f && $0 != UInt8(ascii: "\\") && $0 != UInt8(ascii: "%") }
        }
    }

    /// The file or folder of that relative path.
    ///
    /// - Returns: nil for anything that is no relative path, does not exist, leads over a link, or is neither a regular file
    ///   nor a folder.
    package func entry(_ path: String) throws(SystemError) -> Entry? {
        guard Self.isRelativePath(path) else { return nil }
        var current = Entry.folder(self)
        for part in path.split(separator: "/") {
            guard case .folder(let folder) = current, let next = try folder.child(String(part)) else { return nil }
            current = next
        }
        return current
    }

    /// Names of the regular files directly in it, sorted, without hidden ones.
    package func fileNames() throws(SystemError) -> [String] {
        let copy = try retryingInterrupts("openat", subject) {
            openat(descriptor.number, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        }
        guard let stream = fdopendir(copy) else {
            let error = SystemError.last("fdopendir", subject)
            close(copy)
            throw error
        }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name.hasPrefix(".") { continue }
            if case .file? = try child(name) { names.append(name) }
        }
        return names.sorted()
    }

    private func child(_ name: String) throws(SystemError) -> Entry? {
        // Not blocking, so that a named pipe cannot hold the thread.
        let flags = O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK
        let number: Int32
        do throws(SystemError) {
            number = try retryingInterrupts("openat", "\(subject)/\(name)") { openat(descriptor.number, name, flags) }
        } catch {
            // ELOOP: a link. ENXIO: a socket.
            guard [ENOENT, ENOTDIR, ELOOP, ENXIO, ENAMETOOLONG].contains(error.code) else { throw error }
            return nil
        }
        let opened = FileDescriptor(owning: number)
        var status = stat()
        guard fstat(number, &status) == 0 else { throw .last("fstat", "\(subject)/\(name)") }
        switch status.st_mode & S_IFMT {
        case S_IFREG: return .file(opened)
        case S_IFDIR: return .folder(EnclosedFolder(opened, "\(subject)/\(name)"))
        default: return nil
        }
    }
}
