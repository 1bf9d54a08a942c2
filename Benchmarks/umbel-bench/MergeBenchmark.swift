import ArgumentParser
import Glibc
import UmbelFormats
import UmbelPOSIX
import UmbelTensor

/// `umbel-bench merge`: bytes of base merged per second, against a plain copy of the same bytes and against the roofline.
struct MergeBenchmark: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "merge",
        abstract: "Measure how fast each algorithm merges.",
        discussion: """
            Every repetition takes, in turns and with the same threads: a copy of the touched bytes of the base into memory that \
            is resident, by memcpy and by stores that do not pass through the cache; the merge, whose results are let go of as \
            a download does; a merge that keeps everything, in memory that an earlier one left; f32 multiply-adds in registers; \
            and, cold, a copy and a merge that keeps everything, into fresh memory. "copy" is the faster of the two copies; where the adapter has a value for each weight (full, norm) it \
            reads those as well. "roofline" is the longer of the copy and the merge's multiply-adds at the measured peak. All \
            are medians. What is merged is checked first.
            """)

    @Option(help: "Whose names and shapes: \(ModelName.allCases.map(\.rawValue).joined(separator: ", ")).")
    var model = ModelName.sd15

    @Option(help: "The base's type: \(WeightType.allCases.map(\.rawValue).joined(separator: ", ")).")
    var dtype = WeightType.bf16

    @Option(parsing: .upToNextOption, help: "Ranks (block sizes for OFT and BOFT).")
    var rank = [4, 16, 64]

    @Option(parsing: .upToNextOption, help: "Only these algorithms.")
    var algorithm: [String] = []

    @Option(
        parsing: .upToNextOption,
        help: "Numbers of computing threads; one, and as many as there are processors, by default.")
    var threads = Array(Set([1, sysconf(Int32(_SC_NPROCESSORS_ONLN))])).sorted()

    @Option(help: "How often each is measured.")
    var repetitions = 5

    @Option(help: "Megabytes of a 16-bit base that each adapter touches at most; all by default.")
    var megabytes: Int?

    @Flag(inversion: .prefixedNo, help: "Measure merges into fresh memory too.")
    var cold = true

    @Flag(help: "Print the result as JSON.")
    var json = false

    func validate() throws {
        let known = AdapterCase.all.map(\.name)
        for name in algorithm where !known.contains(name) {
            throw ValidationError("--algorithm is one of \(known.joined(separator: ", "))")
        }
        guard threads.allSatisfy({ $0 > 0 }), repetitions > 0, rank.allSatisfy({ $0 > 0 }), megabytes ?? 1 > 0 else {
            throw ValidationError("numbers are greater than 0")
        }
    }

    func run() throws {
        let machine = Machine()
        let base = ResidentModel(model.shape, dtype: dtype.dtype)
        let destination = WarmMemory(byteCount: base.byteCount, stagger: 0x2340)
        let pools = threads.map { ComputePool(threads: $0) }
        // Room for the memory of a whole variant, as the service's cache has.
        let allowance = RecycledMemory.Allowance()
        allowance.set(base.byteCount)
        defer { allowance.set(0) }
        let folder = "/tmp/umbel-bench.\(getpid())"
        try Directory.create(folder)
        defer { try? Directory.removeTree(folder) }
        if !json { printHead(machine, base) }
        var results: [Measurement] = []
        for adapter in AdapterCase.all where algorithm.isEmpty || algorithm.contains(adapter.name) {
            // A language model has no kernels for a Tucker core.
            guard !adapter.tensors(for: model.shape, rank: rank.first ?? 1, limit: limit).isEmpty else { continue }
            for rank in adapter.isRanked ? rank.map(Optional.some) : [nil] {
                let measured = try measure(adapter, rank, base, destination, pools, folder)
                results += measured
                if !json { for result in measured { print(result.row) } }
                // What is written to a file or a pipe should not wait for the end.
                fflush(nil)
            }
        }
        if json { print(summary(machine, base, results).prettyText) } else { printGoals(results) }
    }

    private var limit: Int { megabytes.map { $0 << 20 } ?? .max }

    /// One measurement for each number of threads.
    private func measure(
        _ adapter: AdapterCase, _ rank: Int?, _ base: ResidentModel, _ destination: WarmMemory, _ pools: [ComputePool],
        _ folder: String
    ) throws -> [Measurement] {
        let item = try MergeCase(adapter, rank: rank, limit: limit, model: base, folder: folder)
        let copy = PlainCopy(item.touched, reading: adapter.isDense ? item.adapterBytes : nil, to: destination)
        var checksum: UInt64 = 0
        for pool in pools { checksum = try item.check(on: pool) }
        if let pool = pools.last { _ = try MergeTimes.keeping(item, on: pool) }
        var times = pools.map { _ in MergeTimes() }
        for _ in 0..<repetitions {
            for (index, pool) in pools.enumerated() { try times[index].measure(item, copy, on: pool, cold: cold) }
        }
        return zip(pools, times).map { pool, times in
            Measurement(
                algorithm: adapter.name, rank: rank, threads: pool.threads, tensors: item.touched.count,
                bytes: item.byteCount,
                multiplyAdds: adapter.multiplyAdds(for: model.shape, rank: rank ?? 0, limit: limit),
                peak: times.peak.median, memcpySeconds: times.memcpy.median, streamSeconds: times.stream.median,
                mergeSeconds: times.merge.median, keptSeconds: times.kept.median, cold: times.cold, checksum: checksum,
                elements: item.touched.reduce(0) { $0 + $1.elementCount })
        }
    }

    private func printHead(_ machine: Machine, _ base: ResidentModel) {
        print(machine.text)
        print(
            """
            \(model.rawValue) \(dtype.rawValue): \(base.byteCount) bytes in \(base.shape.tensors.count) tensors; \
            median of \(repetitions) interleaved repetitions, adapters in bf16

            """)
        print(Measurement.heading)
    }

    /// How many rows are within 0.8 of their roofline, and which is the furthest from it.
    private func printGoals(_ results: [Measurement]) {
        print("")
        for threads in threads {
            let rows = results.filter { $0.threads == threads }
            guard let worst = rows.min(by: { $0.ofRoofline < $1.ofRoofline }) else { continue }
            print(
                """
                \(threads) thread\(threads == 1 ? "" : "s"): peak \((rows.map(\.peak).median / 1e9).text(1)) thousand million \
                f32 multiply-adds a second (\(MultiplyAddPeak.instructions)); \
                \(rows.count { $0.ofRoofline >= 0.8 }) of \(rows.count) rows at 0.8 of their roofline or more, the median at \
                \(rows.map(\.ofRoofline).median.text(2)), the lowest \(worst.algorithm) \(worst.rank.map(String.init) ?? "") \
                at \(worst.ofRoofline.text(2))
                """)
        }
    }

    private func summary(_ machine: Machine, _ base: ResidentModel, _ results: [Measurement]) -> JSON {
        [
            "machine": machine.json, "model": .string(model.rawValue), "dtype": .string(dtype.rawValue),
            "bytes": JSON(base.byteCount), "repetitions": JSON(repetitions),
            "instructions": .string(MultiplyAddPeak.instructions), "results": .array(results.map(\.json)),
        ]
    }
}
