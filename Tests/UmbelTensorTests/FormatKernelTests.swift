import CUmbelKernels
import Testing
import UmbelTensor
import UmbelTesting

/// Widening to f32 and rounding from it: every code, every boundary between two codes.
@Suite("Number formats")
struct FormatKernelTests {
    struct Format: Sendable, CustomTestStringConvertible {
        let dtype: DType
        let codes: UInt32
        /// The first code of one sign that is infinity, or NaN where the format has none.
        let top: UInt32

        var testDescription: String { dtype.rawValue }
        var kernel: umbel_float_format { dtype.floatFormat ?? UMBEL_F32 }

        func widen(_ code: UInt32) -> Float {
            var value: Float = 0
            withUnsafeBytes(of: code.littleEndian) { umbel_widen(&value, $0.baseAddress, 1, kernel) }
            return value
        }

        func narrow(_ value: Float) -> UInt32 {
            var code: UInt32 = 0
            withUnsafeMutableBytes(of: &code) { umbel_narrow($0.baseAddress, [value], 1, kernel) }
            return UInt32(littleEndian: code)
        }

        func narrowReference(_ value: Float) -> UInt32 {
            var code: UInt32 = 0
            withUnsafeMutableBytes(of: &code) { umbel_narrow_one_reference($0.baseAddress, value, kernel) }
            return UInt32(littleEndian: code)
        }

        var sign: UInt32 { codes / 2 }
    }

    static let formats = [
        Format(dtype: .f16, codes: 65_536, top: 0x7c00), Format(dtype: .bf16, codes: 65_536, top: 0x7f80),
        Format(dtype: .f8e4m3, codes: 256, top: 0x7f), Format(dtype: .f8e5m2, codes: 256, top: 0x7c),
    ]

    @Test("Every code widens to the number that it stands for", arguments: formats)
    func everyCodeWidens(_ format: Format) {
        var failures: [UInt32] = []
        for code in 0..<format.codes {
            let value = format.widen(code)
            let reference = withUnsafeBytes(of: code.littleEndian) {
                umbel_widen_one_reference($0.baseAddress, format.kernel)
            }
            let isSame = value.bitPattern == reference.bitPattern || (value.isNaN && reference.isNaN)
            if !isSame { failures.append(code) }
        }
        #expect(failures == [])
    }

    @Test("Every f16 code is Swift's own Float16, every bf16 code the upper half of an f32")
    func codesAreWhatOthersSay() {
        #if !(os(macOS) && arch(x86_64))
            for code in 0..<UInt16.max {
                let value = Self.formats[0].widen(UInt32(code))
                let other = Float(Float16(bitPattern: code))
                #expect(value.bitPattern == other.bitPattern || (value.isNaN && other.isNaN))
            }
        #endif
        for code in 0..<UInt32(65_536) {
            let value = Self.formats[1].widen(code)
            #expect(value.bitPattern == code << 16 || value.isNaN)
        }
    }

    @Test("The 8-bit formats hold the landmarks of their definition (OCP 8-bit floating point 1.0)")
    func landmarksOfEightBits() {
        let e4m3 = Self.formats[2]
        #expect(e4m3.widen(0x7e) == 448)
        #expect(e4m3.widen(0x7f).isNaN && e4m3.widen(0xff).isNaN)
        #expect(e4m3.widen(0x01) == 0x1p-9)
        #expect(e4m3.widen(0x08) == 0x1p-6)
        #expect(e4m3.widen(0x38) == 1)
        let e5m2 = Self.formats[3]
        #expect(e5m2.widen(0x7b) == 57344)
        #expect(e5m2.widen(0x7c) == .infinity && e5m2.widen(0xfc) == -.infinity)
        #expect(e5m2.widen(0x7d).isNaN && e5m2.widen(0x7f).isNaN)
        #expect(e5m2.widen(0x01) == 0x1p-16)
        #expect(e5m2.widen(0x3c) == 1)
    }

    @Test("A code that is widened rounds back to itself", arguments: formats)
    func codesRoundBackToThemselves(_ format: Format) {
        var failures: [UInt32] = []
        for code in 0..<format.codes {
            let value = format.widen(code)
            if value.isNaN {
                if !format.widen(format.narrow(value)).isNaN { failures.append(code) }
            } else if format.narrow(value) != code {
                failures.append(code)
            }
        }
        #expect(failures == [])
    }

