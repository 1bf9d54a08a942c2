import Foundation
import Testing
import UmbelFormats
import UmbelTesting

/// What control adapters hold beside pairs, and vectors that look like a whole weight (names.md 3 and 6).
@Suite("Whole values and widened layers")
struct ControlAdapterTests {
    private typealias Tensors = [(name: String, shape: [Int], values: [Float])]

    /// Writes both files, merges, and gives the tensor of that name.
    private func merged(_ base: Tensors, _ adapter: Tensors, _ name: String) throws -> (shape: [Int], values: [Float]) {
        let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let paths = ["base", "adapter"].map { folder.appending(path: "\($0).safetensors").path }
        for (path, tensors) in zip(paths, [base, adapter]) {
            let layout = SafetensorsLayout(
                tensors: tensors.map { .init(name: $0.name, dtype: .f32, shape: $0.shape) }, metadata: nil)
            let data = tensors.flatMap(\.values).withUnsafeBytes { Array($0) }
            try Data(layout.header + data).write(to: URL(filePath: path))
        }
        let view = try #require(try MergeResult(base: paths[0], adapters: [(paths[1], 1)]).view(name))
        return (view.shape, view.values())
    }

    private let flux: Tensors = [
        ("double_blocks.0.img_attn.norm.key_norm.scale", [2], [1, 1]),
        ("double_blocks.0.img_attn.norm.query_norm.scale", [2], [1, 2]),
        ("img_in.weight", [2, 2], [1, 2, 3, 4]),
    ]

    @Test(
        "A norm under its own name is a new value",
        arguments: [
            "diffusion_model.double_blocks.0.img_attn.norm.query_norm.scale",
            "double_blocks.0.img_attn.norm.query_norm.scale", "transformer.transformer_blocks.0.attn.norm_q.weight",
        ])
    func norm(key: String) throws {
        let norm = "double_blocks.0.img_attn.norm.query_norm.scale"
        #expect(try merged(flux, [(key, [2], [5, 6])], norm).values == [5, 6])
    }

    @Test("A norm of another size is refused")
    func normOfAnotherSize() {
        let norm = "double_blocks.0.img_attn.norm.query_norm.scale"
        for key in [norm, "transformer.transformer_blocks.0.attn.norm_q.weight"] {
            #expect(throws: (any Error).self) { try merged(flux, [(key, [3], [5, 6, 7])], norm) }
        }
    }

    @Test("A pair that is wider than the layer that takes the image in widens it with zeros")
    func widened() throws {
        let pair: Tensors = [
            ("img_in.lora_A.weight", [1, 3], [1, 1, 1]), ("img_in.lora_B.weight", [2, 1], [10, 20]),
        ]
        let (shape, values) = try merged(flux, pair, "img_in.weight")
        #expect(shape == [2, 3])
        #expect(values == [11, 12, 10, 23, 24, 20])
    }

    @Test("The vector of (IA)³ is no copy of the weight", arguments: ["lora_unet_conv", "base_model.model.conv"])
    func vector(stem: String) throws {
        let base: Tensors = [("conv.weight", [2, 2, 1, 1], [1, 2, 3, 4])]
        let adapter: Tensors = [("\(stem).weight", [1, 2, 1, 1], [1, 2]), ("\(stem).on_input", [], [0])]
        #expect(try merged(base, adapter, "conv.weight").values == [2, 4, 9, 12])
    }
}
