internal import UmbelPOSIX

/// The identity of a base: what its files hold.
enum BaseDigest {
    /// A single file's digest is its own SHA-256, as `sha256sum` prints it; a folder's that of its files' digests, in the
    /// form `<sha256>  <path>\n`, sorted by path.
    ///
    /// - Parameter digests: SHA-256 of each file by path.
    static func digest(of base: BaseModel, files digests: [String: String]) -> String {
        let lines = base.files.map { "\(digests[$0.path] ?? "")  \($0.path)\n" }
        if base.isSingleFile, let file = base.files.first, let digest = digests[file.path] { return digest }
        return SHA256.hex(of: lines.joined())
    }

    /// The digest of what the files hold now.
    static func hash(_ base: BaseModel) -> String {
        digest(
            of: base,
            files: Dictionary(
                base.files.map { ($0.path, SHA256.hex(of: $0.mapping.bytes)) }, uniquingKeysWith: { first, _ in first })
        )
    }
}
