import CUmbelCompute
import CUmbelKernels
import Testing
import UmbelTensor

/// Every kernel of every set that runs here against its plain twin.
@Suite("Kernels of networks and their twins")
struct KernelTwinTests {
    private static let names: [String] = (0..<8).compactMap { index in
        umbel_compute_set_at(index).map { String(cString: $0.pointee.name) }
    }
    private static let kinds: [umbel_unit] = [UMBEL_NUMBERS, UMBEL_PAIRS]

    private func kernels(_ name: String) throws -> umbel_compute_set {
        let sets = (0..<8).compactMap { umbel_compute_set_at($0)?.pointee }
        return try #require(sets.first { String(cString: $0.name) == name })
    }

    /// Memory that shows what nobody wrote.
    private func fresh(_ count: Int) -> Matrix { Matrix(rows: 1, columns: count, repeating: 12345) }

    private func expectClose(_ found: Matrix, _ expected: Matrix, within limit: Double = 1e-6) {
        #expect(distance(found.values, expected.values.map(Double.init)) < limit)
    }

    private func words(_ matrix: Matrix) -> UnsafeMutablePointer<UInt32> {
        UnsafeMutableRawPointer(matrix.start).assumingMemoryBound(to: UInt32.self)
    }

    private func unitCount(_ count: Int, _ unit: umbel_unit) -> Int { unit == UMBEL_PAIRS ? (count + 1) / 2 : count }

    /// Numbers, or pairs of bf16 around them.
    private func factors(_ samples: inout Samples, _ rows: Int, _ columns: Int, _ unit: umbel_unit) -> Matrix {
        guard unit == UMBEL_PAIRS else { return samples.matrix(rows, columns) }
        let (numbers, out) = (samples.matrix(rows, 2 * columns), fresh(rows * columns))
        umbel_pack_columns_reference(words(out), columns, numbers.start, 2 * columns, rows, 2 * columns)
        return out
    }

    @Test("Packing gives the same bits", arguments: names, kinds)
    func packing(name: String, unit: umbel_unit) throws {
        let set = try kernels(name)
        var samples = Samples()
        for (outputs, inputs, positions) in [
            (1, 1, 1), (64, 5, 9), (17, 34, 1), (33, 7, 4), (64, 48, 1), (62, 19, 1), (64, 9, 16), (7, 3, 25),
        ] {
            let weight = samples.matrix(outputs, inputs * positions)
            let count = positions * unitCount(inputs, unit) * 64
            let (found, expected) = (fresh(count), fresh(count))
            set.pack_panel(found.start, weight.start, outputs, inputs, positions, unit)
            umbel_pack_panel_reference(expected.start, weight.start, outputs, inputs, positions, unit)
            #expect(found.hasSameBits(as: expected))
        }
        for (rows, columns) in [(1, 1), (3, 17), (4, 40), (5, 33), (3, 150)] {
            let x = samples.matrix(rows, columns)
            let stride = unitCount(columns, UMBEL_PAIRS) + 1
            let (found, expected) = (fresh(rows * stride), fresh(rows * stride))
            set.pack_columns(words(found), stride, x.start, columns, rows, columns)
            umbel_pack_columns_reference(words(expected), stride, x.start, columns, rows, columns)
            #expect(found.hasSameBits(as: expected))
            let apart = columns + 5
            let (pairs, others) = (fresh((rows + 1) / 2 * apart), fresh((rows + 1) / 2 * apart))
            set.pack_rows(words(pairs), apart, x.start, columns, rows, columns)
            umbel_pack_rows_reference(words(others), apart, x.start, columns, rows, columns)
            #expect(pairs.hasSameBits(as: others))
        }
    }

    @Test(
        "Packing a weight as it is stored gives the same bits", arguments: names,
        [UMBEL_F32, UMBEL_BF16, UMBEL_F16])
    func storedPacking(name: String, format: umbel_float_format) throws {
        let set = try kernels(name)
        var samples = Samples()
        for unit in Self.kinds {
            for (outputs, inputs) in [(1, 1), (64, 32), (64, 96), (17, 34), (33, 7), (64, 47), (62, 33), (5, 130)] {
                // Of every size that the format has, the smallest too; where it lies no number begins.
                let values = samples.values(outputs * inputs).enumerated().map { $1 * [1, 0x1p-17, 60000][$0 % 3] }
                var bytes = [UInt8](repeating: 0, count: 4 * values.count + 1)
                bytes.withUnsafeMutableBytes { bytes in
                    guard let start = bytes.baseAddress else { return }
                    umbel_narrow(start + 1, values, values.count, format)
                    let count = unitCount(inputs, unit) * 64
                    let (found, expected) = (fresh(count), fresh(count))
                    set.turn_panel(found.start, start + 1, format, outputs, inputs, unit)
                    umbel_turn_panel_reference(expected.start, start + 1, format, outputs, inputs, unit)
                    #expect(found.hasSameBits(as: expected))
                }
            }
        }
    }

