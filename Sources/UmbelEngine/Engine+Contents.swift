package import UmbelPOSIX
package import UmbelRegistry

/// The stored files of an adapter, and uploads made of files that are here already.
extension Engine {
    /// What is stored of the content that a term names, as it was uploaded.
    package func contents(
        _ term: ModelReference.Term
    ) throws(EngineError) -> (record: AdapterRecord, tensors: MappedFile, config: MappedFile?) {
        let (record, files) = try reading({ () throws(EngineError) in try self.record(term) }) {
            (record) throws(EngineError) -> (MappedFile, MappedFile?) in
            try content(of: record) { (tensors, config) throws(EngineError) -> (MappedFile, MappedFile?) in
                do throws(SystemError) {
                    let tensors = try MappedFile(path: tensors, keepsOpen: true)
                    guard let config else { return (tensors, nil) }
                    return (tensors, try MappedFile(path: config, keepsOpen: true))
                } catch {
                    throw .system(error)
                }
            }
        }
        return (record, files.0, files.1)
    }

    /// An upload that received these files, so that they are checked and stored as if a client had sent them.
    package func upload(tensors: FileDescriptor, config: FileDescriptor?) throws(EngineError) -> Upload {
        let upload: Upload
        do {
            upload = try adapters.beginUpload()
        } catch {
            throw .registry(error)
        }
        do throws(SystemError) {
            try Self.copy(tensors) { buffer throws(SystemError) in try upload.write(buffer) }
            if let config {
                var bytes: [UInt8] = []
                try Self.copy(config) { buffer throws(SystemError) in bytes += Array(buffer) }
                try upload.setConfig(bytes)
            }
            try upload.finish()
        } catch {
            throw .system(error)
        }
        return upload
    }

    private static func copy(
        _ file: FileDescriptor, to write: (UnsafeRawBufferPointer) throws(SystemError) -> Void
    ) throws(SystemError) {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 16)
        defer { buffer.deallocate() }
        while true {
            let count = try file.read(into: buffer, "adapters.folder")
            if count == 0 { return }
            try write(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        }
    }
}
