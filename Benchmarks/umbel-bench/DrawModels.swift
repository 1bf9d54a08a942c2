import UmbelFormats
import UmbelModels
import UmbelTensor

/// The networks of a pipeline's folder, each with an input of the size that is timed.
struct DrawModels {
    /// What is timed, and what its packed weights take by then.
    struct Work {
        let body: () throws -> Void
        let packedBytes: () -> Int
        /// What comes out, if it can be told.
        var values: (() throws -> Matrix)? = nil
        /// What is timed beside it, by turns.
        var beside: [(name: String, body: () throws -> Void)] = []
    }

    let folder: String
    let type: ComputeType
    /// Of the picture, in pixels.
    let size: Int
    let pool: ComputePool

    private var pass: ForwardPass { ForwardPass(pool: pool) }

    private func parts(_ component: String) throws -> (config: JSON, source: TensorsByName) {
        let path = "\(folder)/\(component)"
        return (try ComponentFiles.json("config.json", in: path), try ComponentFiles.weights(in: path))
    }

    func unet() throws -> Work {
        let (json, source) = try parts("unet")
        let evaluation = try evaluation(UNetConfiguration(json), source)
        return Work(
            body: { _ = try evaluation() }, packedBytes: { source.layers.packedBytes }, values: evaluation)
    }

    /// A U-Net with other numbers in some layers: every time another variant, whose memory the next one gets. Beside it the same
    /// variant another time, and the base, whose weights are packed. Each as a picture's first step.
    func otherAdapter(touching touched: TouchedLayers) throws -> Work {
        let (json, source) = try parts("unet")
        let configuration = try UNetConfiguration(json)
        let own = try evaluation(configuration, source, isFirst: true)
        _ = try own()
        var replaced: [String: TensorView] = [:]
        for name in source.names where touched.contains(name) {
            replaced[name] = source.tensor(name)?.copied()
        }
        var last: (variant: ReplacedTensors, evaluate: () throws -> Matrix)
        last = (ReplacedTensors(source, replacing: replaced), { Matrix(rows: 0, columns: 0) })
        return Work(
            body: {
                last.evaluate = { Matrix(rows: 0, columns: 0) }
                last.variant = ReplacedTensors(source, replacing: replaced)
                last.evaluate = try evaluation(configuration, last.variant, isFirst: true)
                _ = try last.evaluate()
            }, packedBytes: { last.variant.layers.packedBytes },
            beside: [("another time", { _ = try last.evaluate() }), ("the base", { _ = try own() })])
    }

    /// - Parameter isFirst: whether nothing is known from the step before.
    private func evaluation(
        _ configuration: UNetConfiguration, _ source: some WeightSource, isFirst: Bool = false
    ) throws -> () throws -> Matrix {
        let network = try UNet(configuration, Weights(source, computeType: type))
        let side = size / 8
        let sample = FeatureMap(
            batch: 2, height: side, width: side, numbers(2 * side * side, configuration.inChannels))
        var conditions = UNet.Conditions(context: numbers(2 * 77, network.contextSize))
        conditions.projections = TextProjections()
        if case .textAndNumbers(let size, let numberSize) = configuration.addition {
            let pooled = (0..<size - 6 * numberSize).map { Float($0 % 7) / 7 }
            let side = Float(self.size)
            conditions.pooledText = [pooled, pooled]
            conditions.numbers = Array(repeating: [side, side, 0, 0, side, side], count: 2)
        }
        return { [conditions, pass] in
            var conditions = conditions
            if isFirst { conditions.projections = TextProjections() }
            return try network(sample, timestep: 500, conditions, pass).values
        }
    }

    func autoencoder(tiled: Bool) throws -> Work {
        let (json, source) = try parts("vae")
        let configuration = try VAEConfiguration(json)
        let network = try AutoencoderKL(configuration, Weights(source, computeType: type))
        let side = size / configuration.factor
        let latents = FeatureMap(
            batch: 1, height: side, width: side, numbers(side * side, configuration.latentChannels))
        let tiling = tiled ? network.tiling() : nil
        return Work(
            body: { [pass] in _ = try network.decode(latents, tiling: tiling, pass) },
            packedBytes: { source.layers.packedBytes })
    }

    func text() throws -> Work {
        let folders = ["text_encoder", "text_encoder_2"].filter {
            (try? ComponentFiles.json("config.json", in: "\(folder)/\($0)")) != nil
        }
        let encoders = try folders.map { folder in
            let (json, source) = try parts(folder)
            return (try CLIPTextModel(CLIPTextConfiguration(json), Weights(source, computeType: type)), source)
        }
        let ids = [Array(1...77), Array(101...177)]
        return Work(
            body: { [pass] in for (encoder, _) in encoders { _ = try encoder(ids, pass) } },
            packedBytes: { encoders.reduce(0) { $0 + $1.1.layers.packedBytes } })
    }

    /// Small numbers of either sign, the same every time.
    private func numbers(_ rows: Int, _ columns: Int) -> Matrix {
        Matrix(
            rows: rows, columns: columns, values: (0..<rows * columns).map { Float(($0 * 7919) % 2001 - 1000) / 1000 })
    }
}

extension TensorView {
    /// The same bytes in memory of their own, as a merged tensor has.
    fileprivate func copied() -> TensorView {
        let memory = Matrix(rows: 1, columns: (bytes.count + 3) / 4)
        if let start = bytes.baseAddress {
            UnsafeMutableRawPointer(memory.start).copyMemory(from: start, byteCount: bytes.count)
        }
        let copy = UnsafeRawBufferPointer(start: memory.start, count: bytes.count)
        return TensorView(dtype: dtype, shape: shape, bytes: copy, owner: memory)
    }
}