    @Test("Products of panels, into a part of a matrix", arguments: names, kinds)
    func products(name: String, unit: umbel_unit) throws {
        let set = try kernels(name)
        var samples = Samples()
        for (rows, inner, columns) in [(1, 1, 1), (5, 3, 16), (6, 17, 64), (13, 300, 65), (200, 2, 130), (4, 0, 20)] {
            let left = factors(&samples, rows, inner + 2, unit)
            let panels = factors(&samples, (columns + 63) / 64, inner * 64, unit)
            let (bias, residual) = (samples.matrix(1, columns), samples.matrix(rows, columns))
            let (found, expected) = (fresh(rows * (columns + 5)), fresh(rows * (columns + 5)))
            for hasMore in [false, true] {
                // What is asked for meanwhile changes nothing.
                var product = umbel_panel_product(
                    out: found.start, out_stride: columns + 5, left: left.start, left_stride: inner + 2,
                    panels: panels.start, panel_stride: inner * 64, rows: rows, inner: inner, columns: columns,
                    bias: hasMore ? UnsafePointer(bias.start) : nil,
                    residual: hasMore ? UnsafePointer(residual.start) : nil, residual_stride: columns,
                    ahead: hasMore ? UnsafeRawPointer(residual.start) : nil, ahead_bytes: 4 * residual.count, unit: unit
                )
                set.multiply_panels(&product)
                product.out = expected.start
                umbel_multiply_panels_reference(&product)
                expectClose(found, expected)
            }
        }
    }

    @Test("Convolutions of some places", arguments: names, kinds)
    func convolutions(name: String, unit: umbel_unit) throws {
        let set = try kernels(name)
        var samples = Samples()
        for (inner, columns, stride) in [(3, 5, 1), (20, 70, 1), (300, 16, 2)] {
            let x = factors(&samples, 9 * 7, inner, unit)
            let panels = factors(&samples, (columns + 63) / 64, 9 * inner * 64, unit)
            let (bias, residual) = (samples.matrix(1, columns), samples.matrix(9 * 7, columns))
            let (found, expected) = (fresh(9 * 7 * columns), fresh(9 * 7 * columns))
            var shape = umbel_convolution(
                out: found.start, out_stride: columns, in: x.start, height: 9, width: 7, inner: inner, kernel: 3,
                stride: stride, top: 1, left: 1, out_height: (9 - 1) / stride + 1, out_width: (7 - 1) / stride + 1,
                panels: panels.start, panel_stride: 9 * inner * 64, columns: columns, bias: bias.start,
                residual: residual.start, unit: unit)
            let places = shape.out_height * shape.out_width
            set.convolve(&shape, 2, places - 3)
            shape.out = expected.start
            umbel_convolve_reference(&shape, 2, places - 3)
            expectClose(found, expected)
            let (patches, others) = (fresh(places * 9 * inner), fresh(places * 9 * inner))
            set.gather(patches.start, &shape, 1, places - 1)
            umbel_gather_reference(others.start, &shape, 1, places - 1)
            #expect(patches.hasSameBits(as: others))
        }
    }

    @Test("Convolutions to few outputs", arguments: names)
    func fewOutputs(name: String) throws {
        let set = try kernels(name)
        var samples = Samples()
        for (inner, columns) in [(16, 1), (33, 3), (270, 4), (20, 8)] {
            let x = samples.matrix(9 * 7, inner)
            let weight = samples.matrix(9 * columns, inner)
            let (bias, residual) = (samples.matrix(1, columns), samples.matrix(9 * 7, columns))
            let (found, expected) = (fresh(9 * 7 * columns), fresh(9 * 7 * columns))
            var shape = umbel_convolution(
                out: found.start, out_stride: columns, in: x.start, height: 9, width: 7, inner: inner, kernel: 3,
                stride: 1, top: 1, left: 1, out_height: 9, out_width: 7, panels: weight.start, panel_stride: 0,
                columns: columns, bias: bias.start, residual: residual.start, unit: UMBEL_NUMBERS)
            set.convolve_few(&shape, 1, 62)
            shape.out = expected.start
            umbel_convolve_few_reference(&shape, 1, 62)
            expectClose(found, expected)
        }
    }

