internal import Synchronization
package import UmbelPOSIX

extension AdapterStore {
    /// Length of a file that is kept, alone or as part of an adapter; nil if it is not, or was lost or cut off.
    package func blob(_ digest: String) -> Int? {
        guard isKept(blob: digest), let bytes = blobs.bytes(of: digest) else { return nil }
        let expected = state.withLock { $0.bytes(ofBlob: digest) }
        return expected ?? bytes == bytes ? bytes : nil
    }

    /// Where the file lies.
    package func blobPath(_ digest: String) -> String { blobs.path(digest) }

    /// A new file to receive a blob.
    package func beginBlob() throws(RegistryError) -> BlobUpload {
        try onDisk { () throws(SystemError) in try BlobUpload(folder: newFolder) }
    }

    /// Keeps a blob that has arrived, for a while or as long as an adapter uses it.
    ///
    /// - Parameter digest: the SHA-256 of what was received.
    package func keep(_ upload: BlobUpload, as digest: String) throws(RegistryError) {
        // Before anybody else has to wait for it.
        try onDisk { () throws(SystemError) in try upload.waitUntilDurable() }
        try keep(digest, bytes: upload.bytes) { () throws(SystemError) in try upload.move(to: blobs.path(digest)) }
    }

    /// Begins the grace time of a blob again.
    ///
    /// - Returns: false if it is not here.
    package func renew(blob digest: String) throws(RegistryError) -> Bool {
        guard let bytes = blob(digest) else { return false }
        try keep(digest, bytes: bytes) {}
        return true
    }

    /// Forgets the blobs whose grace time is over.
    package func sweep() throws(RegistryError) {
        try changing { (state: RegistryState) throws(RegistryError) in
            let expired = state.expired(at: .now, after: settings.blobGraceSeconds)
            if !expired.isEmpty { try setLoose(Dictionary(expired.map { ($0, nil) }) { $1 }, in: state) }
        }
    }

    private func keep(
        _ digest: String, bytes: Int, placing: () throws(SystemError) -> Void
    ) throws(RegistryError) {
        try changing { (state: RegistryState) throws(RegistryError) in
            try onDisk(placing)
            try setLoose([digest: .init(bytes: bytes, uploaded: .now)], in: state)
        }
    }
}

/// A single file that is arriving. Removed with the value unless it was kept.
package final class BlobUpload {
    private let folder: String
    private let file: ArrivingFile

    init(folder: String) throws(SystemError) {
        self.folder = folder
        try Directory.create(folder)
        file = try ArrivingFile(path: folder + "/blob")
    }

    deinit {
        // What cannot be removed now goes at the next start.
        try? Directory.removeTree(folder)
    }

    package var bytes: Int { file.bytes }

    package func write(_ buffer: UnsafeRawBufferPointer) throws(SystemError) { try file.write(buffer) }

    /// Ends the file. Whoever stores it waits until it is on the disk.
    ///
    /// - Returns: its SHA-256.
    package func finish() throws(SystemError) -> String { try file.finish() }

    /// Returns when the file is on the disk; at once if it is known to be there.
    func waitUntilDurable() throws(SystemError) { try file.waitUntilDurable() }

    func move(to path: String) throws(SystemError) {
        try waitUntilDurable()
        try Directory.rename(file.path, to: path)
    }
}
