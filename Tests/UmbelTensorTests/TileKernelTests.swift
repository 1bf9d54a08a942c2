import CUmbelKernels
import Testing
import UmbelTensor
import UmbelTesting

/// The kernels that merge a tile in one pass, in every instruction set, against their plain twins: bit for bit.
@Suite("Tile kernels")
struct TileKernelTests {
    static let formats: [DType] = [.f32, .f16, .bf16, .f8e4m3, .f8e5m2, .f64]

    /// Sizes around the edges of blocks, panels and registers.
    static let sizes = [(1, 1), (2, 3), (5, 16), (6, 63), (7, 64), (13, 65), (6, 130), (19, 200), (3, 40)]

    /// A tile with its memory; results go to a place of their own.
    private final class Tile {
        var input: [UInt8]
        var output: UnsafeMutableRawPointer
        let outputBytes: Int
        let rows: Int
        let columns: Int
        let (from, to): (DType, DType)
        let gap: Int

        init(_ rows: Int, _ columns: Int, _ from: DType, _ to: DType, gap: Int, _ random: inout SeededGenerator) {
            (self.rows, self.columns, self.from, self.to, self.gap) = (rows, columns, from, to, gap)
            let values = (0..<rows * (columns + gap)).map { _ in Float.random(in: -2...2, using: &random) }
            input = [UInt8](repeating: 0, count: values.count * from.byteCount)
            let format = from.floatFormat ?? UMBEL_F32
            input.withUnsafeMutableBytes { umbel_narrow($0.baseAddress, values, values.count, format) }
            outputBytes = rows * (columns + gap) * to.byteCount
            output = .allocate(byteCount: max(64, outputBytes), alignment: 64)
            output.initializeMemory(as: UInt8.self, repeating: 0x55, count: outputBytes)
        }

        deinit { output.deallocate() }

        /// What a kernel writes, gaps included, and what it returns.
        func run(
            limit: Float = .infinity, pastCaches: Bool = false, _ kernel: (UnsafePointer<umbel_tile>) -> Int32
        ) -> Outcome {
            output.initializeMemory(as: UInt8.self, repeating: 0x55, count: outputBytes)
            let result = input.withUnsafeBytes { input in
                var tile = umbel_tile(
                    in: input.baseAddress, out: output, in_format: from.floatFormat ?? UMBEL_F32,
                    out_format: to.floatFormat ?? UMBEL_F32, rows: rows, columns: columns, in_stride: columns + gap,
                    out_stride: columns + gap, limit: limit, past_caches: pastCaches ? 1 : 0)
                return kernel(&tile)
            }
            return Outcome(bytes: Array(UnsafeRawBufferPointer(start: output, count: outputBytes)), fits: result)
        }
    }

    private struct Outcome: Equatable {
        let bytes: [UInt8]
        let fits: Int32
    }

    private func numbers(_ count: Int, _ random: inout SeededGenerator) -> [Float] {
        (0..<count).map { _ in Float.random(in: -1...1, using: &random) }
    }

    /// Runs a kernel in every set, past the caches and not, and its twin, on tiles of all sizes and format pairs.
    private func compare(
        seed: UInt64, _ make: (_ rows: Int, _ columns: Int, inout SeededGenerator) -> Pair
    ) {
        var random = SeededGenerator(seed: seed)
        for (rows, columns) in Self.sizes {
            for from in Self.formats {
                for to in [from, .f32, .bf16] {
                    let tile = Tile(rows, columns, from, to, gap: columns % 3, &random)
                    let pair = make(rows, columns, &random)
                    let expected = tile.run(pair.twin)
                    KernelSets.each { set in
                        for pastCaches in [false, true] {
                            let actual = tile.run(pastCaches: pastCaches, pair.kernel)
                            #expect(actual == expected, "\(set): \(rows)×\(columns) \(from) to \(to)")
                        }
                    }
                }
            }
        }
    }

    private struct Pair {
        let kernel: (UnsafePointer<umbel_tile>) -> Int32
        let twin: (UnsafePointer<umbel_tile>) -> Int32
    }

    private final class Factors {
        let left: [Float]
        let panels: [Float]
        let inner: Int

