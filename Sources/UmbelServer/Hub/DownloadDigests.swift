internal import Synchronization
internal import UmbelHTTP
internal import UmbelPOSIX

/// SHA-256 of merged files, learnt when one is sent from its first byte to its last.
///
/// Nobody can know the digest of a file before it is merged, and merging it for that alone would cost what the client may
/// never ask for. Once it has been sent, clients can check what they got against the list of files.
final class DownloadDigests: Sendable {
    struct Key: Hashable, Sendable {
        let variant: String
        let path: String
    }

    /// An entry takes some 200 bytes; beyond this many all are forgotten.
    static let limit = 50_000

    private let known = Mutex<[Key: String]>([:])

    func digest(_ key: Key) -> String? { known.withLock { $0[key] } }

    /// A source with the same bytes that tells the digest when all of it has been produced in one go.
    func watching(_ source: any ByteSource, as key: Key) -> any ByteSource {
        digest(key) == nil ? Watched(source: source, key: key, digests: self) : source
    }

    private func learn(_ digest: String, of key: Key) {
        known.withLock { known in
            if known.count >= Self.limit { known.removeAll() }
            known[key] = digest
        }
    }

    private struct Watched: ByteSource {
        let source: any ByteSource
        let key: Key
        let digests: DownloadDigests

        var count: Int { source.count }

        func write(_ range: Range<Int>, to sink: ByteSink) throws {
            guard range == 0..<count else { return try source.write(range, to: sink) }
            let hash = SHA256()
            try source.write(range) { piece in
                try sink(piece)
                piece.withBytes(hash.update)
            }
            digests.learn(hash.finish(), of: key)
        }
    }
}
