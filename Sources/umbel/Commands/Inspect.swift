import ArgumentParser
import UmbelAdapters
import UmbelEngine
import UmbelFormats
import UmbelNames
import UmbelPOSIX
import UmbelServer
import UmbelTensor

/// `umbel inspect`: what is in a file or folder.
struct Inspect: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Say what is in a file or folder: adapter or base, algorithms, tensors, metadata.")

    @Argument(help: "A .safetensors file, a PEFT folder or a base.")
    var file: String

    @Flag(help: "List every tensor.")
    var tensors = false

    @Flag(help: "Print as JSON.")
    var json = false

    func run() throws {
        if let adapter = try adapter() {
            let summary = AdapterView.summary(adapter, nil)
            let modules = adapter.modules.map { module -> JSON in
                [
                    "stem": .string(module.factors.stem), "algorithm": .string(module.algorithm.name),
                    "rank": module.algorithm.rank(of: module.factors).map { JSON($0) } ?? .null,
                    "keys": JSON(module.factors.allKeys),
                ]
            }
            let kind: JSON.Member = .init("kind", adapter.hasOnlyEmbeddings ? "textual_inversion" : "adapter")
            let loaded = LoadedAdapter(digest: "", adapter: adapter)
            let embeddings = EmbeddingView.list(LocalAdapter.name(of: file), loaded)
            let members =
                [kind] + summary + [
                    .init("embeddings", embeddings), .init("unknown_keys", JSON(adapter.unknownKeys)),
                ]
            print(members + (tensors ? [.init("module_list", .array(modules))] : []))
        } else {
            print(baseMembers(try Input.base(file, pool: ComputePool(threads: SystemFacts.processors))))
        }
    }

    /// nil for what is a base rather than an adapter.
    private func adapter() throws -> Adapter? {
        let isPEFT = Directory.isFile(file + "/" + AdapterFile.configName)
        if Directory.isDirectory(file), !isPEFT,
            Directory.isFile(file + "/config.json") || Directory.isFile(file + "/model_index.json")
        {
            return nil
        }
        do {
            let adapter = try AdapterFile.open(file)
            // In a base most names end in a plain weight or bias.
            if adapter.hasOnlyEmbeddings { return adapter }
            let isBase =
                adapter.unknownKeys.count > adapter.modules.count
                || adapter.modules.allSatisfy { $0.algorithm.name == "replace" }
            return isBase && !isPEFT ? nil : adapter
        } catch {
            // A base may hold what an adapter must not; what is no safetensors file at all is neither.
            if case .adapter = error, !isPEFT { return nil }
            throw CommandFailure(.badInput, "\(file): \(Problem(error).detail)")
        }
    }

    private func baseMembers(_ base: BaseModel) -> [JSON.Member] {
        let weights = base.weights
        let types = Dictionary(grouping: weights.views) { $0.dtype.rawValue }.mapValues(\.count)
        var members: [JSON.Member] = [
            .init("kind", "base"), .init("layout", .string("\(base.recognition.kind)")),
            .init("family", JSON(base.recognition.family)), .init("tensors", JSON(weights.views.count)),
            .init("bytes", JSON(weights.views.reduce(0) { $0 + $1.bytes.count })),
            .init("dtypes", .object(types.sorted { $0.key < $1.key }.map { .init($0.key, JSON($0.value)) })),
            .init(
                "files", .array(base.files.map { ["path": .string($0.path), "bytes": JSON($0.bytes)] })),
        ]
        if tensors {
            members.append(
                .init(
                    "tensor_list",
                    .array(
                        weights.views.indices.map { index in
                            [
                                "name": .string(weights.label(index)),
                                "dtype": .string(weights.views[index].dtype.rawValue),
                                "shape": .array(weights.views[index].shape.map { JSON($0) }),
                            ]
                        })))
        }
        return members
    }

    private func print(_ members: [JSON.Member]) {
        if json { return Terminal.print(JSON.object(members).prettyText) }
        for member in members {
            switch member.value {
            case .array(let values) where values.isEmpty: continue
            case .array(let values):
                Terminal.print("\(member.name):")
                for value in values { Terminal.print("  \(value.plainText)") }
            case .object(let fields) where !fields.isEmpty:
                Terminal.print("\(member.name):")
                for field in fields { Terminal.print("  \(field.name): \(field.value.plainText)") }
            default: Terminal.print("\(member.name): \(member.value.plainText)")
            }
        }
    }
}

extension JSON {
    fileprivate var plainText: String {
        switch self {
        case .string(let text): text
        case .object(let members): members.map { "\($0.name) \($0.value.plainText)" }.joined(separator: ", ")
        case .array(let values): values.map(\.plainText).joined(separator: ", ")
        case .null: "none"
        default: text
        }
    }
}
