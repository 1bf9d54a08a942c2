package import UmbelTensor

/// Header and offsets of a file to be written, known before any number is computed.
package struct SafetensorsLayout: Sendable {
    package struct Tensor: Hashable, Sendable {
        package let name: String
        package let dtype: DType
        package let shape: [Int]

        package init(name: String, dtype: DType, shape: [Int]) {
            self.name = name
            self.dtype = dtype
            self.shape = shape
        }
    }

    /// The length field and the header, padded with spaces so that the data begin at a multiple of eight bytes.
    package let header: [UInt8]
    /// Bytes within the file, header included, of each tensor in the order given.
    package let ranges: [Range<Int>]
    package var fileBytes: Int { ranges.last?.upperBound ?? header.count }

    /// Lays tensors out one after the other, in the order given.
    package init(tensors: [Tensor], metadata: [(name: String, value: String)]?) {
        var members: [JSON.Member] = []
        if let metadata {
            members.append(.init("__metadata__", .object(metadata.map { .init($0.name, .string($0.value)) })))
        }
        var offsets: [Range<Int>] = []
        var end = 0
        for tensor in tensors {
            let begin = end
            end += tensor.shape.elementCount * tensor.dtype.byteCount
            offsets.append(begin..<end)
            members.append(
                .init(
                    tensor.name,
                    [
                        "dtype": .string(tensor.dtype.rawValue), "shape": .array(tensor.shape.map { JSON($0) }),
                        "data_offsets": [JSON(begin), JSON(end)],
                    ]))
        }
        var text = Array(JSON.object(members).text.utf8)
        while text.count % 8 != 0 { text.append(UInt8(ascii: " ")) }
        let header = withUnsafeBytes(of: UInt64(text.count).littleEndian, Array.init) + text
        self.header = header
        ranges = offsets.map { $0.lowerBound + header.count..<$0.upperBound + header.count }
    }
}
