import Testing
import UmbelFormats
import UmbelTensor

/// Every rule of the format broken once, by a file written out here, and what the reader says of it.
@Suite("Rules of the safetensors format")
struct SafetensorsErrorTests {
    /// Length field, header text, then that many zero bytes of data.
    private func file(_ header: String, dataBytes: Int = 0, announced: UInt64? = nil) -> [UInt8] {
        let text = Array(header.utf8)
        let length = withUnsafeBytes(of: (announced ?? UInt64(text.count)).littleEndian, Array.init)
        return length + text + [UInt8](repeating: 0, count: dataBytes)
    }

    private func error(_ bytes: [UInt8]) -> SafetensorsError? {
        bytes.withUnsafeBytes { buffer in
            do throws(SafetensorsError) {
                _ = try SafetensorsIndex(file: buffer)
                return nil
            } catch {
                return error
            }
        }
    }

    private func tensor(_ fields: String) -> String { "{\"a\":{\(fields)}}" }

    @Test("A file without bytes, or without a whole header, is told apart")
    func truncation() {
        #expect(error([]) == .emptyFile)
        #expect(error([1, 2, 3]) == .headerTruncated(announced: nil, fileBytes: 3))
        #expect(error(file("{}", announced: 99)) == .headerTruncated(announced: 99, fileBytes: 10))
        #expect(
            error(file("{}", announced: 100_000_001)) == .headerTooLarge(announced: 100_000_001, limit: 100_000_000))
        #expect(error(file("{}", announced: .max)) == .headerTooLarge(announced: .max, limit: 100_000_000))
    }

    @Test("A header that is no JSON object is refused with the place")
    func malformedHeaders() {
        #expect(error(file("[]")) == .headerNotObject)
        #expect(error(file(" {}")) == .headerNotObject)
        #expect(error(file("{")) == .headerNotJSON(.unexpectedEnd))
        #expect(error(file("{\"a\" 1}")) == .headerNotJSON(.unexpected(offset: 5)))
        var broken = file("{\"aa\":1}")
        broken[10] = 0xff
        #expect(error(broken) == .headerNotUTF8(offset: 2))
        #expect(error(file("{\"a\":1,\"a\":2}")) == .duplicateName("a"))
    }

    @Test("Metadata is a map of texts")
    func metadata() {
        #expect(error(file("{\"__metadata__\":{\"k\":1}}")) == .metadataInvalid(key: "k"))
        #expect(error(file("{\"__metadata__\":\"x\"}")) == .metadataInvalid(key: "__metadata__"))
        #expect(error(file("{\"__metadata__\":{\"k\":\"v\"}}")) == nil)
    }

    @Test(
        "An entry that breaks a rule is refused by name",
        arguments: [
            ("\"dtype\":\"F32\",\"shape\":[1]", SafetensorsError.entryMalformed(tensor: "a")),
            ("\"dtype\":1,\"shape\":[1],\"data_offsets\":[0,4]", .entryMalformed(tensor: "a")),
            ("\"dtype\":\"F31\",\"shape\":[1],\"data_offsets\":[0,4]", .unknownDType(tensor: "a", dtype: "F31")),
            ("\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]", .shapeInvalid(tensor: "a", shape: "[-1]")),
            ("\"dtype\":\"F32\",\"shape\":[1.5],\"data_offsets\":[0,4]", .shapeInvalid(tensor: "a", shape: "[1.5]")),
            (
                "\"dtype\":\"F32\",\"shape\":[4611686018427387904,4],\"data_offsets\":[0,4]",
                .shapeOverflow(tensor: "a", shape: "[4611686018427387904,4]")
            ),
            ("\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,0]", .offsetsReversed(tensor: "a", begin: 4, end: 0)),
            (
                "\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]",
                .offsetsBeyondData(tensor: "a", end: 8, dataBytes: 4)
            ),
            (
                "\"dtype\":\"F16\",\"shape\":[1],\"data_offsets\":[0,4]",
                .sizeMismatch(tensor: "a", expected: 2, actual: 4)
            ),
            ("\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0]", .entryMalformed(tensor: "a")),
            ("\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[-4,0]", .entryMalformed(tensor: "a")),
        ])
    func entries(_ fields: String, _ expected: SafetensorsError) {
        #expect(error(file(tensor(fields), dataBytes: 4)) == expected)
    }

    @Test("Every byte of the data belongs to exactly one tensor")
    func coverage() {
        func entry(_ name: String, _ begin: Int, _ end: Int) -> String {
            "\"\(name)\":{\"dtype\":\"U8\",\"shape\":[\(end - begin)],\"data_offsets\":[\(begin),\(end)]}"
        }
        #expect(
            error(file("{\(entry("a", 0, 4)),\(entry("b", 2, 6))}", dataBytes: 6)) == .overlap(first: "a", second: "b"))
        #expect(
            error(file("{\(entry("a", 0, 2)),\(entry("b", 4, 6))}", dataBytes: 6))
                == .gap(begin: 2, end: 4, before: "b"))
        #expect(error(file("{\(entry("a", 0, 2))}", dataBytes: 5)) == .gap(begin: 2, end: 5, before: nil))
        #expect(error(file("{\(entry("b", 2, 6)),\(entry("a", 0, 2))}", dataBytes: 6)) == nil)
        #expect(error(file("{\(entry("a", 0, 2)),\(entry("b", 2, 2))}   ", dataBytes: 2)) == nil)
    }

    @Test("Other formats behind the ending are named")
    func foreignFormats() {
        #expect(error([0x50, 0x4b, 3, 4] + [UInt8](repeating: 0, count: 60)) == .notSafetensors(format: .zipPickle))
        #expect(error([0x80, 2, 0x7d, 0x71, 0, 0x2e, 1, 2, 3, 4]) == .notSafetensors(format: .pickle))
        #expect(error(Array("GGUF0000000000".utf8)) == .notSafetensors(format: .gguf))
        #expect(error(Array("<!DOCTYPE html><html>".utf8)) == .notSafetensors(format: .html))
        #expect(ForeignFormat(fileName: "model.CKPT") == .pickle)
        #expect(ForeignFormat(fileName: "model.safetensors") == nil)
    }

    @Test("What a layout writes reads back as it was, whatever the types")
    func layoutRoundTrip() throws {
        let tensors = DType.allCases.enumerated().map { index, dtype in
            SafetensorsLayout.Tensor(name: "t.\(dtype.rawValue)", dtype: dtype, shape: [index, 3])
        }
        let layout = SafetensorsLayout(tensors: tensors, metadata: [("format", "pt"), ("ü", "\"\n")])
        let bytes = layout.header + [UInt8](repeating: 1, count: layout.fileBytes - layout.header.count)
        let index = try bytes.withUnsafeBytes { try SafetensorsIndex(file: $0) }
        #expect(index.dataStart % 8 == 0)
        #expect(index.metadataValue("ü") == "\"\n")
        for (tensor, range) in zip(tensors, layout.ranges) {
            let entry = try #require(index[tensor.name])
            #expect(entry.dtype == tensor.dtype && entry.shape == tensor.shape)
            #expect(entry.range == range.lowerBound - index.dataStart..<range.upperBound - index.dataStart)
        }
    }
}
