import Testing
import UmbelFormats
import UmbelTensor
import UmbelTesting

@Suite("Fuzzing the formats")
struct FuzzFormatsTests {
    private static let headerWords = [
        "\"", "{", "}", "[", "]", ":", ",", "0", "-1", "18446744073709551615", "1e9", "F32", "BF16", "F8_E4M3", "dtype",
        "shape", "data_offsets", "__metadata__", "\\u0000", "\\ud800", "\u{e9}", "null", "4", "8",
    ]

    private static func validFile(_ random: inout SeededGenerator) -> [UInt8] {
        let tensors = (0..<Int.random(in: 0...4, using: &random)).map { index in
            let dtype = DType.allCases.randomElement(using: &random) ?? .f32
            let shape = (0..<Int.random(in: 0...3, using: &random)).map { _ in Int.random(in: 0...3, using: &random) }
            return TestTensor(
                "t\(index)", dtype, shape, bytes: [UInt8](repeating: 1, count: shape.elementCount * dtype.byteCount))
        }
        return tensors.file(metadata: Bool.random(using: &random) ? [("format", "pt")] : nil)
    }

    @Test("Whatever a header holds, it is refused, or every byte of the data has one owner")
    func safetensorsHeader() {
        var accepted = 0
        Fuzz.run { random, seed in
            var bytes = Self.validFile(&random)
            let original = bytes
            random.mutate(&bytes, dictionary: Self.headerWords)
            // Most mutations of the header would only break its length: put that right in half of the cases.
            if Bool.random(using: &random), bytes.count >= 8 {
                let growth = bytes.count - original.count
                let length = original.withUnsafeBytes { Int($0.loadUnaligned(as: UInt64.self)) } + growth
                withUnsafeBytes(of: UInt64(max(0, length)).littleEndian) { bytes.replaceSubrange(0..<8, with: $0) }
            }
            guard let index = try? SafetensorsErrorTests.index(bytes) else { return }
            accepted += 1
            var owners = [Int](repeating: 0, count: bytes.count - index.dataStart)
            for entry in index.entries {
                for byte in entry.range { owners[byte] += 1 }
                #expect(entry.range.count == entry.shape.elementCount * entry.dtype.byteCount, "\(seed)")
                #expect(index[entry.name] == entry, "\(seed)")
            }
            #expect(owners.allSatisfy { $0 == 1 }, "\(seed)")
        }
        #expect(accepted > 0 || Fuzz.iterations < 100, "some mutations leave the file valid")
    }

    private static func randomValue(_ random: inout SeededGenerator, depth: Int) -> JSON {
        func word(_ random: inout SeededGenerator) -> String {
            String(
                String.UnicodeScalarView(
                    (0..<Int.random(in: 0...4, using: &random)).compactMap { _ in
                        Unicode.Scalar(UInt32.random(in: 0...0x2ff, using: &random))
                    }))
        }
        switch Int.random(in: 0..<(depth > 0 ? 6 : 4), using: &random) {
        case 0: return .null
        case 1: return .bool(.random(using: &random))
        case 2: return JSON(Double.random(in: -1e6...1e6, using: &random))
        case 3: return .string(word(&random))
        case 4:
            return .array(
                (0..<Int.random(in: 0...3, using: &random)).map { _ in randomValue(&random, depth: depth - 1) })
        default:
            return .object(
                (0..<Int.random(in: 0...3, using: &random)).map { index in
                    .init("\(index)\(word(&random))", randomValue(&random, depth: depth - 1))
                })
        }
    }

    @Test("JSON that is accepted is written so that it reads back the same")
    func json() {
        Fuzz.run { random, seed in
            let value = Self.randomValue(&random, depth: 4)
            #expect((try? JSON(parsing: value.text)) == value, "\(seed)")
            var bytes = Array(value.prettyText.utf8)
            random.mutate(&bytes, dictionary: Self.headerWords)
            guard let parsed = try? JSON(parsing: bytes) else { return }
            #expect((try? JSON(parsing: parsed.text)) == parsed, "\(seed)")
            #expect((try? JSON(parsing: parsed.prettyText)) == parsed, "\(seed)")
        }
    }
}
