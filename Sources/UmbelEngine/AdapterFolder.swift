package import UmbelPOSIX

/// The folder that clients may load adapters from by name: `adapters.folder`.
///
/// An entry is a `.safetensors` file, or a folder with one and perhaps `adapter_config.json`. Nothing outside can be named:
/// see `EnclosedFolder`.
package struct AdapterFolder: Sendable {
    private let folder: EnclosedFolder

    package init(path: String) throws(SystemError) {
        folder = try EnclosedFolder(path: path)
    }

    /// The tensors and the settings of an entry.
    ///
    /// - Returns: nil if there is no such entry, or it is no adapter.
    package func files(_ name: String) throws(SystemError) -> (tensors: MappedFile, config: MappedFile?)? {
        switch try folder.entry(name) {
        case nil: return nil
        case .file(let file): return try files(tensors: file, name)
        case .folder(let folder):
            let names = try folder.fileNames()
            guard let tensors = AdapterFile.tensorFile(among: names),
                case .file(let file)? = try folder.entry(tensors)
            else { return nil }
            let mapping = try MappedFile(file, path: "\(name)/\(tensors)")
            guard case .file(let config)? = try folder.entry(AdapterFile.configName) else { return (mapping, nil) }
            return (mapping, try MappedFile(config, path: "\(name)/\(AdapterFile.configName)"))
        }
    }

    private func files(tensors: FileDescriptor, _ name: String) throws(SystemError) -> (MappedFile, MappedFile?)? {
        guard name.hasSuffix(".safetensors") else { return nil }
        let mapping = try MappedFile(tensors, path: name)
        // The tensor file of a PEFT folder brings its settings with it.
        guard Directory.name(of: name) == AdapterFile.peftTensorFile, name.contains("/") else { return (mapping, nil) }
        let config = Directory.parent(of: name) + "/" + AdapterFile.configName
        guard case .file(let file)? = try folder.entry(config) else { return (mapping, nil) }
        return (mapping, try MappedFile(file, path: config))
    }
}
