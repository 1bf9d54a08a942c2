import ArgumentParser
import Glibc
import UmbelAdapters
import UmbelPOSIX
import UmbelTensor

/// `umbel-bench scale`: what another strength of the same adapter costs when what it adds is kept.
struct ScaleBenchmark: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scale",
        abstract: "Measure a merge at another strength, with and without kept deltas.",
        discussion: """
            Every repetition copies the bytes of the base that the adapter touches, merges them in full, and merges them with
            the adapter's additions kept in memory as f32; all three are medians of runs that take turns. Before anything is
            timed the two merges are compared: they must be equal to the byte.
            """)

    @Option(help: "Whose names and shapes: \(ModelName.allCases.map(\.rawValue).joined(separator: ", ")).")
    var model = ModelName.sd15

    @Option(help: "The base's type: \(WeightType.allCases.map(\.rawValue).joined(separator: ", ")).")
    var dtype = WeightType.bf16

    @Option(help: "Computing threads; as many as there are processors by default.")
    var threads = sysconf(Int32(_SC_NPROCESSORS_ONLN))

    @Option(help: "How often each is measured.")
    var repetitions = 5

    @Option(help: "Megabytes of a 16-bit base that each adapter touches at most.")
    var megabytes = 400

    /// Algorithms and ranks, from little work for an element to much.
    private static let cases = [
        ("lokr", 16), ("lora", 1), ("lora", 2), ("lora", 4), ("lora", 8), ("lora", 16), ("lora", 64),
        ("lora-tucker", 4), ("lora-tucker", 16), ("loha", 4), ("loha", 16), ("loha", 64),
    ]

    func validate() throws {
        guard threads > 0, repetitions > 0, megabytes > 0 else {
            throw ValidationError("numbers are greater than 0")
        }
    }

    func run() throws {
        let base = ResidentModel(model.shape, dtype: dtype.dtype)
        let destination = WarmMemory(byteCount: base.byteCount, stagger: 0x2340)
        let pool = ComputePool(threads: threads)
        let folder = "/tmp/umbel-bench.\(getpid())"
        try Directory.create(folder)
        defer { try? Directory.removeTree(folder) }
        print(Machine().text)
        print(
            "\(model.rawValue) \(dtype.rawValue), \(threads) threads, median of \(repetitions) interleaved repetitions")
        print("algorithm    rank     MB  copy ms  full ms  scale only ms  full / scale only  scale only / copy")
        for (name, rank) in Self.cases {
            guard let adapter = AdapterCase.all.first(where: { $0.name == name && $0.config == nil }) else { continue }
            // A language model has no kernels for a Tucker core.
            guard !adapter.tensors(for: model.shape, rank: rank, limit: .max).isEmpty else { continue }
            let item = try MergeCase(adapter, rank: rank, limit: megabytes << 20, model: base, folder: folder)
            try measure(item, name, rank, PlainCopy(item.touched, to: destination), pool)
        }
    }

    private func measure(_ item: MergeCase, _ name: String, _ rank: Int, _ copy: PlainCopy, _ pool: ComputePool) throws
    {
        let kept = EverythingKept()
        guard try item.checksum(on: pool) == item.checksum(on: pool, deltas: kept),
            try item.checksum(on: pool) == item.checksum(on: pool, deltas: kept)
        else { throw CheckFailure("\(name): kept deltas change the result") }
        copy.run(on: pool)
        var (copies, full, scale): ([Double], [Double], [Double]) = ([], [], [])
        for _ in 0..<repetitions {
            copies.append(seconds { copy.run(on: pool) })
            full.append(try seconds { try item.merge(on: pool) })
            scale.append(try seconds { try item.merge(on: pool, deltas: kept) })
        }
        print(
            [
                name.padded(12), String(rank).padded(4, right: true),
                (Double(item.byteCount) / 1e6).text(0).padded(6, right: true),
                (copies.median * 1e3).text(1).padded(8, right: true),
                (full.median * 1e3).text(1).padded(8, right: true),
                (scale.median * 1e3).text(1).padded(14, right: true),
                (full.median / scale.median).text(2).padded(18, right: true),
                (scale.median / copies.median).text(2).padded(18, right: true),
            ].joined(separator: " "))
    }
}

/// Keeps every delta from its first use on.
private final class EverythingKept: DeltaKeeper, @unchecked Sendable {
    // Sendable: merges of this command follow one another; nothing is kept while another one runs.
    private var kept: [DeltaKey: Matrix] = [:]

    func values(of delta: any Delta, _ key: DeltaKey, strength: Double, pool: ComputePool) -> Matrix? {
        if let values = kept[key] { return values }
        let values = delta.values(pool: pool)
        kept[key] = values
        return values
    }
}
