package import UmbelFormats
internal import UmbelNames
internal import UmbelPOSIX
package import UmbelTensor

/// The folder of one network: its configuration and the files with its weights.
package enum ComponentFiles {
    /// Reads a JSON file of a folder.
    ///
    /// - Throws: if it is not there, or is no JSON.
    package static func json(_ name: String, in folder: String) throws(ModelError) -> JSON {
        let path = folder + "/" + name
        let file: MappedFile
        do {
            file = try MappedFile(path: path)
        } catch {
            throw .missingFile(path)
        }
        do {
            return try JSON(parsing: file.bytes)
        } catch {
            throw .malformed(file: path, reason: "\(error)")
        }
    }

    /// The tensors of a folder: of its plain file, of its shards, or of a variant ("fp16") if it has nothing else or that one
    /// is asked for.
    ///
    /// - Throws: if there are no safetensors files, or they are damaged or incomplete.
    package static func weights(in folder: String, variant: String? = nil) throws(ModelError) -> TensorsByName {
        let names: [String]
        do {
            names = try Directory.names(in: folder)
        } catch {
            throw .missingFile(folder)
        }
        let found: BaseRecognition
        do {
            // The class only says that this is the folder of one component.
            found = try recognize(files: names, facts: BaseFacts(className: "component"), variant: variant)
        } catch {
            throw .malformed(file: folder, reason: "\(error)")
        }
        switch found.components.first?.weights {
        case .file(let name): return TensorsByName(try tensors(of: folder + "/" + name))
        case .sharded(let index): return TensorsByName(try shards(of: index, in: folder))
        case nil: throw .missingFile(folder + "/model.safetensors")
        }
    }

    /// The tensors of one file.
    package static func tensors(of path: String) throws(ModelError) -> [String: TensorView] {
        let file: SafetensorsFile
        do {
            file = try SafetensorsFile(path: path)
        } catch {
            switch error {
            case .system: throw .missingFile(path)
            case .invalid(_, let error): throw .malformed(file: path, reason: error.code)
            }
        }
        return Dictionary(uniqueKeysWithValues: file.index.entries.map { ($0.name, file.view($0)) })
    }

    /// The tensors that an index names, each from the file it names for it.
    private static func shards(of index: String, in folder: String) throws(ModelError) -> [String: TensorView] {
        let path = folder + "/" + index
        guard let map = try json(index, in: folder)["weight_map"]?.members else {
            throw .malformed(file: path, reason: "weight_map")
        }
        var files: [String: [String: TensorView]] = [:]
        var tensors: [String: TensorView] = [:]
        for member in map {
            guard let shard = member.value.string, !shard.contains("/"), shard != ".." else {
                throw .malformed(file: path, reason: member.name)
            }
            if files[shard] == nil { files[shard] = try Self.tensors(of: folder + "/" + shard) }
            guard let tensor = files[shard]?[member.name] else { throw .missingTensor(member.name) }
            tensors[member.name] = tensor
        }
        return tensors
    }
}
