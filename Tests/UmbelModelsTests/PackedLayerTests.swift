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

    struct Shape: Sendable {
        let inputs: Int
        let outputs: Int
        let size: Int
        var kernel = 3
        var stride = 1
    }

    @Test(
        "A convolution that packs for each use keeps nothing, and computes the same bits",
        arguments: ComputeType.allCases,
        [
            Shape(inputs: 32, outputs: 64, size: 8, kernel: 1), Shape(inputs: 4, outputs: 40, size: 8),
            Shape(inputs: 20, outputs: 3, size: 8), Shape(inputs: 16, outputs: 70, size: 9, stride: 2),
            // Winograd's tiles of each kind: inputs in several parts, panels that are cut by rows, and odd numbers of both.
            Shape(inputs: 701, outputs: 20, size: 5), Shape(inputs: 33, outputs: 130, size: 13),
            Shape(inputs: 17, outputs: 70, size: 24),
            // In f32 more tiles than are computed together.
            Shape(inputs: 1400, outputs: 20, size: 24),
        ])
    func convolutionForEachUse(type: ComputeType, shape: Shape) {
        let x = FeatureMap(
            batch: 2, height: shape.size, width: shape.size,
            view([2 * shape.size * shape.size, shape.inputs]).matrix())
        for dtype in [DType.f32, .bf16, .f16, .f8e5m2] {
            let weight = stored(dtype, [shape.outputs, shape.inputs, shape.kernel, shape.kernel])
            func layer(_ packing: Packing) -> Convolution {
                Convolution(
                    weight: weight, bias: view([shape.outputs]), stride: shape.stride,
                    padding: .init(shape.kernel / 2), type: type, packing: packing)
            }
            let (once, each) = (layer(.once), layer(.eachUse))
            let residual = once(x, pool: pool)
            let expected = once(x, adding: residual, pool: pool).values
            for threads in [1, 2, 5] {
                #expect(each(x, adding: residual, pool: .init(threads: threads)).values.hasSameBits(as: expected))
            }
            #expect(once.packedBytes > 0 && each.packedBytes == 0)
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

    @Test("A second variant makes only the layers that it touches, and keeps nothing packed")
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
        #expect(variant.layers.packedBytes == 0 && base.layers.packedBytes == bytes)
        #expect(variant.layers.storedBytes == names.prefix(2).reduce(0) { $0 + (touched[$1]?.bytes.count ?? 0) })
        _ = try draw(variant)
        #expect(variant.layers.count == 2 && variant.layers.packedBytes == 0)
        #expect(try draw(base) == plain)
    }
}
