import Testing
import UmbelFormats
import UmbelTensor
import UmbelTesting

/// One test for each rule of the format, from a header written out.
@Suite("Safetensors rules")
struct SafetensorsErrorTests {
    static func file(_ header: String, dataBytes: Int = 0, announced: UInt64? = nil) -> [UInt8] {
        let text = Array(header.utf8)
        return withUnsafeBytes(of: (announced ?? UInt64(text.count)).littleEndian) { Array($0) } + text
            + [UInt8](repeating: 1, count: dataBytes)
    }

    static func index(_ bytes: [UInt8]) throws(SafetensorsError) -> SafetensorsIndex {
        try bytes.withUnsafeBytes { buffer in
            Result { () throws(SafetensorsError) in try SafetensorsIndex(file: buffer) }
        }.get()
    }

    static func entry(_ shape: String, _ begin: Int, _ end: Int, dtype: String = "F32") -> String {
        #"{"dtype":"\#(dtype)","shape":\#(shape),"data_offsets":[\#(begin),\#(end)]}"#
    }

    struct Fault: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let bytes: [UInt8]
        let error: SafetensorsError

        init(_ name: String, _ bytes: [UInt8], _ error: SafetensorsError) {
            testDescription = name
            self.bytes = bytes
            self.error = error
        }

