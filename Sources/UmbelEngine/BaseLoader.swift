internal import UmbelAdapters
internal import UmbelFormats
internal import UmbelNames
internal import UmbelPOSIX
internal import UmbelTensor

/// Opens the files of a base and puts its tensors in one list.
struct BaseLoader {
    struct Loaded {
        let location: String
        let recognition: BaseRecognition
        let files: [BaseModel.File]
        let weights: BaseWeights
    }

    private var tensors: [BaseTensor] = []
    private var views: [TensorView] = []
    private var contents: [String: BaseModel.File.Content] = [:]

    static func load(_ path: String) throws(BaseError) -> Loaded {
        var loader = BaseLoader()
        let location = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
        if !Directory.isDirectory(location) { return try loader.singleFile(location) }
        return try loader.folder(location)
    }

    private mutating func singleFile(_ path: String) throws(BaseError) -> Loaded {
        if let format = ForeignFormat(fileName: path) { throw .foreignFormat(path: path, format) }
        let name = Directory.name(of: path)
        try add(path, as: name, component: "", wanted: nil)
        guard !tensors.isEmpty else { throw .noTensors(path: path) }
        return try finish(path, [name], recognize(tensors: tensors), BaseFacts(), "")
    }

    private mutating func folder(_ path: String) throws(BaseError) -> Loaded {
        let paths = try Self.wrap { () throws(SystemError) in try Directory.files(below: path) }
        let facts = try BaseFactsReader(folder: path, files: paths).facts()
        var recognition: BaseRecognition
        do {
            recognition = try recognize(files: paths, facts: facts)
        } catch {
            throw .notABase(path: path, error)
        }
        for component in recognition.components {
            switch component.weights {
            case .file(let file): try add(path + "/" + file, as: file, component: component.folder, wanted: nil)
            case .sharded(let index): try addShards(path, index, component.folder)
            }
        }
        guard !tensors.isEmpty else { throw .noTensors(path: path) }
        recognition.family = family(ofTensors: tensors)
        return try finish(path, paths, recognition, facts, path)
    }

    /// Adds the tensors of a file: all, or those of `wanted`.
    private mutating func add(
        _ diskPath: String, as path: String, component: String, wanted: Set<String>?
    ) throws(BaseError) {
        let file: SafetensorsFile
        do {
            file = try SafetensorsFile(path: diskPath, keepsOpen: true)
        } catch {
            switch error {
            case .system(let error): throw .system(error)
            case .invalid(_, let error): throw .file(path: path, error)
            }
        }
        var indices: [Int?] = []
        for entry in file.index.entries {
            guard wanted?.contains(entry.name) ?? true else {
                indices.append(nil)
                continue
            }
            indices.append(tensors.count)
            tensors.append(BaseTensor(component: component, name: entry.name, shape: entry.shape))
            views.append(file.view(entry))
        }
        contents[path] = .weights(file, tensors: indices)
    }

    private mutating func addShards(_ folder: String, _ index: String, _ component: String) throws(BaseError) {
        let map = try BaseFactsReader.json(folder + "/" + index, as: index)["weight_map"]?.members
        guard let map else { throw .jsonField(path: index, field: "weight_map") }
        var wanted: [String: Set<String>] = [:]
        for member in map {
            guard let shard = member.value.string, !shard.contains("/"), shard != ".." else {
                throw .jsonField(path: index, field: "weight_map.\(member.name)")
            }
            wanted[shard, default: []].insert(member.name)
        }
        let prefix = component.isEmpty ? "" : component + "/"
        for (shard, names) in wanted.sorted(by: { $0.key < $1.key }) {
            let before = tensors.count
            try add(folder + "/" + prefix + shard, as: prefix + shard, component: component, wanted: names)
            let held = Set(tensors[before...].map(\.name))
            if let missing = names.subtracting(held).min() { throw .missingTensor(index: index, tensor: missing) }
        }
    }

    private func finish(
        _ location: String, _ paths: [String], _ recognition: BaseRecognition, _ facts: BaseFacts, _ folder: String
    ) throws(BaseError) -> Loaded {
        var files: [BaseModel.File] = []
        for path in paths.sorted() {
            let disk = folder.isEmpty ? location : folder + "/" + path
            if let weights = contents[path], case .weights(let file, _) = weights {
                files.append(.init(path: path, bytes: file.mapping.bytes.count, content: weights))
            } else {
                let mapping = try Self.wrap { () throws(SystemError) in try MappedFile(path: disk, keepsOpen: true) }
                files.append(.init(path: path, bytes: mapping.bytes.count, content: .other(mapping)))
            }
        }
        let reader = BaseFactsReader(folder: folder, files: folder.isEmpty ? [] : paths)
        let classes = Dictionary(
            recognition.components.compactMap { component in component.className.map { (component.folder, $0) } },
            uniquingKeysWith: { first, _ in first })
        let catalog = BaseCatalog(
            tensors: tensors, modelType: facts.modelType, heads: try reader.heads(),
            tiesEmbeddings: try reader.tiesEmbeddings(tensors: tensors), componentClasses: classes)
        return Loaded(
            location: location, recognition: recognition, files: files,
            weights: BaseWeights(catalog: catalog, views: views))
    }

    static func wrap<Result>(_ body: () throws(SystemError) -> Result) throws(BaseError) -> Result {
        do {
            return try body()
        } catch {
            throw .system(error)
        }
    }
}
