internal import UmbelPOSIX
package import UmbelTensor

/// The validated header of a safetensors file. A value cannot exist that breaks a rule of the format, so nothing below
/// checks again.
///
/// Layout: 8 bytes little-endian header length n, n bytes of JSON, then the data. Offsets count from the data's start.
package struct SafetensorsIndex: Sendable {
    package struct Entry: Hashable, Sendable {
        package let name: String
        package let dtype: DType
        package let shape: [Int]
        /// Bytes within the data section.
        package let range: Range<Int>
    }

    /// In the order of their data.
    package let entries: [Entry]
    /// The file's own `__metadata__`, in its order; nil if it has none.
    package let metadata: [(name: String, value: String)]?
    /// Bytes before the data: the length field and the header.
    package let dataStart: Int
    private let positions: [String: Int]

    /// Largest header that the format allows, in bytes.
    package static let headerLimit = 100_000_000

    package subscript(name: String) -> Entry? { positions[name].map { entries[$0] } }

    /// Reads and checks the header of a whole file.
    package init(file: UnsafeRawBufferPointer) throws(SafetensorsError) {
        let header = try Self.headerBytes(file)
        let members = try Self.parse(header)
        dataStart = 8 + header.count
        let dataBytes = file.count - dataStart
        var metadata: [(name: String, value: String)]?
        var entries: [Entry] = []
        for member in members {
            if member.name == "__metadata__" {
                metadata = try Self.metadata(member.value)
            } else {
                entries.append(try Self.entry(member, dataBytes: dataBytes))
            }
        }
        entries.sort {
            ($0.range.lowerBound, $0.range.upperBound, $0.name) < ($1.range.lowerBound, $1.range.upperBound, $1.name)
        }
        try Self.checkCoverage(entries, dataBytes: dataBytes)
        self.entries = entries
        self.metadata = metadata
        positions = Dictionary(uniqueKeysWithValues: entries.enumerated().map { ($1.name, $0) })
    }

    /// The metadata value of that name.
    package func metadataValue(_ name: String) -> String? {
        metadata?.first { $0.name == name }?.value
    }

    /// How many bytes of a file come before the data, as its first eight say.
    ///
    /// - Returns: nil if they cannot be read, or say what cannot be.
    package static func headerBytes(ofFile path: String) -> Int? {
        var announced: UInt64 = 0
        let count = withUnsafeMutableBytes(of: &announced) { bytes in
            try? FileDescriptor.read(path).read(into: bytes, at: 0, path)
        }
        guard count == 8, UInt64(littleEndian: announced) <= UInt64(headerLimit) else { return nil }
        return 8 + Int(UInt64(littleEndian: announced))
    }

    private static func headerBytes(_ file: UnsafeRawBufferPointer) throws(SafetensorsError) -> UnsafeRawBufferPointer {
        if file.isEmpty { throw .emptyFile }
        if let format = ForeignFormat(firstBytes: file) { throw .notSafetensors(format: format) }
        guard file.count >= 8 else { throw .headerTruncated(announced: nil, fileBytes: file.count) }
        let announced = UInt64(littleEndian: file.loadUnaligned(as: UInt64.self))
        guard announced <= UInt64(headerLimit) else { throw .headerTooLarge(announced: announced, limit: headerLimit) }
        guard Int(announced) <= file.count - 8 else {
            throw .headerTruncated(announced: announced, fileBytes: file.count)
        }
        return UnsafeRawBufferPointer(rebasing: file[8..<8 + Int(announced)])
    }

    private static func parse(_ header: UnsafeRawBufferPointer) throws(SafetensorsError) -> [JSON.Member] {
        do {
            let value = try JSON(parsing: header)
            // The format wants "{" as the very first byte; spaces may only follow.
            guard header.first == UInt8(ascii: "{"), let members = value.members else {
                throw SafetensorsError.headerNotObject
            }
            return members
        } catch let error as JSONError {
            switch error {
            case .notUTF8(let offset): throw .headerNotUTF8(offset: offset)
            case .duplicateName(let name): throw .duplicateName(name)
            default: throw .headerNotJSON(error)
            }
        } catch {
            throw .headerNotObject
        }
    }

    private static func metadata(_ value: JSON) throws(SafetensorsError) -> [(name: String, value: String)] {
        guard let members = value.members else { throw .metadataInvalid(key: "__metadata__") }
        var result: [(name: String, value: String)] = []
        for member in members {
            guard let text = member.value.string else { throw .metadataInvalid(key: member.name) }
            result.append((member.name, text))
        }
        return result
    }

    private static func entry(_ member: JSON.Member, dataBytes: Int) throws(SafetensorsError) -> Entry {
        let tensor = member.name
        guard let fields = member.value.members, fields.count == 3, let typeName = member.value["dtype"]?.string,
            let dimensions = member.value["shape"]?.array, let offsets = member.value["data_offsets"]?.array,
            offsets.count == 2
        else { throw .entryMalformed(tensor: tensor) }
        guard let dtype = DType(rawValue: typeName) else { throw .unknownDType(tensor: tensor, dtype: typeName) }
        let shapeText = JSON.array(dimensions).text
        let shape = dimensions.compactMap { $0.integer.flatMap { $0 >= 0 ? $0 : nil } }
        guard shape.count == dimensions.count else { throw .shapeInvalid(tensor: tensor, shape: shapeText) }
        var expected = dtype.byteCount
        for dimension in shape {
            let (product, overflow) = expected.multipliedReportingOverflow(by: dimension)
            // A zero further on would hide an overflow before it; the reference reader refuses that as well.
            if overflow { throw .shapeOverflow(tensor: tensor, shape: shapeText) }
            expected = product
        }
        guard let begin = offsets[0].integer, let end = offsets[1].integer, begin >= 0, end >= 0 else {
            throw .entryMalformed(tensor: tensor)
        }
        guard begin <= end else { throw .offsetsReversed(tensor: tensor, begin: begin, end: end) }
        guard end <= dataBytes else { throw .offsetsBeyondData(tensor: tensor, end: end, dataBytes: dataBytes) }
        guard end - begin == expected else {
            throw .sizeMismatch(tensor: tensor, expected: expected, actual: end - begin)
        }
        return Entry(name: tensor, dtype: dtype, shape: shape, range: begin..<end)
    }

    /// Every byte of the data belongs to exactly one tensor.
    private static func checkCoverage(_ entries: [Entry], dataBytes: Int) throws(SafetensorsError) {
        var covered = 0
        var previous: Entry?
        for entry in entries {
            if let previous, entry.range.lowerBound < covered {
                throw .overlap(first: previous.name, second: entry.name)
            }
            if entry.range.lowerBound > covered {
                throw .gap(begin: covered, end: entry.range.lowerBound, before: entry.name)
            }
            covered = entry.range.upperBound
            previous = entry
        }
        if covered < dataBytes { throw .gap(begin: covered, end: dataBytes, before: nil) }
    }
}