        init(_ name: String, _ header: String, data: Int = 0, _ error: SafetensorsError) {
            self.init(name, SafetensorsErrorTests.file(header, dataBytes: data), error)
        }
    }

    static let faults: [Fault] = [
        Fault("nothing", [], .emptyFile),
        Fault("less than a length", [1, 2, 3], .headerTruncated(announced: nil, fileBytes: 3)),
        Fault("header cut", file("{}", announced: 3), .headerTruncated(announced: 3, fileBytes: 10)),
        Fault(
            "header too large", file("{}", announced: 100_000_001),
            .headerTooLarge(announced: 100_000_001, limit: 100_000_000)),
        Fault(
            "header length of all ones", file("{}", announced: .max),
            .headerTooLarge(announced: .max, limit: 100_000_000)),
        Fault("an empty header", "", .headerNotJSON(.unexpectedEnd)),
        Fault("bytes that are no UTF-8", [2, 0, 0, 0, 0, 0, 0, 0, 0x7b, 0xff], .headerNotUTF8(offset: 1)),
        Fault("not JSON", "{]", .headerNotJSON(.unexpected(offset: 1))),
        Fault("cut JSON", "{\"a\":", .headerNotJSON(.unexpectedEnd)),
        Fault("an array", "[]", .headerNotObject),
        Fault("space before the object", " {}", .headerNotObject),
        Fault("something after the object", "{}x", .headerNotJSON(.unexpected(offset: 2))),
        Fault(
            "one name twice", "{\"a\":\(entry("[1]", 0, 4)),\"a\":\(entry("[1]", 0, 4))}", data: 4, .duplicateName("a")),
        Fault("metadata that is no map", #"{"__metadata__":3}"#, .metadataInvalid(key: "__metadata__")),
        Fault("metadata with a number", #"{"__metadata__":{"a":"b","n":3}}"#, .metadataInvalid(key: "n")),
        Fault("an entry that is no object", #"{"a":1}"#, .entryMalformed(tensor: "a")),
        Fault("an entry without offsets", #"{"a":{"dtype":"F32","shape":[]}}"#, .entryMalformed(tensor: "a")),
        Fault(
            "three offsets", #"{"a":{"dtype":"F32","shape":[],"data_offsets":[0,4,8]}}"#, .entryMalformed(tensor: "a")),
        Fault(
            "a field too many", #"{"a":{"dtype":"F32","shape":[],"data_offsets":[0,4],"x":1}}"#,
            .entryMalformed(tensor: "a")),
        Fault("a negative offset", "{\"a\":\(entry("[1]", -4, 0))}", .entryMalformed(tensor: "a")),
        Fault(
            "an offset with a fraction", #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4.0]}}"#, data: 4,
            .entryMalformed(tensor: "a")),
        Fault(
            "an unknown type", "{\"a\":\(entry("[1]", 0, 4, dtype: "F31"))}", .unknownDType(tensor: "a", dtype: "F31")),
        Fault(
            "a type in small letters", "{\"a\":\(entry("[1]", 0, 4, dtype: "f32"))}",
            .unknownDType(tensor: "a", dtype: "f32")),
        Fault(
            "a negative size", "{\"a\":\(entry("[-1,-1]", 0, 4))}", data: 4,
            .shapeInvalid(tensor: "a", shape: "[-1,-1]")),
        Fault("half a size", "{\"a\":\(entry("[1.5]", 0, 6))}", data: 6, .shapeInvalid(tensor: "a", shape: "[1.5]")),
        Fault(
            "a size in words", "{\"a\":\(entry("[\"1\"]", 0, 4))}", data: 4,
            .shapeInvalid(tensor: "a", shape: "[\"1\"]")),
        Fault(
            "a size beyond 64 bits", "{\"a\":\(entry("[18446744073709551616]", 0, 0))}",
            .shapeInvalid(tensor: "a", shape: "[18446744073709551616]")),
        Fault(
            "sizes whose product wraps", "{\"a\":\(entry("[4294967296,4294967296]", 0, 0))}",
            .shapeOverflow(tensor: "a", shape: "[4294967296,4294967296]")),
        Fault(
            "sizes whose bytes wrap", "{\"a\":\(entry("[4611686018427387904]", 0, 0))}",
            .shapeOverflow(tensor: "a", shape: "[4611686018427387904]")),
        Fault(
            "an overflow hidden by a zero", "{\"a\":\(entry("[4611686018427387904,4,0]", 0, 0))}",
            .shapeOverflow(tensor: "a", shape: "[4611686018427387904,4,0]")),
        Fault(
            "offsets reversed", "{\"a\":\(entry("[1]", 4, 0))}", data: 4,
            .offsetsReversed(tensor: "a", begin: 4, end: 0)),
        Fault(
            "an end beyond the data", "{\"a\":\(entry("[2]", 0, 8))}", data: 4,
            .offsetsBeyondData(tensor: "a", end: 8, dataBytes: 4)),
        Fault(
            "more bytes than the shape has", "{\"a\":\(entry("[1]", 0, 8))}", data: 8,
            .sizeMismatch(tensor: "a", expected: 4, actual: 8)),
        Fault(
            "an empty tensor with bytes", "{\"a\":\(entry("[0]", 0, 4))}", data: 4,
            .sizeMismatch(tensor: "a", expected: 0, actual: 4)),
        Fault(
            "two tensors on the same bytes", "{\"b\":\(entry("[2]", 0, 8)),\"a\":\(entry("[1]", 4, 8))}", data: 8,
            .overlap(first: "b", second: "a")),
        Fault(
            "two tensors on exactly the same bytes", "{\"b\":\(entry("[1]", 0, 4)),\"a\":\(entry("[1]", 0, 4))}",
            data: 4,
            .overlap(first: "a", second: "b")),
        Fault(
            "a hole between tensors", "{\"a\":\(entry("[1]", 0, 4)),\"b\":\(entry("[1]", 8, 12))}", data: 12,
            .gap(begin: 4, end: 8, before: "b")),
        Fault("a hole at the start", "{\"a\":\(entry("[1]", 4, 8))}", data: 8, .gap(begin: 0, end: 4, before: "a")),
        Fault(
            "bytes after the last tensor", "{\"a\":\(entry("[1]", 0, 4))}", data: 6, .gap(begin: 4, end: 6, before: nil)
        ),
        Fault("bytes without a tensor", "{}", data: 1, .gap(begin: 0, end: 1, before: nil)),
        Fault("a zip archive", Array("PK\u{3}\u{4}rest of it".utf8), .notSafetensors(format: .zipPickle)),
        Fault("a pickle", [0x80, 0x02, 0x7d, 0x71, 0, 0, 0, 0, 0, 0], .notSafetensors(format: .pickle)),
        Fault("GGUF", Array("GGUF\u{3}\u{0}\u{0}\u{0}".utf8), .notSafetensors(format: .gguf)),
        Fault("a web page", Array("<!DOCTYPE html>".utf8), .notSafetensors(format: .html)),
        Fault("another web page", Array("<html><head>".utf8), .notSafetensors(format: .html)),
    ]

    @Test("A broken rule is reported with its facts", arguments: faults)
    func brokenRuleIsReported(_ fault: Fault) {
        #expect(throws: fault.error) { try Self.index(fault.bytes) }
    }

    @Test("Every case of the error has a fault here, but for pages of nesting and duplicates of codes")
    func everyCodeIsCovered() {
        let codes = Set(Self.faults.map(\.error.code))
        #expect(
            codes == [
                "empty_file", "header_truncated", "header_too_large", "header_not_utf8", "header_not_json",
                "header_duplicate_key", "metadata_invalid", "dtype_unknown", "shape_invalid", "shape_overflow",
                "offsets_invalid", "size_mismatch", "offsets_overlap", "offsets_gap", "not_safetensors",
            ])
    }

    @Test("A deep header is refused before the stack is used up")
    func deepHeader() {
        let deep = String(repeating: "[", count: 100_000)
        #expect(throws: SafetensorsError.headerNotJSON(.tooDeep(offset: 68))) {
            try Self.index(Self.file("{\"a\":" + deep))
        }
    }

    @Test("Odd files that break no rule are accepted")
    func oddFilesAreAccepted() throws {
        #expect(try Self.index(Self.file("{}")).entries.isEmpty)
        #expect(try Self.index(Self.file("{}   \n")).dataStart == 14)
        let empty = try Self.index(
            Self.file("{\"a\":\(Self.entry("[0,3]", 0, 0)),\"b\":\(Self.entry("[]", 0, 4))}", dataBytes: 4))
        #expect(empty.entries.map(\.name) == ["a", "b"])
        #expect(empty["b"]?.shape == [])
        let later = try Self.index(
            Self.file("{\"b\":\(Self.entry("[1]", 4, 8)),\"a\":\(Self.entry("[1]", 0, 4))}", dataBytes: 8))
        #expect(later.entries.map(\.name) == ["a", "b"], "in the order of the data")
        let metadata = try Self.index(Self.file(#"{"__metadata__":{"b":"1","a":"ü"}}"#))
        #expect(metadata.metadata?.map(\.name) == ["b", "a"])
        #expect(metadata.metadataValue("a") == "ü")
        #expect(metadata.metadataValue("c") == nil)
        for dtype in DType.allCases {
            let file = Self.file(
                "{\"t\":\(Self.entry("[3]", 0, 3 * dtype.byteCount, dtype: dtype.rawValue))}",
                dataBytes: 3 * dtype.byteCount)
            #expect(try Self.index(file)["t"]?.dtype == dtype)
        }
    }

    @Test("A header that begins as a pickle would is told from one by its brace")
    func headerThatLooksLikePickle() throws {
        // 640 = 0x280: the file begins with 80 02.
        let header = "{}" + String(repeating: " ", count: 638)
        #expect(Self.file(header).prefix(2) == [0x80, 0x02])
        #expect(try Self.index(Self.file(header)).entries.isEmpty)
    }

    @Test(
        "Endings of pickles are known whatever their case",
        arguments: ["a.pt", "a.pth", "x/a.BIN", "a.ckpt", "a.pkl", "a.pickle", "a.safetensors.pt"])
    func foreignNames(_ name: String) {
        #expect(ForeignFormat(fileName: name) == .pickle)
    }

    @Test("Other endings say nothing", arguments: ["a.safetensors", "a.json", "pt", "a.pt.safetensors", ""])
    func plainNames(_ name: String) {
        #expect(ForeignFormat(fileName: name) == nil)
    }
}

@Suite("Safetensors layouts")
struct SafetensorsLayoutTests {
    @Test("What is laid out is read back")
    func roundTrip() throws {
        let folder = try TemporaryFolder()
        for names in [[], ["a"], ["z", "a", "name with \"quotes\" and \\", "ünï\u{0}\n", "e\u{301}"]] as [[String]] {
            for metadata in [nil, [], [("k", "v"), ("format", "pt")]] as [[(name: String, value: String)]?] {
                let tensors = names.enumerated().map { position, name in
                    let dtype = DType.allCases[position % DType.allCases.count]
                    let shape = [[], [2, 3], [0], [1, 1, 4], [5]][position % 5]
                    return TestTensor(
                        name, dtype, shape,
                        bytes: (0..<shape.elementCount * dtype.byteCount).map { UInt8($0 & 0xff) })
                }
                let path = try folder.write(tensors.file(metadata: metadata), to: "f.safetensors")
                let file = try SafetensorsFile(path: path)
                #expect(file.index.entries.map(\.name) == names)
                #expect(file.index.metadata?.map(\.name) == metadata?.map(\.name))
                #expect(file.index.dataStart % 8 == 0)
                for tensor in tensors {
                    let view = try #require(file.view(tensor.name))
                    #expect(view.dtype == tensor.dtype && view.shape == tensor.shape)
                    #expect(Array(view.bytes) == tensor.bytes)
                }
            }
        }
    }

    @Test("Ranges and size are those of the file, header included")
    func ranges() {
        let layout = SafetensorsLayout(
            tensors: [.init(name: "a", dtype: .f16, shape: [3]), .init(name: "b", dtype: .i64, shape: [])],
            metadata: nil)
        #expect(
            layout.ranges == [
                layout.header.count..<layout.header.count + 6, layout.header.count + 6..<layout.header.count + 14,
            ])
        #expect(layout.fileBytes == layout.header.count + 14)
        #expect(SafetensorsLayout(tensors: [], metadata: nil).fileBytes == 16)
    }

    @Test("A missing file is a system error, a bad one names its path")
    func fileErrors() throws {
        let folder = try TemporaryFolder()
        do throws(WeightFileError) {
            _ = try SafetensorsFile(path: folder.path + "/none")
            Issue.record("opened")
        } catch {
            guard case .system(let system) = error else { throw error }
            #expect(system.isMissingFile)
        }
        let path = try folder.write([1, 2], to: "bad.safetensors")
        #expect(throws: WeightFileError.invalid(path: path, .headerTruncated(announced: nil, fileBytes: 2))) {
            try SafetensorsFile(path: path)
        }
    }
}
