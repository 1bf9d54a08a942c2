import ArgumentParser
import UmbelFormats
import UmbelModels
import UmbelTensor

/// `umbel-bench draw`: how long a part of drawing takes with the weights of a pipeline's folder.
struct DrawBenchmark: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "draw",
        abstract: "Time one part of drawing: a step of the U-Net, decoding, or encoding the text.",
        discussion: """
            unet is one evaluation of two samples, as a step with guidance takes; vae decodes one picture; text encodes two \
            prompts of 77 tokens by every text encoder. Loading and the first evaluation, which packs the weights, are not \
            counted. The median is printed.
            """)

    enum Part: String, CaseIterable, ExpressibleByArgument {
        case unet, vae, text
    }

    @Option(help: "A diffusers pipeline's folder.")
    var model: String

    @Option(help: "Which part.")
    var part: Part = .unet

    @Option(help: "Width and height of the picture in pixels.")
    var size = 512

    @Option(help: "Number of computing threads.")
    var threads = 2

    @Option(help: "What products are computed in, f32 or bf16.")
    var dtype: ComputeType = .f32

    @Option(help: "Evaluations are repeated for at least so many seconds, three times at least.")
    var seconds = 2.0

    @Flag(help: "Print the result as JSON.")
    var json = false

    func validate() throws {
        guard size > 0, size % 8 == 0, threads > 0, seconds >= 0 else {
            throw ValidationError("the size is a multiple of 8, and threads are greater than 0")
        }
    }

    func run() throws {
        let memory = ActivationMemory(2 << 30)
        defer { withExtendedLifetime(memory) {} }
        let work = try work(ForwardPass(pool: ComputePool(threads: threads)))
        try work()
        var times: [Double] = []
        while times.count < 3 || times.reduce(0, +) < seconds {
            let clock = ContinuousClock()
            let begun = clock.now
            try work()
            times.append((clock.now - begun) / .seconds(1))
        }
        print(
            json
                ? "{\"seconds\": \(times.median)}"
                : "\(part.rawValue) \(size) \(dtype.rawValue): \(times.median.text(3)) s")
    }

    private func work(_ pass: ForwardPass) throws -> () throws -> Void {
        switch part {
        case .unet: try unet(pass)
        case .vae: try vae(pass)
        case .text: try text(pass)
        }
    }

    private func weights(_ component: String) throws -> (JSON, Weights) {
        let folder = "\(model)/\(component)"
        let source = try ComponentFiles.weights(in: folder)
        return (try ComponentFiles.json("config.json", in: folder), Weights(source, computeType: dtype))
    }

    private func unet(_ pass: ForwardPass) throws -> () throws -> Void {
        let (json, weights) = try weights("unet")
        let configuration = try UNetConfiguration(json)
        let network = try UNet(configuration, weights)
        let sample = FeatureMap(
            batch: 2, height: size / 8, width: size / 8, numbers(2 * size / 8 * size / 8, configuration.inChannels))
        var conditions = UNet.Conditions(context: numbers(2 * 77, network.contextSize))
        if case .textAndNumbers(let size, let numberSize) = configuration.addition {
            let pooled = (0..<size - 6 * numberSize).map { Float($0 % 7) / 7 }
            let side = Float(self.size)
            conditions.pooledText = [pooled, pooled]
            conditions.numbers = Array(repeating: [side, side, 0, 0, side, side], count: 2)
        }
        return { [conditions] in _ = try network(sample, timestep: 500, conditions, pass) }
    }

    private func vae(_ pass: ForwardPass) throws -> () throws -> Void {
        let (json, weights) = try weights("vae")
        let configuration = try VAEConfiguration(json)
        let network = try AutoencoderKL(configuration, weights)
        let latents = FeatureMap(
            batch: 1, height: size / 8, width: size / 8, numbers(size / 8 * size / 8, configuration.latentChannels))
        return { _ = try network.decode(latents, tiling: nil, pass) }
    }

    private func text(_ pass: ForwardPass) throws -> () throws -> Void {
        let folders = ["text_encoder", "text_encoder_2"].filter {
            (try? ComponentFiles.json("config.json", in: "\(model)/\($0)")) != nil
        }
        let networks = try folders.map { folder in
            let (json, weights) = try weights(folder)
            return try CLIPTextModel(CLIPTextConfiguration(json), weights)
        }
        let ids = [Array(1...77), Array(101...177)]
        return { for network in networks { _ = try network(ids, pass) } }
    }

    /// Small numbers of either sign, the same every time.
    private func numbers(_ rows: Int, _ columns: Int) -> Matrix {
        Matrix(
            rows: rows, columns: columns, values: (0..<rows * columns).map { Float(($0 * 7919) % 2001 - 1000) / 1000 })
    }
}