    @Test("Winograd's transformations", arguments: names, [[2, 2], [2, 4], [4, 4]])
    func winograd(name: String, tile: [Int]) throws {
        let set = try kernels(name)
        var samples = Samples()
        let (rows, columns) = (tile[0], tile[1])
        let points = (rows + 2) * (columns + 2)
        for (height, width, channels) in [(1, 1, 1), (9, 6, 17), (8, 11, 40)] {
            let across = (width + columns - 1) / columns
            let tiles = across * ((height + rows - 1) / rows)
            var shape = umbel_winograd(
                tile: .init(rows: rows, columns: columns), height: height, width: width, top: 1, left: 1,
                out_height: height, out_width: width,
                tiles_across: across)
            let x = samples.matrix(height * width, channels)
            let (found, expected) = (fresh(points * tiles * channels), fresh(points * tiles * channels))
            set.winograd_input(found.start, tiles * channels, x.start, channels, &shape, 0, tiles, UMBEL_NUMBERS)
            umbel_winograd_input_reference(
                expected.start, tiles * channels, x.start, channels, &shape, 0, tiles, UMBEL_NUMBERS)
            expectClose(found, expected)
            let (bias, residual) = (samples.matrix(1, channels), samples.matrix(height * width, channels))
            let (out, other) = (fresh(residual.count), fresh(residual.count))
            set.winograd_output(
                out.start, expected.start, tiles * channels, channels, &shape, 0, tiles, bias.start, residual.start)
            umbel_winograd_output_reference(
                other.start, expected.start, tiles * channels, channels, &shape, 0, tiles, bias.start, residual.start)
            expectClose(out, other)
        }
    }

    @Test("Winograd's transformations to pairs", arguments: names, [[2, 2], [2, 4], [4, 4]])
    func winogradPairs(name: String, tile: [Int]) throws {
        let set = try kernels(name)
        var samples = Samples()
        let (rows, columns, channels) = (tile[0], tile[1], 21)
        let points = (rows + 2) * (columns + 2)
        let units = unitCount(channels, UMBEL_PAIRS)
        var shape = umbel_winograd(
            tile: .init(rows: rows, columns: columns), height: 5, width: 7, top: 1, left: 1, out_height: 5,
            out_width: 7,
            tiles_across: (7 + columns - 1) / columns)
        let tiles = shape.tiles_across * ((5 + rows - 1) / rows)
        let x = samples.matrix(35, channels)
        let (found, expected) = (fresh(points * tiles * units), fresh(points * tiles * units))
        set.winograd_input(found.start, tiles * units, x.start, channels, &shape, 0, tiles, UMBEL_PAIRS)
        umbel_winograd_input_reference(
            expected.start, tiles * units, x.start, channels, &shape, 0, tiles, UMBEL_PAIRS)
        expectCloseHalves(found, expected)
    }

    @Test(
        "Winograd's points of a weight as it is stored, of any outputs and inputs", arguments: names,
        [[2, 2], [2, 4], [4, 4]])
    func winogradWeights(name: String, tile: [Int]) throws {
        let set = try kernels(name)
        var samples = Samples()
        let points = (tile[0] + 2) * (tile[1] + 2)
        // Whole blocks that are turned over together and parts of them; an output has one input more than are asked for.
        for (outputs, inputs) in [(1, 1), (64, 32), (64, 16), (62, 33), (17, 5), (20, 40)] {
            let values = samples.values(outputs * (inputs + 1) * 9)
            for (format, unit) in [UMBEL_F32, UMBEL_BF16, UMBEL_F16].flatMap({ format in Self.kinds.map { (format, $0) }
            }) {
                var bytes = [UInt8](repeating: 0, count: 4 * values.count + 1)
                bytes.withUnsafeMutableBytes { bytes in
                    guard let start = bytes.baseAddress else { return }
                    umbel_narrow(start + 1, values, values.count, format)
                    let stride = unitCount(inputs, unit) * 64 + 3
                    let (found, expected) = (fresh(points * stride), fresh(points * stride))
                    var weights = umbel_winograd_weights(
                        start: start + 1, format: format, stride: (inputs + 1) * 9, outputs: outputs, inputs: inputs,
                        tile: .init(rows: tile[0], columns: tile[1]))
                    set.winograd_weight(found.start, stride, &weights, unit)
                    umbel_winograd_weight_reference(expected.start, stride, &weights, unit)
                    if unit == UMBEL_PAIRS { expectCloseHalves(found, expected) } else { expectClose(found, expected) }
                }
            }
        }
    }

