import Testing
import UmbelModels
import UmbelTensor

@Suite("Configurations that are read off the shapes of tensors")
struct ShapeConfigurationTests {
    @Test("Stable Diffusion 1 has 8 heads everywhere")
    func first() throws {
        let weights = shapes(channels: [320, 640, 1280, 1280], attention: [1, 1, 1, 0], middle: 1, context: 768)
        let found = try UNetConfiguration(shapesOf: weights)
        let first = UNetConfiguration.Level(channels: 320, down: "CrossAttnDownBlock2D", up: "CrossAttnUpBlock2D")
        #expect(found.levels.map(\.channels) == [320, 640, 1280, 1280])
        #expect(found.levels.map(\.heads) == [8, 8, 8, 8])
        #expect(found.levels.map(\.down) == Array(repeating: first.down, count: 3) + ["DownBlock2D"])
        #expect(found.levels.map(\.up) == Array(repeating: first.up, count: 3) + ["UpBlock2D"])
        #expect(found.levels.allSatisfy { $0.layers == 2 && $0.contextSize == 768 })
        #expect(found.addition == nil && found.inChannels == 4)
    }

    @Test("Stable Diffusion 2 has heads of 64")
    func second() throws {
        let weights = shapes(channels: [320, 640, 1280, 1280], attention: [1, 1, 1, 0], middle: 1, context: 1024)
        #expect(try UNetConfiguration(shapesOf: weights).levels.map(\.heads) == [5, 10, 20, 20])
    }

    @Test("SDXL has several transformer blocks and is told sizes")
    func third() throws {
        let weights = shapes(
            channels: [320, 640, 1280], attention: [0, 2, 10], middle: 10, context: 2048, addition: 2816)
        let found = try UNetConfiguration(shapesOf: weights)
        #expect(found.levels.map(\.down) == ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"])
        #expect(found.levels.map(\.downTransformerLayers) == [[], [2, 2], [10, 10]])
        #expect(found.levels.map(\.upTransformerLayers) == [[], [2, 2, 2], [10, 10, 10]])
        #expect(found.middleTransformerLayers == 10)
        #expect(found.addition == .textAndNumbers(size: 2816, numberSize: 256))
    }

    @Test("What is told a picture is refused")
    func refused() {
        let weights = shapes(
            channels: [320, 640, 1280, 1280], attention: [1, 1, 1, 0], middle: 1, context: 1024, addition: 2048)
        #expect(throws: ModelError.unsupported(setting: "class_embed_type", value: "projection")) {
            try UNetConfiguration(shapesOf: weights)
        }
    }

    @Test("CLIP's own towers have the quick activation, OpenCLIP's have not and lose a layer in Stable Diffusion 2")
    func texts() throws {
        let small = try CLIPTextConfiguration(
            shapesOf: text(size: 768, layers: 12), isOpenCLIP: false, layersLeftOut: 0)
        #expect(small.heads == 12 && small.layers == 12 && small.activation == .quickGELU)
        #expect(small.endToken == 49407 && small.positions == 77)
        let large = try CLIPTextConfiguration(
            shapesOf: text(size: 1024, layers: 24), isOpenCLIP: true, layersLeftOut: 1)
        #expect(large.heads == 16 && large.layers == 23 && large.activation == .gelu && large.innerSize == 4096)
        #expect(throws: ModelError.unsupported(setting: "hidden_size", value: "40")) {
            try CLIPTextConfiguration(shapesOf: text(size: 40, layers: 1), isOpenCLIP: false, layersLeftOut: 0)
        }
    }

    /// The tensors that tell how a U-Net is built; two layers a level.
    ///
    /// - Parameter attention: transformer blocks of each level; 0 for none.
    private func shapes(
        channels: [Int], attention: [Int], middle: Int, context: Int, addition: Int? = nil
    ) -> Weights {
        var shapes: [String: [Int]] = [
            "conv_in.weight": [channels[0], 4, 3, 3], "conv_out.weight": [4, channels[0], 3, 3],
        ]
        func attend(_ name: String, _ count: Int, _ width: Int) {
            guard count > 0 else { return }
            shapes[name + ".norm.weight"] = [width]
            for block in 0..<count {
                shapes["\(name).transformer_blocks.\(block).norm1.weight"] = [width]
                shapes["\(name).transformer_blocks.\(block).attn2.to_k.weight"] = [width, context]
            }
        }
        for (level, width) in channels.enumerated() {
            for (way, block, layers) in [("down", level, 2), ("up", channels.count - 1 - level, 3)] {
                for layer in 0..<layers {
                    shapes["\(way)_blocks.\(block).resnets.\(layer).conv1.weight"] = [width, width, 3, 3]
                    attend("\(way)_blocks.\(block).attentions.\(layer)", attention[level], width)
                }
            }
        }
        attend("mid_block.attentions.0", middle, channels[channels.count - 1])
        if let addition { shapes["add_embedding.linear_1.weight"] = [1280, addition] }
        return weights(shapes)
    }

    private func text(size: Int, layers: Int) -> Weights {
        var shapes = [
            "text_model.embeddings.token_embedding.weight": [49408, size],
            "text_model.embeddings.position_embedding.weight": [77, size],
        ]
        for layer in 0..<layers { shapes["text_model.encoder.layers.\(layer).mlp.fc1.weight"] = [4 * size, size] }
        return weights(shapes)
    }

    /// Tensors whose numbers nobody may look at: they are not there.
    private func weights(_ shapes: [String: [Int]]) -> Weights {
        let place = Matrix(rows: 1, columns: 1)
        return Weights(
            TensorsByName(
                shapes.mapValues { shape in
                    let bytes = UnsafeRawBufferPointer(start: place.start, count: shape.elementCount)
                    return TensorView(dtype: .f8e4m3, shape: shape, bytes: bytes, owner: place)
                }))
    }
}
