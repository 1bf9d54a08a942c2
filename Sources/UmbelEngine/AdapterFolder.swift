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

    /// The tensors and the settings of an entry. To be read and not mapped: others write to the folder, and a mapped file that
    /// shrinks ends the process.
    ///
    /// - Returns: nil if there is no such entry, or it is no adapter.
    package func files(_ name: String) throws(SystemError) -> (tensors: FileDescriptor, config: FileDescriptor?)? {
        switch try folder.entry(name) {
        case nil: return nil
        case .file(let file): return try files(tensors: file, name)
        case .folder(let folder):
            let names = try folder.fileNames()
            guard let tensors = AdapterFile.tensorFile(among: names),
                case .file(let file)? = try folder.entry(tensors)
            else { return nil }
            guard case .file(let config)? = try folder.entry(AdapterFile.configName) else { return (file, nil) }
            return (file, config)
        }
    }

    private func files(
        tensors: FileDescriptor, _ name: String
    ) throws(SystemError) -> (FileDescriptor, FileDescriptor?)? {
        guard name.hasSuffix(".safetensors") else { return nil }
        // The tensor file of a PEFT folder brings its settings with it.
        guard Directory.name(of: name) == AdapterFile.peftTensorFile, name.contains("/") else { return (tensors, nil) }
        let config = Directory.parent(of: name) + "/" + AdapterFile.configName
        guard case .file(let file)? = try folder.entry(config) else { return (tensors, nil) }
        return (tensors, file)
    }
}
