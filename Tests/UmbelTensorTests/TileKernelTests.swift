import CUmbelKernels
import Testing
import UmbelTensor
import UmbelTesting

/// The kernels that merge a tile in one pass, in every instruction set, against their plain twins: bit for bit.
@Suite("Tile kernels")
struct TileKernelTests: TileComparing {
    @Test("A product is added", arguments: [0, 1, 4, 33])
    func product(inner: Int) {
        compare(seed: 1) { rows, columns, random in
            let factors = Factors(rows, columns, inner, &random)
            return Pair(
                kernel: { tile in factors.with { umbel_merge_product(tile, $0, 0.7) } },
                twin: { tile in factors.with { umbel_merge_product_reference(tile, $0, 0.7) } })
        }
    }

    // At a scale of 0 the small numbers of a tile come out as they are.
    @Test("Two products, multiplied, are added", arguments: [1.3, 0] as [Float])
    func twoProducts(scale: Float) {
        compare(seed: 2) { rows, columns, random in
            let (first, second) = (Factors(rows, columns, 5, &random), Factors(rows, columns, 3, &random))
            return Pair(
                kernel: { tile in
                    first.with { a in second.with { umbel_merge_product_of_products(tile, a, $0, scale) } }
                },
                twin: { tile in
                    first.with { a in second.with { umbel_merge_product_of_products_reference(tile, a, $0, scale) } }
                })
        }
    }

    @Test("A product and a projection of the weight are added", arguments: [1, 3, 9, 20], [1.3, 0] as [Float])
    func generalised(kernel: Int, scale: Float) {
        compare(seed: 3) { rows, inputs, random in
            // Every tile is cut to whole kernels.
            let columns = max(1, inputs / kernel) * kernel
            let sum = Factors(rows, columns, kernel == 3 ? 0 : 3, &random)
            let projection = Factors(1, columns, 5, &random)
            let right = numbers(columns / kernel * 16, &random)
            func run(
                _ tile: UnsafePointer<umbel_tile>,
                _ body: (
                    UnsafePointer<umbel_tile>?, UnsafePointer<umbel_product>?, UnsafePointer<umbel_projection>?, Float,
                    UnsafeMutablePointer<Float>?
                ) -> Int32
            ) -> Int32 {
                guard inputs >= kernel else { return 1 }
                var whole = tile.pointee
                whole.columns = columns
                return sum.with { sum in
                    projection.with { product in
                        right.withUnsafeBufferPointer { right in
                            var projection = umbel_projection(
                                right: right.baseAddress, right_stride: 16, panels: product.pointee.panels,
                                inner: product.pointee.inner, kernel: kernel)
                            var scratch = [Float](
                                repeating: .nan, count: umbel_generalised_scratch(&projection, columns))
                            return body(&whole, sum, &projection, scale, &scratch)
                        }
                    }
                }
            }
            return Pair(
                kernel: { run($0, umbel_merge_generalised) }, twin: { run($0, umbel_merge_generalised_reference) })
        }
    }

    @Test("The CPU's own rounding to bf16 gives the same bits: zeros, subnormal numbers, ties and the largest")
    func roundingOfTheCPU() {
        let special: [Float] = [
            0, -0.0, 0x1p-149, -0x1p-130, 0x1.fcp-127, -0x1.fcp-127, 0x1.01p0, 0x1.03p0, -0x1.01p0, -0x1p-133,
            0x1.fcp127, 1, -2,
        ]
        let columns = 192
        for start in 0..<special.count {
            // One row of ordinary numbers only, one with a special one among them, one of those alone.
            let input = (0..<7 * columns).map { index -> UInt16 in
                let (row, column) = (index / columns, index % columns)
                let ordinary = Float(1 + column % 50) / 64
                let isOrdinary = row % 3 == 0 || (row % 3 == 1 && column != start)
                let value = isOrdinary ? ordinary : special[(start + column) % special.count]
                return UInt16(truncatingIfNeeded: value.bitPattern >> 16)
            }
            var outputs: [String: [UInt16]] = [:]
            KernelSets.each { set in
                var output = [UInt16](repeating: 7, count: input.count)
                input.withUnsafeBytes { input in
                    output.withUnsafeMutableBytes { output in
                        var tile = umbel_tile(
                            in: input.baseAddress, out: output.baseAddress, in_format: UMBEL_BF16,
                            out_format: UMBEL_BF16, rows: 7, columns: columns, in_stride: columns, out_stride: columns,
                            limit: DType.bf16.overflowLimit, past_caches: 0)
                        let left = [Float](repeating: 0x1p-140, count: 7)
                        let panels = [Float](repeating: 0.75, count: columns)
                        left.withUnsafeBufferPointer { left in
                            panels.withUnsafeBufferPointer { panels in
                                var factors = umbel_product(
                                    left: left.baseAddress, left_stride: 1, panels: panels.baseAddress, inner: 1)
                                #expect(umbel_merge_product(&tile, &factors, 1) == 1)
                            }
                        }
                    }
                }
                outputs[set] = output
            }
            #expect(Set(outputs.values).count == 1, "from \(start)")
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
                var scratch = [Float](repeating: .nan, count: columns)
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
            let size = (1...rows).filter { rows % $0 == 0 }.randomElement(using: &random) ?? 1
            let rotations = numbers(rows * size, &random)
            let factors = numbers(rows, &random).enumerated().map { $0.offset % 5 == 4 ? 0 : $0.element }
            return Pair(
                kernel: { tile in
                    var panel = [Float](repeating: 0, count: size * 64)
                    return umbel_merge_rotated(tile, size, rotations, withFactors ? factors : nil, &panel)
                },
                twin: { tile in
                    var panel = [Float](repeating: 0, count: size * 64)
                    return umbel_merge_rotated_reference(tile, size, rotations, withFactors ? factors : nil, &panel)
                })
        }
    }

    @Test("Rows that lie anywhere are rotated, with factors and without", arguments: [true, false])
    func scatteredRows(withFactors: Bool) {
        compare(seed: 9) { rows, _, random in
            let size = Int.random(in: 1...rows, using: &random)
            let blocks = rows / size
            let order = (0..<UInt32(rows)).shuffled(using: &random)
            let rotations = numbers(blocks * size * size, &random)
            let factors = numbers(rows, &random)
            return Pair(
                kernel: { tile in
                    var panel = [Float](repeating: 0, count: size * 64)
                    return umbel_merge_rotated_rows(
                        tile, order, size, blocks, rotations, withFactors ? factors : nil, &panel)
                },
                twin: { tile in
                    var panel = [Float](repeating: 0, count: size * 64)
                    return umbel_merge_rotated_rows_reference(
                        tile, order, size, blocks, rotations, withFactors ? factors : nil, &panel)
                })
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
