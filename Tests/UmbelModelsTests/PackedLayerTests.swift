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

    /// The first numbers of a weight, as a merged tensor of that type has them.
    private func stored(_ dtype: DType, _ shape: [Int]) -> TensorView {
        let weight = view(shape)
        let bytes = weight.converted(0..<weight.elementCount, to: dtype)
        let memory = Matrix(rows: 1, columns: (bytes.count + 3) / 4)
        let start = UnsafeMutableRawPointer(memory.start)
        start.copyMemory(from: bytes, byteCount: bytes.count)
        return TensorView(
            dtype: dtype, shape: shape, bytes: UnsafeRawBufferPointer(start: start, count: bytes.count), owner: memory)
    }

    @Test(
        "A linear layer that packs for each use keeps nothing, and computes the same bits",
        arguments: ComputeType.allCases,
        [DType.f32, .bf16, .f16, .f8e5m2])
    func forEachUse(type: ComputeType, dtype: DType) {
        // Few panels and many; the last one is not full.
        for outputs in [70, 900] {
            let (weight, bias) = (stored(dtype, [outputs, 45]), view([outputs]))
            let (once, each) = (
                Linear(weight: weight, bias: bias, type: type),
                Linear(weight: weight, bias: bias, type: type, packing: .eachUse)
            )
            for (rows, threads) in [(1, 1), (3, 2), (200, 2), (384, 3), (385, 2)] {
                let (x, residual) = (view([rows, 45]).matrix(), view([rows, outputs]).matrix())
                let pool = ComputePool(threads: threads)
                let expected = once(x, adding: residual, activation: .silu, pool: pool)
                #expect(each(x, adding: residual, activation: .silu, pool: pool).hasSameBits(as: expected))
            }
            #expect(each.packedBytes == 0 && each.storedBytes == weight.bytes.count)
        }
    }

    @Test("So does a gated one", arguments: ComputeType.allCases)
    func gatedForEachUse(type: ComputeType) {
        let weight = stored(.bf16, [2 * 448, 45])
        let (once, each) = (
            Linear(weight: weight, bias: view([896]), type: type),
            Linear(weight: weight, bias: view([896]), type: type, packing: .eachUse)
        )
        for rows in [5, 384, 500] {
            let x = Factors(view([rows, 45]).matrix(), type: type, pool: pool)
            let (found, expected) = (each.gatedGELU(x, pool: pool), once.gatedGELU(x, pool: pool))
            #expect(found.units.hasSameBits(as: expected.units))
        }
        #expect(each.packedBytes == 0)
    }

    @Test("So does a convolution of one place; others are kept")
    func convolutionForEachUse() {
        for (kernel, keeps) in [(1, false), (3, true)] {
            let weight = stored(.f16, [64, 32, kernel, kernel])
            let (once, each) = (
                Convolution(weight: weight, bias: nil, padding: .init(kernel / 2)),
                Convolution(weight: weight, bias: nil, padding: .init(kernel / 2), packing: .eachUse)
            )
            let x = FeatureMap(batch: 1, height: 8, width: 8, view([64, 32]).matrix())
            #expect(each(x, pool: pool).values.hasSameBits(as: once(x, pool: pool).values))
            #expect(once.packedBytes > 0 && (each.packedBytes > 0) == keeps)
        }
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

    @Test("A second variant makes only the layers that it touches, and keeps packed only what takes time to make")
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
        // What the convolution is transformed to; the linear layer is packed for each use.
        let convolution = try #require(touched[names[0]])
        #expect(variant.layers.packedBytes >= 16 * convolution.elementCount / 9 * 4)
        #expect(base.layers.packedBytes == bytes)
        #expect(variant.layers.storedBytes == names.prefix(2).reduce(0) { $0 + (touched[$1]?.bytes.count ?? 0) })
        // Nothing but the variant's own is packed again, and nothing twice.
        let own = variant.layers.packedBytes
        _ = try draw(variant)
        #expect(variant.layers.count == 2 && variant.layers.packedBytes == own)
        #expect(try draw(base) == plain)
    }
}
