import Testing
import UmbelFormats
import UmbelModels
import UmbelTensor

@Suite("Packed layers")
struct PackedLayerTests {
    let pool = ComputePool(threads: 2)

    private func view(_ shape: [Int]) -> TensorView {
        let count = shape.reduce(1, *)
        let matrix = Matrix(rows: 1, columns: count, values: (0..<count).map { Float($0 % 13) / 13 })
        let bytes = UnsafeRawBufferPointer(start: matrix.start, count: count * 4)
        return TensorView(dtype: .f32, shape: shape, bytes: bytes, owner: matrix)
    }

    @Test("A linear layer packs its weight when it is first used, and lets go of it", arguments: ComputeType.allCases)
    func linear(type: ComputeType) {
        let layer = Linear(weight: view([100, 48]), bias: nil, type: type)
        #expect(layer.packedBytes == 0 && layer.storedBytes == 100 * 48 * 4)
        _ = layer(Matrix(rows: 3, columns: 48, repeating: 1), pool: pool)
        // Two panels of 64 outputs.
        #expect(layer.packedBytes == 128 * 48 * (type == .f32 ? 4 : 2) && layer.storedBytes == 0)
    }

    @Test("A convolution packs its weight once for each way of computing")
    func convolution() {
        let layer = Convolution(weight: view([64, 32, 3, 3]), bias: nil, padding: .init(1))
        #expect(layer.packedBytes == 0)
        func use(_ size: Int) {
            _ = layer(
                FeatureMap(batch: 1, height: size, width: size, Matrix(rows: size * size, columns: 32, repeating: 1)),
                pool: pool)
        }
        let weight = 64 * 32 * 4
        use(8)
        #expect(layer.packedBytes == 16 * weight)
        use(10)
        #expect(layer.packedBytes == 16 * weight)
        use(24)
        #expect(layer.packedBytes == (16 + 36) * weight)
        use(2)
        #expect(layer.packedBytes == (16 + 36 + 9) * weight)
    }

    @Test("A second variant makes and packs only the layers that it touches")
    func variant() throws {
        let folder = TestFiles.drawing + "/sd2-tiny"
        let configuration = try UNetConfiguration(ComponentFiles.json("config.json", in: folder + "/unet"))
        let golden = try Golden(folder + "/goldens/probe.safetensors")
        let (sample, conditions) = (
            try golden.map("unet.sample"), UNet.Conditions(context: try golden.matrix("unet.context"))
        )
        func draw(_ source: some WeightSource) throws -> [Float] {
            let unet = try UNet(configuration, Weights(source))
            return try unet(sample, timestep: 500, conditions, ForwardPass(pool: pool)).values.values
        }
        let base = try ComponentFiles.weights(in: folder + "/unet")
        let plain = try draw(base)
        let (layers, bytes) = (base.layers.count, base.layers.packedBytes)
        #expect(layers > 20 && bytes > 0)
        // A linear layer, a convolution, and a norm, which is no packed layer.
        let names = [
            "down_blocks.0.resnets.0.conv1.weight", "mid_block.attentions.0.transformer_blocks.0.attn2.to_k.weight",
            "conv_norm_out.weight",
        ]
        let touched = try names.reduce(into: [String: TensorView]()) {
            $0[$1] = view(try #require(base.tensor($1)).shape)
        }
        let variant = ReplacedTensors(base, replacing: touched)
        #expect(try draw(variant) != plain)
        #expect(variant.layers.count == 2 && base.layers.count == layers)
        #expect(variant.layers.packedBytes > 0 && base.layers.packedBytes == bytes)
        // Nothing but the variant's own is packed again, and nothing twice.
        let own = variant.layers.packedBytes
        _ = try draw(variant)
        #expect(variant.layers.count == 2 && variant.layers.packedBytes == own)
        #expect(try draw(base) == plain)
    }
}
