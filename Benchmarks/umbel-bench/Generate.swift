import ArgumentParser
import UmbelTensor

/// `umbel-bench generate`: a large base, and a LoRA for nearly all of it.
struct Generate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write a base of generated values and an adapter that touches nearly all of it.")

    @Option(help: "Whose names and shapes: \(ModelName.allCases.map(\.rawValue).joined(separator: ", ")).")
    var model = ModelName.sd15Wide

    @Option(help: "The base's type: \(WeightType.allCases.map(\.rawValue).joined(separator: ", ")).")
    var dtype = WeightType.bf16

    @Option(help: "One of the algorithms that merge measures.")
    var algorithm = "lora"

    @Option(help: "Rank of the adapter.")
    var rank = 16

    @Option(help: ArgumentHelp("The base to write.", valueName: "path"))
    var base: String

    @Option(help: ArgumentHelp("The adapter to write.", valueName: "path"))
    var adapter: String

    func run() throws {
        guard var algorithm = AdapterCase.all.first(where: { $0.name == algorithm && $0.config == nil }) else {
            throw ValidationError("--algorithm is one of \(AdapterCase.all.map(\.name).joined(separator: ", "))")
        }
        // For the whole model, however long its merge takes.
        algorithm.limit = .max
        let shape = model.shape
        try GeneratedFile.write(shape.generated, dtype: dtype.dtype, metadata: [("format", "pt")], to: base)
        let tensors = algorithm.tensors(for: shape, rank: rank, limit: .max)
        try GeneratedFile.write(tensors, dtype: .bf16, to: adapter)
        let elements = shape.tensors.reduce(0) { $0 + $1.shape.elementCount }
        print("\(base): \(elements * dtype.dtype.byteCount) bytes in \(shape.tensors.count) tensors; \(adapter)")
    }
}