    /// Pairs of bf16 of numbers that were almost the same before they were rounded.
    private func expectCloseHalves(
        _ found: Matrix, _ expected: Matrix, sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let half = { (words: UnsafeMutablePointer<UInt32>, index: Int) in
            Float(bitPattern: (words[index / 2] >> UInt32(index % 2 * 16)) << 16)
        }
        let apart = (0..<2 * found.count).filter { index in
            let (one, other) = (half(words(found), index), half(words(expected), index))
            return !((one - other).magnitude <= 0x1p-7 * other.magnitude + 1e-5) && !(one.isNaN && other.isNaN)
        }
        #expect(apart.isEmpty, sourceLocation: sourceLocation)
    }

    @Test("Attention of some queries of one head", arguments: names, kinds)
    func attention(name: String, unit: umbel_unit) throws {
        let set = try kernels(name)
        var samples = Samples()
        // The last one has products that rise by far more than weights could, relative to those of the first keys.
        let cases: [(Int, Int, Int, Int, Float)] = [
            (1, 1, 2, 1, 2), (64, 200, 40, 200, 2), (33, 77, 6, 77, 2), (50, 180, 8, 128, 2), (64, 300, 40, 300, 2),
            (9, 135, 10, 135, 2), (64, 300, 40, 300, 40),
        ]
        for (count, seen, size, place, scale) in cases {
            let queries = samples.matrix(count, size)
            let keys = factors(&samples, seen, unitCount(size, unit), unit)
            let values = factors(&samples, unitCount(seen, unit), size, unit)
            // Rows of the result lie further apart than they are long.
            let stride = size + 3
            let found = Matrix(rows: count, columns: stride, repeating: 0)
            let expected = Matrix(rows: count, columns: stride, repeating: 0)
            var attention = umbel_attention(
                out: found.start, out_stride: stride, queries: queries.start, query_stride: size, keys: keys.start,
                key_stride: unitCount(size, unit), values: values.start, value_stride: size, count: count, seen: seen,
                size: size, scale: scale, place: place, unit: unit)
            let scratch = fresh((2 * size + UMBEL_ATTENDED_KEYS) * UMBEL_ATTENDED_QUERIES)
            set.attend(&attention, scratch.start)
            attention.out = expected.start
            umbel_attend_reference(&attention, scratch.start)
            // Rounding a factor moves a product by so much more the larger it is.
            let limit = unit == UMBEL_PAIRS ? max(2e-2, 2e-3 * Double(scale)) : 1e-6 * Double(scale)
            expectClose(found, expected, within: limit)
        }
    }

    @Test("Norms, gates and functions of single numbers", arguments: names)
    func rest(name: String) throws {
        let set = try kernels(name)
        var samples = Samples()
        for (rows, columns) in [(1, 1), (2, 16), (70, 33), (33, 100)] {
            let x = samples.matrix(rows, 2 * columns)
            let (factors, shifts) = (samples.matrix(1, 2 * columns), samples.matrix(1, 2 * columns))
            let (found, expected) = (fresh(x.count), fresh(x.count))
            for silu in [Int32(0), 1] {
                set.scale_shift(found.start, x.start, factors.start, shifts.start, rows, 2 * columns, silu)
                umbel_scale_shift_reference(
                    expected.start, x.start, factors.start, shifts.start, rows, 2 * columns, silu)
                expectClose(found, expected)
            }
            set.normalise_rows(found.start, x.start, factors.start, shifts.start, rows, 2 * columns, 1e-5)
            umbel_normalise_rows_reference(
                expected.start, x.start, factors.start, shifts.start, rows, 2 * columns, 1e-5)
            expectClose(found, expected, within: 3e-6)
            set.gate(found.start, columns, x.start, 2 * columns, rows, columns)
            umbel_gate_reference(expected.start, columns, x.start, 2 * columns, rows, columns)
            expectClose(found, expected)
            var sums = [Double](repeating: 1, count: 4 * columns)
            var others = sums
            set.channel_sums(&sums, x.start, rows, 2 * columns)
            umbel_channel_sums_reference(&others, x.start, rows, 2 * columns)
            #expect(distance(sums.map(Float.init), others) < 1e-6)
            for activation in [UMBEL_SILU, UMBEL_GELU, UMBEL_QUICK_GELU, UMBEL_RELU, UMBEL_MISH] {
                let (one, other) = (x.copy(), x.copy())
                one.scale(by: 10)
                other.scale(by: 10)
                set.activate(one.start, x.count, activation)
                umbel_activate_reference(other.start, x.count, activation)
                expectClose(one, other)
            }
        }
    }
}
