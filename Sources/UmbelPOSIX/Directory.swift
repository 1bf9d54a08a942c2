internal import Glibc

/// Folders: make, list, rename, remove.
package enum Directory {
    /// Makes a folder and the ones above it.
    package static func create(_ path: String) throws(SystemError) {
        if isDirectory(path) { return }
        let parent = parent(of: path)
        if parent != path && !parent.isEmpty { try create(parent) }
        guard mkdir(path, 0o755) == 0 || errno == EEXIST else { throw .last("mkdir", path) }
    }

    package static func isDirectory(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    package static func isFile(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
    }

    /// Names in a folder, sorted, without `.` and `..`.
    package static func names(in path: String) throws(SystemError) -> [String] {
        guard let stream = opendir(path) else { throw .last("opendir", path) }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    /// Paths of all regular files below a folder, relative to it, sorted. Links are followed, hidden entries are not.
    /// A folder that links back to itself ends at `depth`.
    package static func files(below path: String, depth: Int = 8) throws(SystemError) -> [String] {
        guard depth > 0 else { return [] }
        var found: [String] = []
        for name in try names(in: path) where !name.hasPrefix(".") {
            let full = path + "/" + name
            if isDirectory(full) {
                found += try files(below: full, depth: depth - 1).map { name + "/" + $0 }
            } else if isFile(full) {
                found.append(name)
            }
        }
        return found.sorted()
    }

    /// Renames within one file system and makes the new name durable.
    package static func rename(_ path: String, to target: String) throws(SystemError) {
        _ = try retryingInterrupts("rename", target) { Glibc.rename(path, target) }
        try synchronize(parent(of: target))
    }

    /// Gives a file a second name within one file system.
    package static func link(_ path: String, as name: String) throws(SystemError) {
        _ = try retryingInterrupts("link", name) { Glibc.link(path, name) }
    }

    /// Waits until the folder's entries are on the disk.
    package static func synchronize(_ path: String) throws(SystemError) {
        let descriptor = FileDescriptor(
            owning: try retryingInterrupts("open", path) { open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) })
        try descriptor.synchronize(path)
    }

    /// Removes a file; a missing one is no error.
    package static func removeFile(_ path: String) throws(SystemError) {
        guard unlink(path) == 0 || errno == ENOENT else { throw .last("unlink", path) }
    }

    /// Removes a folder and all below it; a missing one is no error.
    package static func removeTree(_ path: String) throws(SystemError) {
        guard isDirectory(path) else { return try removeFile(path) }
        for name in try names(in: path) { try removeTree(path + "/" + name) }
        guard rmdir(path) == 0 || errno == ENOENT else { throw .last("rmdir", path) }
    }

    /// The folder that holds `path`; "." for a bare name.
    package static func parent(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// The absolute path without links, `.` and `..`; nil if nothing is there.
    package static func resolved(_ path: String) -> String? {
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    /// The last part of `path`.
    package static func name(of path: String) -> String {
        path.split(separator: "/").last.map(String.init) ?? path
    }
}
