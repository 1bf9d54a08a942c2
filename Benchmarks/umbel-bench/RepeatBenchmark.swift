import ArgumentParser
import Glibc
import UmbelAdapters
import UmbelFormats
import UmbelPOSIX
import UmbelTensor

/// `umbel-bench repeat`: merges an adapter's file once for every line that it is sent, so that another program can take turns
/// with it.
struct RepeatBenchmark: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "repeat",
        abstract: "Merge a file into a generated base whenever a line arrives, and print the time.",
        discussion: """
            The base has the values that `umbel-bench generate` writes. Prints {"bytes": …} when it is ready, and \
            {"copy_seconds": …, "merge_seconds": …} for each line of the standard input; both leave the results in memory that \
            is used again.
            """)

    @Option(help: "Whose names and shapes: \(ModelName.allCases.map(\.rawValue).joined(separator: ", ")).")
    var model = ModelName.sd15

    @Option(help: "The base's type: \(WeightType.allCases.map(\.rawValue).joined(separator: ", ")).")
    var dtype = WeightType.bf16

    @Option(help: "Computing threads; as many as there are processors by default.")
    var threads = sysconf(Int32(_SC_NPROCESSORS_ONLN))

    @Option(help: ArgumentHelp("The adapter.", valueName: "path"))
    var adapter: String

    @Option(help: ArgumentHelp("Its adapter_config.json, for PEFT.", valueName: "path"))
    var config: String?

    func run() throws {
        let base = ResidentModel(model.shape, dtype: dtype.dtype)
        let destination = WarmMemory(byteCount: base.byteCount, stagger: 0x2340)
        let pool = ComputePool(threads: threads)
        let settings = try config.map { path in
            let file = try MappedFile(path: path)
            return try withExtendedLifetime(file) { try PEFTConfig(parsing: Array(file.bytes)) }
        }
        let item = try MergeCase(adapter, path: adapter, config: settings, model: base)
        let copy = PlainCopy(item.touched, to: destination)
        copy.run(on: pool)
        try item.merge(on: pool)
        answer(["bytes": JSON(item.byteCount), "tensors": JSON(item.touched.count)])
        while readLine() != nil {
            let copied = seconds { copy.run(on: pool) }
            let merged = try seconds { try item.merge(on: pool) }
            answer(["copy_seconds": JSON(copied), "merge_seconds": JSON(merged)])
        }
    }

    private func answer(_ value: JSON) {
        print(value.text)
        fflush(nil)
    }
}
