/// Which of a folder's files hold its weights (names.md 2): plain before variants, one file before shards of the same
/// name, safetensors only. `consolidated*.safetensors` and `original/` are second copies and never chosen.
struct WeightChoice {
    private static let stems = ["diffusion_pytorch_model", "model"]
    private static let unsafe = [".bin", ".pt", ".ckpt", ".pth"]

    private let files: Set<String>
    private let variant: String?

    init(files: [String], variant: String?) {
        self.files = Set(files)
        self.variant = variant
    }

    /// Nil if the folder has no weights of any kind.
    func weights(in folder: String) throws(RecognitionError) -> WeightFiles? {
        let names = names(in: folder)
        let found = variants(among: names)
        for wanted in [variant, nil] + found.map(Optional.some) {
            if let weights = weights(variant: wanted, folder, names) { return weights }
        }
        let shards = names.filter { name in
            name.hasSuffix(".safetensors")
                && Self.stems.contains { name.hasPrefix($0 + "-") || name.hasPrefix($0 + ".") }
        }
        if !shards.isEmpty { throw .indexMissing(shards.sorted()) }
        let unsafe = unsafe(names)
        if !unsafe.isEmpty { throw .unsafeWeights(unsafe) }
        return nil
    }

    /// Why a folder without safetensors is no base.
    func refusal(in folder: String) -> RecognitionError {
        let unsafe = unsafe(names(in: folder))
        return unsafe.isEmpty ? .noWeights : .unsafeWeights(unsafe)
    }

    private func weights(variant: String?, _ folder: String, _ names: Set<String>) -> WeightFiles? {
        let start = folder.isEmpty ? "" : folder + "/"
        let middle = variant.map { "." + $0 } ?? ""
        for stem in Self.stems {
            let file = "\(stem)\(middle).safetensors"
            if names.contains(file) { return .file(start + file) }
            // Both spellings of a variant's shards share one spelling of the index.
            let index = "\(stem).safetensors.index\(middle).json"
            if names.contains(index) { return .sharded(index: start + index) }
        }
        return nil
    }

    /// "fp16" of `model.fp16.safetensors`, `model.fp16-00001-of-00002.safetensors`, `model.safetensors.index.fp16.json`.
    private func variants(among names: Set<String>) -> [String] {
        var variants: Set<String> = []
        for name in names {
            let parts = name.pathSegments
            guard let stem = parts.first, Self.stems.contains(String(stem)) else { continue }
            if parts.count == 3, parts[2] == "safetensors" {
                variants.insert(String(parts[1]))
            } else if parts.count == 5, parts[1...2] == ["safetensors", "index"], parts[4] == "json" {
                variants.insert(String(parts[3]))
            }
        }
        return variants.sorted()
    }

    private func names(in folder: String) -> Set<String> {
        let start = folder.isEmpty ? "" : folder + "/"
        return Set(
            files.filter { $0.hasPrefix(start) }.map { String($0.dropFirst(start.count)) }
                .filter { !$0.utf8.contains(UInt8(ascii: "/")) })
    }

    private func unsafe(_ names: Set<String>) -> [String] {
        names.filter { name in Self.unsafe.contains(where: name.hasSuffix) }.sorted()
    }
}
