import CUmbelBench
import UmbelTensor

/// The most f32 multiply-adds that this machine does.
enum MultiplyAddPeak {
    static var instructions: String { String(cString: umbel_bench_instructions()) }

    /// Multiply-adds a second with the threads of a pool, over some milliseconds.
    static func measure(on pool: ComputePool) -> Double {
        // Parts of a quarter of a millisecond, so that a thread that begins late costs little.
        let (parts, rounds) = (16 * pool.threads, UInt64(2000))
        let count = Double(umbel_bench_multiply_add(1)) * Double(rounds) * Double(parts)
        return count / seconds { pool.forEach(parts) { _ in _ = umbel_bench_multiply_add(rounds) } }
    }
}
