import CUmbelKernels
import Testing
import UmbelTensor
import UmbelTesting

/// A tile with its memory; results go to a place of their own.
final class Tile {
    var input: [UInt8]
    var output: UnsafeMutableRawPointer
    let outputBytes: Int
    let rows: Int
    let columns: Int
    let (from, to): (DType, DType)
    let gap: Int

    init(_ rows: Int, _ columns: Int, _ from: DType, _ to: DType, gap: Int, _ random: inout SeededGenerator) {
        (self.rows, self.columns, self.from, self.to, self.gap) = (rows, columns, from, to, gap)
        // A few are zero, or so small that nothing but their sums with others is a normal number.
        let values = (0..<rows * (columns + gap)).map { _ -> Float in
            let value = Float.random(in: -2...2, using: &random)
            return Int.random(in: 0..<40, using: &random) == 0 ? value * 0x1p-130 : value
        }
        input = [UInt8](repeating: 0, count: values.count * from.byteCount)
        let format = from.floatFormat ?? UMBEL_F32
        input.withUnsafeMutableBytes { umbel_narrow($0.baseAddress, values, values.count, format) }
        outputBytes = rows * (columns + gap) * to.byteCount
        output = .allocate(byteCount: max(64, outputBytes), alignment: 64)
        output.initializeMemory(as: UInt8.self, repeating: 0x55, count: outputBytes)
    }

    deinit { output.deallocate() }

    /// Replaces one number of the input.
    func put(_ value: Float, at index: Int) {
        let place = index / columns * (columns + gap) + index % columns
        input.withUnsafeMutableBytes {
            umbel_narrow(
                $0.baseAddress.map { $0 + place * from.byteCount }, [value], 1, from.floatFormat ?? UMBEL_F32)
        }
    }

    /// What a kernel writes, gaps included, and what it returns.
    func run(pastCaches: Bool = false, _ kernel: (UnsafePointer<umbel_tile>) -> Int32) -> Outcome {
        output.initializeMemory(as: UInt8.self, repeating: 0x55, count: outputBytes)
        let result = input.withUnsafeBytes { input in
            var tile = umbel_tile(
                in: input.baseAddress, out: output, in_format: from.floatFormat ?? UMBEL_F32,
                out_format: to.floatFormat ?? UMBEL_F32, rows: rows, columns: columns, in_stride: columns + gap,
                out_stride: columns + gap, limit: to.overflowLimit, past_caches: pastCaches ? 1 : 0)
            return kernel(&tile)
        }
        return Outcome(bytes: Array(UnsafeRawBufferPointer(start: output, count: outputBytes)), fits: result)
    }
}

struct Outcome: Equatable {
    let bytes: [UInt8]
    let fits: Int32
}

/// A kernel and its twin, with what they are given.
struct Pair {
    let kernel: (UnsafePointer<umbel_tile>) -> Int32
    let twin: (UnsafePointer<umbel_tile>) -> Int32
}

/// The factors of a product, as the kernels read them.
final class Factors {
    let left: [Float]
    let panels: [Float]
    let inner: Int

    init(_ rows: Int, _ columns: Int, _ inner: Int, _ random: inout SeededGenerator) {
        left = (0..<rows * inner + 1).map { _ in Float.random(in: -1...1, using: &random) }
        // Panels are filled up with zeros.
        panels = (0..<(columns + 63) / 64 * 64 * inner + 1).map { index in
            let column = index / (64 * max(1, inner)) * 64 + index % 64
            return column < columns ? Float.random(in: -1...1, using: &random) : 0
        }
        self.inner = inner
    }

    func with(_ body: (UnsafePointer<umbel_product>) -> Int32) -> Int32 {
        left.withUnsafeBufferPointer { left in
            panels.withUnsafeBufferPointer { panels in
                var product = umbel_product(
                    left: left.baseAddress, left_stride: inner, panels: panels.baseAddress, inner: inner)
                return body(&product)
            }
        }
    }
}

/// Tests that hold the kernels of tiles to their twins.
protocol TileComparing {}

extension TileComparing {
    static var formats: [DType] { [.f32, .f16, .bf16, .f8e4m3, .f8e5m2, .f64] }

    /// Sizes around the edges of blocks, panels and registers.
    static var sizes: [(Int, Int)] {
        [(1, 1), (2, 3), (5, 16), (6, 63), (7, 64), (13, 65), (6, 130), (19, 200), (3, 40), (14, 192)]
    }

    func numbers(_ count: Int, _ random: inout SeededGenerator) -> [Float] {
        (0..<count).map { _ in Float.random(in: -1...1, using: &random) }
    }

    /// Runs a kernel in every set, past the caches and not, and its twin, on tiles of all sizes and format pairs.
    func compare(
        seed: UInt64, _ make: (_ rows: Int, _ columns: Int, inout SeededGenerator) -> Pair
    ) {
        var random = SeededGenerator(seed: seed)
        for (rows, columns) in Self.sizes {
            for from in Self.formats {
                for to in [from, .f32, .bf16] {
                    // Rows of 192 columns without gaps go past the caches.
                    let tile = Tile(rows, columns, from, to, gap: columns % 3, &random)
                    let pair = make(rows, columns, &random)
                    let expected = tile.run(pair.twin)
                    KernelSets.each { set in
                        for pastCaches in [false, true] {
                            let actual = tile.run(pastCaches: pastCaches, pair.kernel)
                            #expect(actual == expected, "\(set): \(rows)×\(columns) \(from) to \(to)")
                        }
                    }
                    for value in [0x1.fep127, -0x1.fap127, .infinity, .nan] as [Float] {
                        tile.put(value, at: Int.random(in: 0..<rows * columns, using: &random))
                        let fits = tile.run(pair.twin).fits
                        KernelSets.each { set in
                            #expect(tile.run(pair.kernel).fits == fits, "\(set): \(value) from \(from) to \(to)")
                        }
                    }
                }
            }
        }
    }
}
