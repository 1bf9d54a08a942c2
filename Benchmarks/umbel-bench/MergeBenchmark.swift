import ArgumentParser
import Glibc
import UmbelFormats
import UmbelPOSIX
import UmbelTensor

/// `umbel-bench merge`: bytes of base merged per second, against a plain copy of the same bytes.
struct MergeBenchmark: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "merge",
        abstract: "Measure how fast each algorithm merges.",
        discussion: """
            Every repetition copies the bytes of the base that the adapter touches, with memcpy on the same threads into memory
            that is resident, and then merges them; both are medians. Reading the adapter and fitting it to the base is done
            before and reported apart (bind). What is merged is checked first.
            """)

    @Option(help: "Whose names and shapes: \(ModelName.allCases.map(\.rawValue).joined(separator: ", ")).")
    var model = ModelName.sd15

    @Option(help: "The base's type: bf16, f16 or f32.")
    var dtype = WeightType.bf16

    @Option(parsing: .upToNextOption, help: "Ranks (block sizes for OFT and BOFT).")
    var rank = [4, 16, 64]

    @Option(parsing: .upToNextOption, help: "Only these algorithms.")
    var algorithm: [String] = []

    @Option(help: "Computing threads; as many as there are processors by default.")
    var threads = sysconf(Int32(_SC_NPROCESSORS_ONLN))

    @Option(help: "How often each is measured.")
    var repetitions = 5

    @Option(help: "Megabytes of a 16-bit base that each adapter touches at most; all by default.")
    var megabytes: Int?

    @Flag(help: "Print the result as JSON.")
    var json = false

    func validate() throws {
        let known = AdapterCase.all.map(\.name)
        for name in algorithm where !known.contains(name) {
            throw ValidationError("--algorithm is one of \(known.joined(separator: ", "))")
        }
        guard threads > 0, repetitions > 0, rank.allSatisfy({ $0 > 0 }), megabytes ?? 1 > 0 else {
            throw ValidationError("numbers are greater than 0")
        }
    }

    func run() throws {
        let machine = Machine()
        let base = ResidentModel(model.shape, dtype: dtype.dtype)
        let destination = WarmMemory(byteCount: base.byteCount, stagger: 0x2340)
        let pool = ComputePool(threads: threads)
        let folder = "/tmp/umbel-bench.\(getpid())"
        try Directory.create(folder)
        defer { try? Directory.removeTree(folder) }
        if !json { printHead(machine, base) }
        var results: [Measurement] = []
        for adapter in AdapterCase.all where algorithm.isEmpty || algorithm.contains(adapter.name) {
            for rank in adapter.isRanked ? rank.map(Optional.some) : [nil] {
                let result = try measure(adapter, rank, base, destination, pool, folder)
                results.append(result)
                if !json { print(result.row) }
            }
        }
        if json { print(summary(machine, base, results).prettyText) }
    }

    private func measure(
        _ adapter: AdapterCase, _ rank: Int?, _ base: ResidentModel, _ destination: WarmMemory, _ pool: ComputePool,
        _ folder: String
    ) throws -> Measurement {
        let limit = megabytes.map { $0 << 20 } ?? .max
        var made: MergeCase?
        let binding = try seconds {
            made = try MergeCase(adapter, rank: rank, limit: limit, model: base, folder: folder)
        }
        guard let item = made else { throw CheckFailure("\(adapter.name) was not made") }
        let checksum = try item.check(on: pool)
        let copy = PlainCopy(item.touched, to: destination)
        copy.run(on: pool)
        var copies: [Double] = []
        var merges: [Double] = []
        for _ in 0..<repetitions {
            copies.append(seconds { copy.run(on: pool) })
            merges.append(try seconds { try item.merge(on: pool) })
        }
        return Measurement(
            algorithm: adapter.name, rank: rank, tensors: item.touched.count, bytes: item.byteCount,
            bindSeconds: binding, copySeconds: copies.median, mergeSeconds: merges.median, checksum: checksum)
    }

    private func printHead(_ machine: Machine, _ base: ResidentModel) {
        print(machine.text)
        print(
            """
            \(model.rawValue) \(dtype.rawValue): \(base.byteCount) bytes in \(base.shape.tensors.count) tensors; \
            \(threads) threads, median of \(repetitions) repetitions, adapters in bf16
            """)
        print(Measurement.heading)
    }

    private func summary(_ machine: Machine, _ base: ResidentModel, _ results: [Measurement]) -> JSON {
        [
            "machine": machine.json, "model": .string(model.rawValue), "dtype": .string(dtype.rawValue),
            "bytes": JSON(base.byteCount), "threads": JSON(threads), "repetitions": JSON(repetitions),
            "results": .array(results.map(\.json)),
        ]
    }
}

/// The figures of one adapter.
struct Measurement {
    let algorithm: String
    let rank: Int?
    let tensors: Int
    let bytes: Int
    let bindSeconds: Double
    let copySeconds: Double
    let mergeSeconds: Double
    /// Of all merged bytes: equal figures of two builds mean equal results.
    let checksum: UInt64

    var ratio: Double { copySeconds / mergeSeconds }

    static let heading =
        "algorithm    rank  tensors      MB  bind ms  copy ms   merge ms  copy GB/s  merge GB/s  of copy  checksum"

    var row: String {
        [
            algorithm.padded(12), (rank.map(String.init) ?? "").padded(4, right: true),
            String(tensors).padded(8, right: true), (Double(bytes) / 1e6).text(1).padded(7, right: true),
            (bindSeconds * 1e3).text(0).padded(8, right: true), (copySeconds * 1e3).text(2).padded(8, right: true),
            (mergeSeconds * 1e3).text(2).padded(10, right: true),
            (Double(bytes) / copySeconds / 1e9).text(2).padded(10, right: true),
            (Double(bytes) / mergeSeconds / 1e9).text(2).padded(11, right: true), ratio.text(3).padded(8, right: true),
            " " + String(checksum, radix: 16).padded(16, right: true),
        ].joined(separator: " ")
    }

    var json: JSON {
        [
            "algorithm": .string(algorithm), "rank": rank.map { JSON($0) } ?? .null, "tensors": JSON(tensors),
            "bytes": JSON(bytes), "bind_seconds": JSON(bindSeconds), "copy_seconds": JSON(copySeconds),
            "merge_seconds": JSON(mergeSeconds), "ratio_to_copy": JSON(ratio),
            "checksum": .string(String(checksum, radix: 16)),
        ]
    }
}
