import Testing
import UmbelFormats
import UmbelTensor
import UmbelTesting

/// Random damage to valid files. UMBEL_FUZZ_ITERATIONS and UMBEL_FUZZ_SEED set how much and which.
@Suite("Fuzzing of files")
struct FuzzFormatsTests {
    private static let seeds: [[UInt8]] = {
        let layout = SafetensorsLayout(
            tensors: [
                .init(name: "x.lora_up.weight", dtype: .f32, shape: [4, 2]), .init(name: "y", dtype: .bf16, shape: []),
                .init(name: "z.ü", dtype: .f8e4m3, shape: [3, 0, 2]), .init(name: "w", dtype: .i64, shape: [2, 2]),
            ], metadata: [("format", "pt"), ("k", "{\"a\": [1, 2]}")])
        return [layout.header + [UInt8](repeating: 7, count: layout.fileBytes - layout.header.count)]
    }()

    @Test("A damaged safetensors file is refused, or every byte of it belongs to one tensor")
    func safetensorsHeader() throws {
        var fuzzer = Fuzzer()
        try fuzzer.run(Self.seeds) { bytes in
            bytes.withUnsafeBytes { buffer in
                guard let index = try? SafetensorsIndex(file: buffer) else { return }
                var covered = index.dataStart
                for entry in index.entries {
                    #expect(entry.range.lowerBound + index.dataStart == covered)
                    #expect(entry.range.count == entry.shape.elementCount * entry.dtype.byteCount)
                    covered = entry.range.upperBound + index.dataStart
                }
                #expect(covered == buffer.count)
            }
        }
    }

    @Test("A damaged JSON text is refused, or reads back as the same value")
    func json() throws {
        var fuzzer = Fuzzer()
        let text = "{\"a\":[1,-2.5e+3,true,null],\"b\\u00e9\":{\"c\":\"\\ud83d\\ude00\\n\"},\"d\":\"\"}"
        try fuzzer.run([Array(text.utf8)]) { bytes in
            guard let value = try? JSON(parsing: bytes) else { return }
            let again = try JSON(parsing: value.text)
            #expect(again == value)
        }
    }
}
