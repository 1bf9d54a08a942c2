import CUmbelKernels
import Testing
import UmbelTensor
import UmbelTesting

/// The kernels that scale rows and columns by norms of a sum, in every instruction set, against their plain twins: bit for bit.
@Suite("Tile kernels that replace norms")
struct NormalisedTileTests: TileComparing {
    @Test(
        "A product is added to rows whose norms are replaced, by either rule", arguments: [true, false],
        [0.7, 0] as [Float])
    func normalisedProduct(interpolates: Bool, scale: Float) {
        compare(seed: 11) { rows, columns, random in
            let factors = Factors(rows, columns, 4, &random)
            let values = numbers(rows, &random)
            func run(
                _ tile: UnsafePointer<umbel_tile>,
                _ body: (
                    UnsafePointer<umbel_tile>?, UnsafePointer<umbel_product>?, Float, UnsafePointer<umbel_magnitudes>?,
                    UnsafeMutablePointer<Float>?
                ) -> Int32
            ) -> Int32 {
                var scratch = [Float](repeating: .nan, count: umbel_normalised_scratch(columns))
                return factors.with { product in
                    values.withUnsafeBufferPointer { values in
                        var magnitudes = umbel_magnitudes(
                            values: values.baseAddress, epsilon: 0x1p-23, strength: 0.6,
                            interpolates: interpolates ? 1 : 0)
                        return body(tile, product, scale, &magnitudes, &scratch)
                    }
                }
            }
            return Pair(
                kernel: { run($0, umbel_merge_product_normalised) },
                twin: { run($0, umbel_merge_product_normalised_reference) })
        }
    }

    @Test("Rows of f32 have their norms replaced")
    func normalised() {
        var random = SeededGenerator(seed: 12)
        for (rows, columns) in Self.sizes {
            let tile = Tile(rows, columns, .f32, .bf16, gap: columns % 3, &random)
            let values = numbers(rows, &random)
            values.withUnsafeBufferPointer { values in
                var magnitudes = umbel_magnitudes(values: values.baseAddress, epsilon: 0, strength: 1, interpolates: 0)
                let expected = tile.run { umbel_merge_normalised_reference($0, &magnitudes) }
                KernelSets.each { set in
                    let actual = tile.run { umbel_merge_normalised($0, &magnitudes) }
                    #expect(actual == expected, "\(set): \(rows)×\(columns)")
                }
            }
        }
    }

    @Test("Norms of numbers whose squares are too large or too small for f32 are right", arguments: [0x1p-90, 0x1p80])
    func extremeNorms(magnitude: Double) {
        var random = SeededGenerator(seed: 15)
        // Several runs of columns, and rows of other sizes beside the ones that are extreme.
        let (rows, columns) = (13, 600)
        let input = (0..<rows * columns).map { index in
            Float.random(in: 1...2, using: &random) * (index / columns % 3 == 1 ? Float(magnitude) : 1)
        }
        let norms = (0..<rows).map { row in
            input[row * columns..<(row + 1) * columns].reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
        }
        let values = numbers(rows, &random)
        let empty = Factors(rows, columns, 0, &random)
        KernelSets.each { set in
            var outputs: [[Float]] = []
            for productIsAdded in [true, false] {
                var output = input
                values.withUnsafeBufferPointer { values in
                    output.withUnsafeMutableBufferPointer { output in
                        var scratch = [Float](repeating: .nan, count: umbel_normalised_scratch(columns))
                        var magnitudes = umbel_magnitudes(
                            values: values.baseAddress, epsilon: 0, strength: 1, interpolates: 0)
                        var tile = umbel_tile(
                            in: output.baseAddress, out: output.baseAddress, in_format: UMBEL_F32,
                            out_format: UMBEL_F32, rows: rows, columns: columns, in_stride: columns,
                            out_stride: columns, limit: .infinity, past_caches: 0)
                        _ = empty.with { product in
                            productIsAdded
                                ? umbel_merge_product_normalised(&tile, product, 1, &magnitudes, &scratch)
                                : umbel_merge_normalised(&tile, &magnitudes)
                        }
                    }
                }
                outputs.append(output)
            }
            #expect(outputs[0] == outputs[1], "\(set)")
            for index in input.indices {
                let row = index / columns
                let expected = Double(input[index]) * Double(values[row]) / norms[row]
                #expect(abs(Double(outputs[0][index]) - expected) <= abs(expected) * 2e-7, "\(set): \(index)")
            }
        }
    }

    @Test("A product is added and each column scaled", arguments: [0.7, 0] as [Float])
    func scaledColumnsOfASum(scale: Float) {
        compare(seed: 13) { rows, columns, random in
            let product = Factors(rows, columns, 4, &random)
            let factors = numbers(columns, &random)
            return Pair(
                kernel: { tile in product.with { umbel_merge_product_scaled_columns(tile, $0, scale, factors) } },
                twin: { tile in product.with { umbel_merge_product_scaled_columns_reference(tile, $0, scale, factors) }
                })
        }
    }

    @Test("The columns of a sum are squared, row after row", arguments: formats)
    func squaredColumns(_ format: DType) {
        var random = SeededGenerator(seed: 14)
        for (rows, columns) in Self.sizes {
            let tile = Tile(rows, columns, format, .f32, gap: columns % 3, &random)
            let product = Factors(rows, columns, 5, &random)
            let before = numbers(columns, &random)
            var expected = before
            _ = tile.run { tile in
                product.with { factors in
                    umbel_add_product_squares_reference(&expected, tile, factors, 0.7)
                    return 1
                }
            }
            KernelSets.each { set in
                var actual = before
                _ = tile.run { tile in
                    product.with { factors in
                        umbel_add_product_squares(&actual, tile, factors, 0.7)
                        return 1
                    }
                }
                #expect(actual == expected, "\(set): \(rows)×\(columns)")
            }
        }
    }
}
