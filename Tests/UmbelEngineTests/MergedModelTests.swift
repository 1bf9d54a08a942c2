import Foundation
import Testing
import UmbelEngine
import UmbelFormats
import UmbelNames
import UmbelTensor
import UmbelTesting

@testable import UmbelAdapters

/// Merged models as files: sizes known beforehand, ranges that make up the whole, headers that fit what follows.
@Suite("Merged models as files")
struct MergedModelTests {
    private static let pool = ComputePool(threads: 2)
    private static let demo = URL(filePath: Goldens.folder).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "demo").path

    private func bytes(_ range: Range<Int>, of file: MergedModel.File, in model: MergedModel) throws -> [UInt8] {
        var bytes: [UInt8] = []
        try model.write(range, of: file, from: StreamedTensors(pool: Self.pool)) { $0.withBytes { bytes += $0 } }
        return bytes
    }

    private func whole(_ path: String, in model: MergedModel) throws -> [UInt8] {
        let file = try #require(model.file(path))
        let bytes = try bytes(0..<file.bytes, of: file, in: model)
        #expect(bytes.count == file.bytes, "\(path) is as long as it was said to be")
        return bytes
    }

    private func parsed(_ path: String, in model: MergedModel) throws -> SafetensorsFile {
        let folder = try TemporaryFolder()
        return try SafetensorsFile(path: folder.write(whole(path, in: model), to: "f.safetensors"))
    }

    private func plan(_ base: BaseModel, _ patches: [Patch]) -> MergePlan {
        MergePlan(
            base: base.weights, steps: [.init(binding: Binding(patches: patches, report: BindingReport()), strength: 1)]
        )
    }

    /// A language model in two shards, with a second copy of a tensor in the shard that the index does not name.
    private func shardedBase(_ folder: TemporaryFolder) throws -> BaseModel {
        let first = [
            TestTensor("model.embed_tokens.weight", [6, 4], (0..<24).map(Float.init), as: .bf16),
            TestTensor("model.norm.weight", [4], [1, 2, 3, 4], as: .bf16),
        ]
        let second = [
            TestTensor("lm_head.weight", [6, 4], (0..<24).map { -Float($0) }, as: .bf16),
            TestTensor("model.norm.weight", [4], [9, 9, 9, 9], as: .bf16),
            TestTensor.integers("model.position_ids", [2], [7, 8]),
        ]
        try folder.write(first.file(metadata: [("format", "pt")]), to: "model-00001-of-00002.safetensors")
        try folder.write(second.file(), to: "model-00002-of-00002.safetensors")
        try folder.write(
            #"{"architectures":["LlamaForCausalLM"],"model_type":"llama","tie_word_embeddings":false}"#,
            to: "config.json")
        try folder.write(
            """
            {"metadata":{"total_size":120},"weight_map":{"model.embed_tokens.weight":"model-00001-of-00002.safetensors",\
            "model.norm.weight":"model-00001-of-00002.safetensors","lm_head.weight":"model-00002-of-00002.safetensors",\
            "model.position_ids":"model-00002-of-00002.safetensors"}}
            """, to: "model.safetensors.index.json")
        return try BaseModel(name: "base", path: folder.path)
    }

    private func tensor(_ name: String, of base: BaseModel) throws -> Int {
        try #require(base.weights.catalog.tensors.firstIndex { $0.name == name })
    }

    @Test("Without adapters every file of the base is itself, to the byte", arguments: ["stories-llama", "shapes-sd"])
    func emptyRecipe(_ name: String) throws {
        let base = try BaseModel(name: name, path: "\(Self.demo)/bases/\(name)")
        let model = MergedModel(base: base, plan: MergePlan(base: base.weights, steps: []))
        #expect(model.files.map(\.path) == base.files.map(\.path))
        for file in base.files {
            let stored = try Data(
                contentsOf: URL(filePath: (base.isSingleFile ? base.location : base.location + "/" + file.path)))
            #expect(try whole(file.path, in: model) == Array(stored), "\(file.path)")
        }
    }

    @Test(
        "Ranges cut anywhere make up the whole",
        arguments: [
            ("stories-llama", "lycoris-lokr-shakespeare.safetensors", nil), ("stories-llama", "peft-oft-meow", .bf16),
            ("gpt2-tiny", "peft-lora-upper", nil), ("qwen2-tiny", "peft-lora-embed-head-upper", .f16),
        ] as [(String, String, DType?)])
    func ranges(name: String, adapter: String, dtype: DType?) throws {
        let merge = try MergeResult(
            base: "\(Self.demo)/bases/\(name)", adapters: [("\(Self.demo)/adapters/\(name)/\(adapter)", 0.7)])
        let model = MergedModel(base: merge.base, plan: merge.plan, dtype: dtype)
        var random = SeededGenerator(seed: 2)
        for file in model.files {
            let expected = try whole(file.path, in: model)
            for _ in 0..<3 {
                var cuts = (0..<9).map { _ in Int.random(in: 0...file.bytes, using: &random) }
                // Cuts around the header and in the middle of an element.
                cuts += [0, 1, 7, 8, 9, file.bytes - 1, file.bytes].map { min(max(0, $0), file.bytes) }
                cuts.sort()
                let parts = try zip(cuts, cuts.dropFirst()).flatMap { try bytes($0..<$1, of: file, in: model) }
                #expect(parts == expected, "\(file.path)")
            }
        }
    }

    @Test("Tensors that no adapter touches keep their bytes, and the header where nothing moved")
    func untouchedBytes() throws {
        let merge = try MergeResult(
            base: "\(Self.demo)/bases/stories-llama",
            adapters: [("\(Self.demo)/adapters/stories-llama/peft-ia3-excited", 1)])
        let model = MergedModel(base: merge.base, plan: merge.plan)
        let merged = try whole("model.safetensors", in: model)
        let stored = Array(try Data(contentsOf: URL(filePath: "\(Self.demo)/bases/stories-llama/model.safetensors")))
        #expect(merged.count == stored.count)
        let file = try SafetensorsFile(path: "\(Self.demo)/bases/stories-llama/model.safetensors")
        let start = file.index.dataStart
        #expect(merged[..<start] == stored[..<start])
        for (index, entry) in file.index.entries.enumerated() {
            let range = start + entry.range.lowerBound..<start + entry.range.upperBound
            let label = merge.base.weights.label(index)
            #expect((merged[range] == stored[range]) == !merge.changed.contains(label), "\(label)")
        }
    }

    @Test("Shards, their second copies and their index go through unchanged where sizes stay")
    func unchangedShards() throws {
        let folder = try TemporaryFolder()
        let base = try shardedBase(folder)
        let head = try tensor("lm_head.weight", of: base)
        let view = TargetView(pieces: [Piece(tensor: head)], shape: [6, 4])
        let model = MergedModel(
            base: base,
            plan: plan(base, [Patch(view, .replace(TestTensor("x", [6, 4], [Float](repeating: 0.5, count: 24)).view))]))
        for path in ["config.json", "model.safetensors.index.json", "model-00001-of-00002.safetensors"] {
            #expect(try whole(path, in: model) == Array(Data(contentsOf: URL(filePath: folder.path + "/" + path))))
        }
        let shard = try parsed("model-00002-of-00002.safetensors", in: model)
        #expect(shard.view("lm_head.weight")?.values() == [Float](repeating: 0.5, count: 24))
        #expect(shard.view("model.norm.weight")?.values() == [9, 9, 9, 9])
    }

    @Test("A vocabulary of another size and a new tensor are written with a new index")
    func resizedShards() throws {
        let folder = try TemporaryFolder()
        let base = try shardedBase(folder)
        let head = try tensor("lm_head.weight", of: base)
        let longer = TestTensor("x", [8, 4], (0..<32).map { Float($0) / 4 })
        let added = TestTensor("y", [2, 4], [Float](repeating: 3, count: 8), as: .f32)
        let patches = [
            Patch(TargetView(pieces: [Piece(tensor: head)], shape: [8, 4]), .replace(longer.view)),
            Patch(nil, .add(component: "", name: "score.weight", added.view)),
        ]
        let model = MergedModel(base: base, plan: plan(base, patches))
        let first = try parsed("model-00001-of-00002.safetensors", in: model)
        let second = try parsed("model-00002-of-00002.safetensors", in: model)
        #expect(first.index.metadata?.map(\.value) == ["pt"], "the file's own metadata stays")
        #expect(first.view("score.weight")?.values() == added.values)
        #expect(first.view("model.embed_tokens.weight")?.values() == (0..<24).map(Float.init))
        #expect(second.view("lm_head.weight")?.shape == [8, 4])
        #expect(second.view("lm_head.weight")?.dtype == .bf16)
        #expect(second.view("lm_head.weight")?.values() == longer.values)
        #expect(second.view("model.position_ids")?.number(at: 1) == 8)
        let index = try JSON(parsing: try whole("model.safetensors.index.json", in: model))
        let map = try #require(index["weight_map"]?.members)
        #expect(
            map.map { [$0.name, $0.value.string ?? ""] } == [
                ["lm_head.weight", "model-00002-of-00002.safetensors"],
                ["model.embed_tokens.weight", "model-00001-of-00002.safetensors"],
                ["model.norm.weight", "model-00001-of-00002.safetensors"],
                ["model.position_ids", "model-00002-of-00002.safetensors"],
                ["score.weight", "model-00001-of-00002.safetensors"],
            ])
        #expect(index["metadata"]?["total_size"]?.integer == 48 + 8 + 64 + 16 + 32)
        // What was written is a base again.
        let written = try TemporaryFolder()
        for file in model.files { try written.write(whole(file.path, in: model), to: file.path) }
        let again = try BaseModel(name: "again", path: written.path)
        #expect(again.weights.views[try tensor("score.weight", of: again)].values() == added.values)
    }

    @Test("Converted tensors are rounded once, and integers stay as they are", arguments: [DType.f32, .f16])
    func conversion(_ dtype: DType) throws {
        let folder = try TemporaryFolder()
        let base = try shardedBase(folder)
        let norm = try tensor("model.norm.weight", of: base)
        let view = TargetView(pieces: [Piece(tensor: norm)], shape: [4])
        // 0.1 in f32 is not a bf16: the result must come from f32 and not by way of the base's type.
        let diff = TestTensor("d", [4], [0.1, 0.1, 0.1, 0.1])
        let delta = Addition.patch(view, StoredDelta(diff.view, rows: 4))
        let model = MergedModel(base: base, plan: plan(base, [delta]), dtype: dtype)
        let first = try parsed("model-00001-of-00002.safetensors", in: model)
        let second = try parsed("model-00002-of-00002.safetensors", in: model)
        let expected = TestTensor("e", [4], [1.1, 2.1, 3.1, 4.1].map { Float($0) }, as: dtype)
        let merged = try #require(first.view("model.norm.weight"))
        #expect(merged.dtype == dtype)
        #expect(TensorComparison(merged, expected.view, atol: dtype == .f32 ? 3e-7 : 0).failure == nil)
        #expect(first.view("model.embed_tokens.weight")?.dtype == dtype)
        #expect(first.view("model.embed_tokens.weight")?.values() == (0..<24).map(Float.init))
        #expect(second.view("model.position_ids")?.dtype == .i64)
        let index = try JSON(parsing: try whole("model.safetensors.index.json", in: model))
        #expect(index["weight_map"]?.members?.count == 4)
    }
}
