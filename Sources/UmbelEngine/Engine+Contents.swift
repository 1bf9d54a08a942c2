package import UmbelPOSIX

/// The stored files of an adapter, and uploads made of files that are here already.
extension Engine {
    /// What is stored of the content that a term names, as it was uploaded.
    package func contents(
        _ term: ModelReference.Term
    ) throws(EngineError) -> (record: AdapterRecord, tensors: MappedFile, config: MappedFile?) {
        let (record, files) = try reading({ () throws(EngineError) in try self.record(term) }) {
            (record) throws(EngineError) -> (MappedFile, MappedFile?) in
            do throws(SystemError) {
                let tensors = try MappedFile(path: adapters.tensorPath(record.digest))
                guard let config = adapters.configPath(record.digest) else { return (tensors, nil) }
                return (tensors, try MappedFile(path: config))
            } catch {
                throw .system(error)
            }
        }
        return (record, files.0, files.1)
    }

    /// An upload that received these files, so that they are checked and stored as if a client had sent them.
    package func upload(tensors: MappedFile, config: MappedFile?) throws(EngineError) -> Upload {
        do throws(SystemError) {
            let upload = try adapters.beginUpload()
            try upload.write(tensors.bytes)
            if let config { try upload.setConfig(Array(config.bytes)) }
            try upload.finish()
            return upload
        } catch {
            throw .system(error)
        }
    }
}
