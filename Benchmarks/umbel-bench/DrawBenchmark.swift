import ArgumentParser
import Glibc
import UmbelFormats
import UmbelModels
import UmbelPOSIX
import UmbelTensor

/// Layers of a U-Net that an adapter changes.
enum TouchedLayers: String, CaseIterable, ExpressibleByArgument {
    case attention, convolutions, both

    /// Whether they are those of a weight's name.
    func contains(_ name: String) -> Bool {
        guard name.hasSuffix(".weight") else { return false }
        let (isAttention, isConvolution) = (name.contains(".attn"), name.contains(".conv"))
        return self != .convolutions && isAttention || self != .attention && isConvolution
    }
}

/// `umbel-bench draw`: how long a part of drawing takes with the weights of a pipeline's folder, and what memory it needs.
struct DrawBenchmark: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "draw",
        abstract: "Time one part of drawing: a step of the U-Net, decoding, encoding the text, another adapter.",
        discussion: """
            unet is one evaluation of two samples, as a step with guidance takes; vae decodes one picture; text encodes two \
            prompts of 77 tokens by every text encoder; switch is a U-Net's first evaluation when an adapter has changed \
            every linear layer of its attention, or what --touching says, in the memory of the variant before, by turns with \
            the same another time and with the base: what another adapter costs at once beside its merge, and in each step.

            The first evaluation packs the weights and is told apart from the others, of which the median is printed. “Packed” \
            is what the packed weights take, “peak” the most that the process held, mapped weights included.
            """)

    enum Part: String, CaseIterable, ExpressibleByArgument {
        case unet, vae, text, `switch`
    }

    @Option(help: "A diffusers pipeline's folder.")
    var model: String

    @Option(help: "Which part.")
    var part: Part = .unet

    @Option(help: "What the adapter of a switch changes.")
    var touching: TouchedLayers = .attention

    @Option(help: "Width and height of the picture in pixels.")
    var size = 512

    @Option(help: "Number of computing threads.")
    var threads = 2

    @Option(help: "What products are computed in, f32 or bf16.")
    var dtype: ComputeType = .f32

    @Option(help: "Evaluations at least, after the first.")
    var rounds = 3

    @Option(help: "Evaluations are repeated for at least so many seconds.")
    var seconds = 2.0

    @Flag(help: "Decode in tiles of the size that the autoencoder was trained on.")
    var tiled = false

    @Option(
        help:
            "Instead of timing it, write what the U-Net gives to this file: f32, picture after picture, row after row.")
    var values: String?

    @Flag(help: "Print the result as JSON.")
    var json = false

    func validate() throws {
        guard size > 0, size % 8 == 0, threads > 0, seconds >= 0, rounds > 0 else {
            throw ValidationError("the size is a multiple of 8, and threads and rounds are greater than 0")
        }
    }

    func run() throws {
        let memory = ActivationMemory(2 << 30)
        defer { withExtendedLifetime(memory) {} }
        let models = DrawModels(folder: model, type: dtype, size: size, pool: ComputePool(threads: threads))
        let work =
            switch part {
            case .unet: try models.unet()
            case .vae: try models.autoencoder(tiled: tiled)
            case .text: try models.text()
            case .switch: try models.otherAdapter(touching: touching)
            }
        if let values { return try write(work, to: values) }
        let first = try Self.time(work.body)
        var times: [Double] = []
        var beside = work.beside.map { (name: $0.name, times: [Double]()) }
        while times.count < rounds || times.reduce(0, +) < seconds {
            times.append(try Self.time(work.body))
            for (index, other) in work.beside.enumerated() { beside[index].times.append(try Self.time(other.body)) }
        }
        report(
            first: first, median: times.median, beside: beside.map { ($0.name, $0.times.median) },
            packed: work.packedBytes())
    }

    private func write(_ work: DrawModels.Work, to path: String) throws {
        guard let result = try work.values?() else { throw ValidationError("only of the unet") }
        let bytes = UnsafeRawBufferPointer(start: result.start, count: 4 * result.count)
        let file = try AtomicFile(path: path)
        try file.write(bytes)
        try file.commit()
    }

    private func report(first: Double, median seconds: Double, beside: [(name: String, seconds: Double)], packed: Int) {
        guard !json else {
            let result: JSON = [
                "seconds": JSON(seconds), "first_seconds": JSON(first),
                "beside_seconds": .array(beside.map { JSON($0.seconds) }), "packed_bytes": JSON(packed),
                "peak_bytes": JSON(Self.peakBytes),
            ]
            return print(result.text)
        }
        let others = beside.map { ", \($0.name) \($0.seconds.text(4)) s" }.joined()
        let times = "\(seconds.text(4)) s\(others), the first \(first.text(3)) s"
        let memory = "packed \(packed / 1_000_000) MB, peak \(Self.peakBytes / 1_000_000) MB"
        print("\(part.rawValue) \(size) \(dtype.rawValue): \(times), \(memory)")
    }

    private static func time(_ body: () throws -> Void) throws -> Double {
        let clock = ContinuousClock()
        let begun = clock.now
        try body()
        return (clock.now - begun) / .seconds(1)
    }

    private static var peakBytes: Int {
        var usage = rusage()
        getrusage(RUSAGE_SELF.rawValue, &usage)
        return Int(usage.ru_maxrss) << 10
    }
}
