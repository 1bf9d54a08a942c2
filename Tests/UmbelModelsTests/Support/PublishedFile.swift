import Testing
import UmbelFormats
import UmbelModels
import UmbelNames
import UmbelTensor

/// A single file as Stable Diffusion 1, 2 and XL were published, by names and shapes; there are no numbers.
struct PublishedFile {
    /// Name → shape.
    var shapes: [String: [Int]] = [:]
    /// Tensors that have numbers.
    var tensors: [String: TensorView] = [:]
    /// By component, of the folder that the same model was published as.
    let configurations: JSON

    /// - Parameter name: "sd1", "sd2" or "sdxl".
    init(_ name: String) throws {
        let all = try ComponentFiles.json("full-size.json", in: TestFiles.drawing + "/single-files")
        let model = try #require(all[name])
        configurations = try #require(model["configurations"])
        add(try #require(model["tensors"]), below: "")
    }

    private mutating func add(_ tree: JSON, below prefix: String) {
        for member in tree.members ?? [] {
            if let shape = member.value.array {
                shapes[prefix + member.name] = shape.compactMap(\.integer)
            } else {
                add(member.value, below: prefix + member.name + ".")
            }
        }
    }

    /// Gives tensors below a prefix another one; nil takes them away.
    mutating func move(_ prefix: String, to other: String?) {
        for (name, shape) in shapes where name.hasPrefix(prefix) {
            shapes[name] = nil
            if let other { shapes[other + name.dropFirst(prefix.count)] = shape }
        }
    }

    var file: SingleFile {
        // Enough for what is looked at: a projection that is turned over.
        let place = Matrix(rows: 1, columns: 1 << 19, repeating: 0)
        var views = tensors
        for (name, shape) in shapes where views[name] == nil {
            let bytes = UnsafeRawBufferPointer(start: place.start, count: shape.elementCount)
            views[name] = TensorView(dtype: .f8e4m3, shape: shape, bytes: bytes, owner: place)
        }
        let names = views.keys.sorted()
        let catalog = names.map { BaseTensor(name: $0, shape: views[$0]?.shape ?? []) }
        return SingleFile(
            TensorsByName(views), names: names, NameTable(catalog: BaseCatalog(tensors: catalog)))
    }

    /// With nothing beside the file.
    func pipeline() throws -> DiffusionPipeline { try DiffusionParts(file, beside: EmptyFolder()).pipeline }

    /// Why there is no pipeline.
    func refusal() -> ModelError? {
        do throws(ModelError) {
            _ = try DiffusionParts(file, beside: EmptyFolder())
            return nil
        } catch {
            return error
        }
    }
}
