internal import UmbelFormats
internal import UmbelPOSIX

/// The identity of a base: what its files hold.
enum BaseDigest {
    /// A single file's digest is its own SHA-256, as `sha256sum` prints it; a folder's that of its files' digests, in the
    /// form `<sha256>  <path>\n`, sorted by path.
    ///
    /// - Returns: the identity, and the SHA-256 of each file by path.
    static func compute(_ base: BaseModel) throws(BaseError) -> (digest: String, files: [String: String]) {
        var lines = ""
        var files: [String: String] = [:]
        for file in base.files {
            let mapping = mapping(of: file)
            let digest = SHA256.hex(of: mapping.bytes)
            files[file.path] = digest
            if base.isSingleFile { return (digest, files) }
            lines += "\(digest)  \(file.path)\n"
        }
        return (SHA256.hex(of: lines), files)
    }

    private static func mapping(of file: BaseModel.File) -> MappedFile {
        switch file.content {
        case .weights(let weights, _): weights.mapping
        case .other(let mapping): mapping
        }
    }
}
