import CUmbelBench
import UmbelTensor

/// The most multiply-adds that this machine does, all operands in registers.
enum MultiplyAddPeak {
    static var instructions: String { String(cString: umbel_bench_instructions()) }

    /// f32 multiply-adds a second with the threads of a pool, over some milliseconds.
    static func measure(on pool: ComputePool) -> Double { measure(on: pool, umbel_bench_multiply_add) }

    /// Those of bf16 with f32 sums; 0 where the processor has none.
    static func measureBF16(on pool: ComputePool) -> Double { measure(on: pool, umbel_bench_multiply_add_bf16) }

    private static func measure(on pool: ComputePool, _ multiplyAdd: @Sendable (UInt64) -> UInt64) -> Double {
        // Parts of a quarter of a millisecond, so that a thread that begins late costs little.
        let (parts, rounds) = (16 * pool.threads, UInt64(2000))
        let count = Double(multiplyAdd(1)) * Double(rounds) * Double(parts)
        return count / seconds { pool.forEach(parts) { _ in _ = multiplyAdd(rounds) } }
    }
}