    @Test("Between two codes the nearer wins, and the even one in the middle", arguments: formats)
    func midpointsGoToEven(_ format: Format) {
        var failures: [String] = []
        for code in 0..<format.top - 1 {
            for sign in [0, format.sign] {
                let (low, high) = (code | sign, (code + 1) | sign)
                let lower = Double(format.widen(low))
                let middle = Float((lower + Double(format.widen(high))) / 2)
                let even = code % 2 == 0 ? low : high
                // Towards zero and away from it; for f32's own subnormals there may be nothing in between.
                let inward = sign == 0 ? middle.nextDown : middle.nextUp
                let outward = sign == 0 ? middle.nextUp : middle.nextDown
                for (value, expected) in [(middle, even), (inward, low), (outward, high)] {
                    let isRight = format.narrow(value) == expected && format.narrowReference(value) == expected
                    if !isRight { failures.append("\(value) of code \(code)") }
                }
            }
        }
        #expect(failures == [])
    }

    @Test("What is too large overflows from half a step above the largest number on", arguments: formats)
    func overflow(_ format: Format) {
        let limit = format.dtype.overflowLimit
        for value in [limit.nextDown, limit, limit.nextUp, .greatestFiniteMagnitude, .infinity] {
            for signed in [value, -value] {
                #expect(format.narrow(signed) == format.narrowReference(signed), "\(signed)")
                #expect(format.widen(format.narrow(signed)).isFinite == (value < limit), "\(signed)")
            }
        }
        #expect(format.narrow(limit.nextDown) == format.top - 1)
        #expect(format.narrow(limit) == format.top)
        #expect(format.narrow(-limit) == format.top | format.sign)
    }

    @Test("NaN stays NaN and zero keeps its sign", arguments: formats)
    func nanAndZero(_ format: Format) {
        for bits: UInt32 in [0x7fc0_0000, 0xffc0_0000, 0x7f80_0001, 0x7fff_ffff, 0xff80_0001] {
            let value = Float(bitPattern: bits)
            #expect(format.widen(format.narrow(value)).isNaN)
            #expect(format.widen(format.narrowReference(value)).isNaN)
        }
        #expect(format.narrow(0) == 0)
        #expect(format.narrow(-0.0) == format.sign)
        #expect(format.narrow(.leastNonzeroMagnitude) == 0)
        #expect(format.narrow(-.leastNonzeroMagnitude) == format.sign)
    }

    @Test("Random numbers of every magnitude round as the reference does", arguments: formats)
    func randomNumbers(_ format: Format) {
        var random = SeededGenerator(seed: 8)
        var failures: [Float] = []
        for _ in 0..<50_000 {
            let value = Float(bitPattern: UInt32(truncatingIfNeeded: random.next()))
            let (fast, plain) = (format.narrow(value), format.narrowReference(value))
            if fast != plain && !value.isNaN { failures.append(value) }
        }
        #expect(failures == [])
    }

    @Test("Arrays of any length and alignment convert as their elements do", arguments: formats)
    func arraysConvertAsElements(_ format: Format) {
        var random = SeededGenerator(seed: 9)
        let size = format.dtype.byteCount
        for count in 0...67 {
            for offset in 0...3 {
                var bytes = (0..<count * size + offset).map { _ in UInt8.random(in: 0...255, using: &random) }
                var values = [Float](repeating: 0, count: count)
                bytes.withUnsafeBytes { umbel_widen(&values, $0.baseAddress.map { $0 + offset }, count, format.kernel) }
                let codes = (0..<count).map { index in
                    (0..<size).reduce(UInt32(0)) { $0 | UInt32(bytes[offset + index * size + $1]) << (8 * UInt32($1)) }
                }
                let isSame = zip(values, codes).allSatisfy {
                    $0.bitPattern == format.widen($1).bitPattern || $0.isNaN
                }
                #expect(isSame)
                let before = bytes
                bytes.withUnsafeMutableBytes {
                    umbel_narrow($0.baseAddress.map { $0 + offset }, values, count, format.kernel)
                }
                let hasNaN = values.contains(where: \.isNaN)
                #expect(hasNaN || bytes == before)
            }
        }
    }

    @Test("f64 is rounded once on the way in and is exact on the way out")
    func doubles() {
        let doubles = [1 + 0x1p-24, 1 + 0x1p-25, 1e300, -1e-300, .infinity, 0.1]
        var singles = [Float](repeating: 0, count: doubles.count)
        umbel_widen(&singles, doubles, doubles.count, UMBEL_F64)
        #expect(singles == doubles.map { Float($0) })
        var back = [Double](repeating: 0, count: singles.count)
        umbel_narrow(&back, singles, singles.count, UMBEL_F64)
        #expect(back == singles.map(Double.init))
    }
}
