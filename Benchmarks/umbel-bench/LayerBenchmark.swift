import ArgumentParser
import Glibc
import UmbelModels
import UmbelTensor

/// `umbel-bench layers`: how fast the layers of networks compute, at the sizes of Stable Diffusion 1.5.
struct LayerBenchmark: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "layers",
        abstract: "Measure the layers of a U-Net: milliseconds and GFLOP/s.",
        discussion: """
            A multiplication and an addition are two operations. Those of convolutions are counted as sums over all \
            positions, whatever is really computed. Layers take turns, so that all are measured under the same load; the \
            median and the fastest repetition are printed.
            """)

    @Option(help: "How often each is measured.")
    var repetitions = 9

    @Option(help: "Numbers of computing threads.")
    var threads: [Int] = [1, 2]

    @Option(help: "What products are computed in, f32 or bf16; both by default.")
    var type: [ComputeType] = []

    @Option(help: "Only layers whose name contains this.")
    var only = ""

    @Flag(name: .customLong("openblas"), help: "Instead, products in f32 of the same sizes by OpenBLAS and by Umbel.")
    var besideOpenBLAS = false

    func validate() throws {
        guard repetitions > 0, threads.allSatisfy({ $0 > 0 }) else {
            throw ValidationError("numbers are greater than 0")
        }
    }

    func run() throws {
        let memory = ActivationMemory(1 << 30)
        defer { withExtendedLifetime(memory) {} }
        print(Machine().text)
        for threads in threads {
            let pool = ComputePool(threads: threads)
            let peaks = (0..<9).map { _ in (MultiplyAddPeak.measure(on: pool), MultiplyAddPeak.measureBF16(on: pool)) }
            let most = [peaks.map(\.0), peaks.map(\.1)].map { (2e-9 * ($0.max() ?? 0)).text(0) }
            print("the most in registers, \(threads) threads: f32 \(most[0]), bf16 \(most[1]) GFLOP/s")
        }
        print("layer                          type  threads        ms   fastest   GFLOP/s")
        for type in besideOpenBLAS ? [.f32] : type.isEmpty ? ComputeType.allCases : type {
            let all = besideOpenBLAS ? LayerCase.besideOpenBLAS : LayerCase.all(type)
            let cases = all.filter { only.isEmpty || $0.name.contains(only) }
            for threads in threads { measure(cases, type, ComputePool(threads: threads)) }
        }
    }

    private func measure(_ cases: [LayerCase], _ type: ComputeType, _ pool: ComputePool) {
        var times = [[Double]](repeating: [], count: cases.count)
        for item in cases { item.run(pool) }
        for _ in 0..<repetitions {
            for (index, item) in cases.enumerated() { times[index].append(seconds { item.run(pool) }) }
        }
        for (item, times) in zip(cases, times) {
            let (median, fastest) = (times.median, times.min() ?? 0)
            print(
                [
                    item.name.padded(30), type.rawValue.padded(5), String(pool.threads).padded(7, right: true),
                    (median * 1e3).text(2).padded(9, right: true), (fastest * 1e3).text(2).padded(9, right: true),
                    (item.operations / fastest / 1e9).text(1).padded(9, right: true),
                ].joined(separator: " "))
        }
    }
}

extension ComputeType: ExpressibleByArgument {}
