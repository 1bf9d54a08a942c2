package import UmbelAdapters
internal import UmbelFormats
package import UmbelPOSIX
internal import UmbelRegistry
package import UmbelTensor

/// Opens adapters from disk: a `.safetensors` file, alone or with `adapter_config.json` beside it in a PEFT folder.
package enum AdapterFile {
    /// Usual names of the tensor file in a folder, the first that is there counts.
    private static let tensorFiles = [
        "adapter_model.safetensors", "pytorch_lora_weights.safetensors", AdapterContent.tensorFile,
    ]
    package static let configName = AdapterContent.configFile
    /// As PEFT calls it.
    package static var peftTensorFile: String { tensorFiles[0] }

    /// The tensor file of a folder that holds files of these names.
    package static func tensorFile(among names: [String]) -> String? {
        let safetensors = names.filter { $0.hasSuffix(".safetensors") }
        return tensorFiles.first(where: names.contains) ?? (safetensors.count == 1 ? safetensors[0] : nil)
    }

    /// Which files on disk make up an adapter.
    package struct Files: Hashable, Sendable {
        /// Path of the tensor file.
        package let tensors: String
        /// Path of `adapter_config.json`, if it belongs to it.
        package let config: String?
    }

    /// - Parameter path: a file or a folder.
    /// - Throws: `EngineError` naming what is wrong with it.
    package static func open(_ path: String) throws(EngineError) -> Adapter {
        let files = try files(of: path)
        return try open(tensors: files.tensors, config: files.config)
    }

    /// Chooses the files without opening them.
    ///
    /// - Parameter path: a file or a folder.
    /// - Throws: `EngineError` for a folder without a tensor file, or with several that nothing decides between, and for
    ///   a format that is never read.
    package static func files(of path: String) throws(EngineError) -> Files {
        guard Directory.isDirectory(path) else {
            if let format = ForeignFormat(fileName: path) { throw .adapterFile(.notSafetensors(format: format)) }
            // A tensor file of a PEFT folder brings its settings with it.
            let beside = Directory.parent(of: path) + "/" + configName
            let isPEFT = Directory.name(of: path) == tensorFiles[0] && Directory.isFile(beside)
            return Files(tensors: path, config: isPEFT ? beside : nil)
        }
        let names: [String]
        do {
            names = try Directory.names(in: path)
        } catch {
            throw .system(error)
        }
        let config = names.contains(configName) ? path + "/" + configName : nil
        if let file = tensorFile(among: names) {
            return Files(tensors: path + "/" + file, config: config)
        }
        if let pickle = names.first(where: { ForeignFormat(fileName: $0) != nil }) {
            throw .adapterFile(.notSafetensors(format: ForeignFormat(fileName: pickle) ?? .pickle))
        }
        throw .adapter(.noTensors)
    }

    /// - Parameters:
    ///   - tensors: path of the tensor file.
    ///   - config: path of `adapter_config.json`, if there is one.
    ///   - pool: where the numbers are looked through; nil for the calling thread alone.
    package static func open(
        tensors path: String, config: String?, pool: ComputePool? = nil
    ) throws(EngineError) -> Adapter {
        if let format = ForeignFormat(fileName: path) { throw .adapterFile(.notSafetensors(format: format)) }
        let file: SafetensorsFile
        do {
            file = try SafetensorsFile(path: path)
        } catch {
            switch error {
            case .system(let error): throw .system(error)
            case .invalid(_, let error): throw .adapterFile(error)
            }
        }
        let settings = try config.map { path throws(EngineError) in try self.config(path) } ?? nil
        do {
            return try Adapter(file: file, config: settings, pool: pool)
        } catch {
            throw .adapter(error)
        }
    }

    /// Reads a file without settings while it arrives, waiting for what it looks at next.
    ///
    /// - Parameters:
    ///   - path: of a file that has its whole length already.
    ///   - arrived: how much of it is there.
    /// - Returns: nil if the file does not arrive whole, or if anything is wrong with it: `open` says what.
    package static func open(arriving path: String, _ arrived: ByteGate) -> Adapter? {
        func hasArrived(_ bytes: Int) -> Bool { arrived.wait(for: bytes) >= bytes }
        guard hasArrived(8), let headerBytes = SafetensorsIndex.headerBytes(ofFile: path), hasArrived(headerBytes),
            let file = try? SafetensorsFile(path: path),
            let readings = TensorReadings(of: file, hasArrived: hasArrived)
        else { return nil }
        return try? Adapter(file: file, readings: readings)
    }

    /// - Returns: nil for a file without `peft_type`, which is another tool's.
    private static func config(_ path: String) throws(EngineError) -> PEFTConfig? {
        let mapping: MappedFile
        do {
            mapping = try MappedFile(path: path)
        } catch {
            throw .system(error)
        }
        do {
            return try PEFTConfig(parsing: Array(mapping.bytes))
        } catch {
            throw .adapter(.config(error))
        }
    }
}
