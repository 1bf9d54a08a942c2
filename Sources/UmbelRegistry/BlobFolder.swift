internal import UmbelPOSIX

/// The files of contents, each named by the SHA-256 of its bytes.
struct BlobFolder: Sendable {
    let folder: String

    /// Makes the folder if it is missing.
    init(_ folder: String) throws(SystemError) {
        self.folder = folder
        try Directory.create(folder)
    }

    func path(_ digest: String) -> String { folder + "/" + digest }

    /// Files of that form of name; others are not ours.
    var digests: [String] {
        get throws(SystemError) {
            try Directory.names(in: folder).filter { SHA256.isDigest($0) && Directory.isFile(path($0)) }
        }
    }

    /// nil if it is not there.
    func bytes(of digest: String) -> Int? {
        let path = path(digest)
        return try? FileDescriptor.read(path).size(path)
    }

    /// Removes files. One that cannot be removed now is swept at the next start.
    func remove(_ digests: [String]) {
        for digest in digests { try? Directory.removeFile(path(digest)) }
    }

    /// Why a file cannot be read; nil if it can.
    ///
    /// - Parameter bytes: how long it must be; nil if that is not known.
    func fault(of digest: String, bytes: Int?) -> SystemError? {
        do throws(SystemError) {
            let path = path(digest)
            let size = try FileDescriptor.read(path).size(path)
            guard let bytes, size != bytes else { return nil }
            return SystemError.truncated(path)
        } catch {
            return error
        }
    }
}
