import Testing
import UmbelModels

@Suite("Weights of a model's blocks")
struct BlockWeightsTests {
    /// Lists whose values say where they stand.
    private func counted(_ count: Int) throws -> BlockWeights {
        try #require(BlockWeights((0..<count).map(Double.init)))
    }

    @Test(
        "Paths of both layouts belong to the same blocks",
        arguments: [
            ("conv_in.weight", "input_blocks.0.0.weight", .input(0)),
            ("down_blocks.0.resnets.1.conv1", "input_blocks.2.0.in_layers.2", .input(2)),
            ("down_blocks.0.downsamplers.0.conv", "input_blocks.3.0.op", .input(3)),
            ("down_blocks.2.attentions.1.proj_in", "input_blocks.8.1.proj_in", .input(8)),
            ("mid_block.attentions.0.proj_in", "middle_block.1.proj_in", .middle),
            ("up_blocks.0.upsamplers.0.conv", "output_blocks.2.1.conv", .output(2)),
            ("up_blocks.3.attentions.2.transformer_blocks.0.attn1.to_q", "output_blocks.11.1.x", .output(11)),
        ] as [(String, String, UNetBlock)])
    func blocks(diffusers: String, original: String, block: UNetBlock) {
        #expect(UNetBlock(path: diffusers, layersPerBlock: [2, 2, 2, 2]) == block)
        #expect(UNetBlock(path: original, layersPerBlock: [2, 2, 2, 2]) == block)
    }

    @Test("The layers of a block count")
    func layers() {
        #expect(UNetBlock(path: "down_blocks.1.resnets.0.conv1", layersPerBlock: [1, 1, 1]) == .input(3))
        #expect(UNetBlock(path: "down_blocks.1.downsamplers.0.conv", layersPerBlock: [1, 1, 1]) == .input(4))
        #expect(UNetBlock(path: "up_blocks.1.upsamplers.0.conv", layersPerBlock: [3, 3]) == .output(7))
        #expect(UNetBlock(path: "down_blocks.2.resnets.0.conv1", layersPerBlock: [1, 3, 2]) == .input(7))
        #expect(UNetBlock(path: "up_blocks.2.resnets.1.conv1", layersPerBlock: [1, 3, 2]) == .output(8))
        #expect(UNetBlock(path: "down_blocks.3.resnets.0.conv1", layersPerBlock: [1, 3, 2]) == nil)
    }

    @Test("What belongs to no block has the whole strength")
    func others() throws {
        for path in [
            "time_embedding.linear_1", "time_embed.0", "conv_out", "out.2", "", "down_blocks", "up_blocks.x.y",
        ] {
            #expect(UNetBlock(path: path, layersPerBlock: [2, 2, 2, 2]) == nil)
            #expect(try counted(17).factor(forModule: path, layersPerBlock: [2]) == 1)
        }
    }

    @Test(
        "The number of values selects the blocks",
        arguments: [
            (12, [4, 5, 7, 8], 5, Array(0...5)),
            (17, [1, 2, 4, 5, 7, 8], 7, Array(3...11)),
            (20, Array(0...8), 10, Array(0...8)),
            (26, Array(0...11), 13, Array(0...11)),
        ] as [(Int, [Int], Int, [Int])])
    func schemes(count: Int, inputs: [Int], middle: Int, outputs: [Int]) throws {
        let weights = try counted(count)
        #expect(weights.values.count == count && weights.base == 0)
        for index in 0...11 {
            let input = inputs.firstIndex(of: index).map { $0 + 1 } ?? 0
            let output = outputs.firstIndex(of: index).map { $0 + middle + 1 } ?? 0
            #expect(weights.factor(forModule: "input_blocks.\(index).0.x", layersPerBlock: []) == Double(input))
            #expect(weights.factor(forModule: "output_blocks.\(index).0.x", layersPerBlock: []) == Double(output))
        }
        #expect(weights.factor(forModule: "middle_block.1.x", layersPerBlock: []) == Double(middle))
    }

    @Test("Other numbers of values are no list")
    func counts() {
        for count in [0, 1, 11, 13, 16, 18, 25, 27, 61] {
            #expect(BlockWeights(Array(repeating: 1, count: count)) == nil)
        }
    }

    @Test("Lists with a name")
    func presets() throws {
        let outer = try #require(BlockWeights.preset("OUTS"))
        #expect(outer.base == 1)
        #expect(outer.factor(forModule: "output_blocks.7.0.x", layersPerBlock: []) == 1)
        #expect(outer.factor(forModule: "output_blocks.6.0.x", layersPerBlock: []) == 0)
        #expect(BlockWeights.preset("NONE")?.base == 0)
        #expect(BlockWeights.preset("ALL0.5")?.factor(forModule: "middle_block.0", layersPerBlock: []) == 0.5)
        #expect(BlockWeights.preset("MINE") == nil)
    }
}