        init(_ rows: Int, _ columns: Int, _ inner: Int, _ random: inout SeededGenerator) {
            left = (0..<rows * inner + 1).map { _ in Float.random(in: -1...1, using: &random) }
            panels = (0..<(columns + 63) / 64 * 64 * inner + 1).map { _ in Float.random(in: -1...1, using: &random) }
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

    @Test("A product is added", arguments: [0, 1, 4, 33])
    func product(inner: Int) {
        compare(seed: 1) { rows, columns, random in
            let factors = Factors(rows, columns, inner, &random)
            return Pair(
                kernel: { tile in factors.with { umbel_merge_product(tile, $0, 0.7) } },
                twin: { tile in factors.with { umbel_merge_product_reference(tile, $0, 0.7) } })
        }
    }

    @Test("Two products, multiplied, are added")
    func twoProducts() {
        compare(seed: 2) { rows, columns, random in
            let (first, second) = (Factors(rows, columns, 5, &random), Factors(rows, columns, 3, &random))
            return Pair(
                kernel: { tile in
                    first.with { a in second.with { umbel_merge_product_of_products(tile, a, $0, 1.3) } }
                },
                twin: { tile in
                    first.with { a in second.with { umbel_merge_product_of_products_reference(tile, a, $0, 1.3) } }
                })
        }
    }

    @Test("A product and a projection are added", arguments: [1, 3, 9, 20])
    func generalised(kernel: Int) {
        compare(seed: 3) { rows, columns, random in
            let sum = Factors(rows, columns, 3, &random)
            let projection = Factors(rows * kernel, columns, 5, &random)
            func run(
                _ tile: UnsafePointer<umbel_tile>,
                _ body: (
                    UnsafePointer<umbel_tile>?, UnsafePointer<umbel_product>?, UnsafePointer<umbel_projection>?, Float,
                    UnsafeMutablePointer<Float>?
                ) -> Int32
            ) -> Int32 {
                var lines = [Float](repeating: 0, count: 6 * 5 * (kernel + 16))
                return sum.with { sum in
                    projection.with { product in
                        var projection = umbel_projection(
                            left: product.pointee.left, left_stride: product.pointee.left_stride,
                            panels: product.pointee.panels, inner: product.pointee.inner, kernel: kernel)
                        return body(tile, sum, &projection, 1.3, &lines)
                    }
                }
            }
            return Pair(
                kernel: { run($0, umbel_merge_generalised) }, twin: { run($0, umbel_merge_generalised_reference) })
        }
    }

    @Test("A weight is projected, kernel position by kernel position", arguments: [1, 3, 9], [16, 48])
    func projected(kernel: Int, stride: Int) {
        var random = SeededGenerator(seed: 10)
        for (rows, inner) in [(1, 1), (2, 7), (5, 20)] {
            let x = numbers(rows * (inner * kernel + 2), &random)
            let right = numbers(inner * stride, &random)
            var expected = [Float](repeating: 7, count: rows * kernel * stride)
            umbel_project_reference(&expected, x, inner * kernel + 2, rows, kernel, right, stride, inner)
            KernelSets.each { set in
                var actual = [Float](repeating: 7, count: expected.count)
                umbel_project(&actual, x, inner * kernel + 2, rows, kernel, right, stride, inner)
                #expect(actual == expected, "\(set): \(rows) rows of \(inner)")
            }
        }
    }

    @Test("Stored numbers are added", arguments: formats)
    func stored(_ format: DType) {
        compare(seed: 4) { rows, columns, random in
            let values = numbers(rows * (columns + 1), &random)
            let kind = format.floatFormat ?? UMBEL_F32
            var bytes = [UInt8](repeating: 0, count: values.count * format.byteCount)
            bytes.withUnsafeMutableBytes { umbel_narrow($0.baseAddress, values, values.count, kind) }
            return Pair(
                kernel: { umbel_merge_stored($0, bytes, columns + 1, kind, 0.3) },
                twin: { umbel_merge_stored_reference($0, bytes, columns + 1, kind, 0.3) })
        }
    }

    @Test("Rows and columns are scaled")
    func scaled() {
        compare(seed: 5) { rows, _, random in
            let factors = numbers(rows, &random)
            return Pair(
                kernel: { umbel_merge_scaled_rows($0, factors) },
                twin: { umbel_merge_scaled_rows_reference($0, factors) })
        }
        compare(seed: 6) { _, columns, random in
            let factors = numbers(columns, &random)
            return Pair(
                kernel: { umbel_merge_scaled_columns($0, factors) },
                twin: { umbel_merge_scaled_columns_reference($0, factors) })
        }
    }

    @Test("A Kronecker product is added, wherever the tile begins")
    func kronecker() {
        compare(seed: 7) { rows, columns, random in
            // Every divisor of the columns is a period at some size.
            let period = (1...columns).filter { columns % $0 == 0 }.randomElement(using: &random) ?? 1
            let innerRows = Int.random(in: 1...5, using: &random)
            let firstRow = Int.random(in: 0...7, using: &random)
            let outerRows = (firstRow + rows) / innerRows + 1
            let outer = numbers(outerRows * (columns / period), &random)
            let once = numbers(innerRows * period, &random)
            let stride = period + 64
            let inner = (0..<innerRows * stride).map { once[$0 / stride * period + $0 % stride % period] }
            func run(
                _ tile: UnsafePointer<umbel_tile>,
                _ kernel: (
                    UnsafePointer<umbel_tile>?, UnsafePointer<umbel_kronecker>?, Float, UnsafeMutablePointer<Float>?
                ) -> Int32
            ) -> Int32 {
                var scratch = [Float](repeating: 0, count: columns)
                return outer.withUnsafeBufferPointer { outer in
                    inner.withUnsafeBufferPointer { inner in
                        var product = umbel_kronecker(
                            outer: outer.baseAddress, outer_columns: columns / period, inner: inner.baseAddress,
                            inner_rows: innerRows, inner_columns: period, inner_stride: stride, first_row: firstRow)
                        return kernel(tile, &product, 0.9, &scratch)
                    }
                }
            }
            return Pair(
                kernel: { run($0, umbel_merge_kronecker) }, twin: { run($0, umbel_merge_kronecker_reference) })
        }
    }

    @Test("Rows are rotated, with factors and without", arguments: [true, false])
    func rotated(withFactors: Bool) {
        compare(seed: 8) { rows, _, random in
            let rotation = numbers(rows * rows, &random)
            let factors = numbers(rows, &random)
            return Pair(
                kernel: { tile in
                    var panel = [Float](repeating: 0, count: rows * 64)
                    return umbel_merge_rotated(tile, rotation, withFactors ? factors : nil, &panel)
                },
                twin: { tile in
                    var panel = [Float](repeating: 0, count: rows * 64)
                    return umbel_merge_rotated_reference(tile, rotation, withFactors ? factors : nil, &panel)
                })
        }
    }

    @Test("Rows of a panel are rotated where they lie", arguments: [1, 2, 4, 6, 7, 10, 20])
    func panelRows(count: Int) {
        var random = SeededGenerator(seed: 9)
        let rows = (0..<UInt32(count * 2)).shuffled(using: &random).prefix(count).map { $0 }
        let input = numbers(count * 2 * 64, &random)
        let rotation = numbers(count * count, &random)
        var expected = [Float](repeating: 7, count: input.count)
        umbel_rotate_panel_rows_reference(&expected, input, rows, count, rotation)
        KernelSets.each { set in
            var actual = [Float](repeating: 7, count: input.count)
            umbel_rotate_panel_rows(&actual, input, rows, count, rotation)
            #expect(actual == expected, "\(set)")
        }
    }

    @Test("A number at the limit does not fit, in whichever place, and NaN never does")
    func limits() {
        KernelSets.each { set in
            for place in [0, 15, 16, 63, 64, 69] {
                for (value, fits) in [(3, true), (4, false), (-4, false), (Float.nan, false), (-.infinity, false)] {
                    var input = [Float](repeating: 1, count: 70)
                    input[place] = value
                    var output = input
                    let result = input.withUnsafeBytes { input in
                        output.withUnsafeMutableBytes { output in
                            var tile = umbel_tile(
                                in: input.baseAddress, out: output.baseAddress, in_format: UMBEL_F32,
                                out_format: UMBEL_F32, rows: 1, columns: 70, in_stride: 70, out_stride: 70, limit: 4,
                                past_caches: 0)
                            return umbel_convert(&tile)
                        }
                    }
                    #expect((result == 1) == fits, "\(set): \(value) at \(place)")
                }
            }
        }
    }
}
