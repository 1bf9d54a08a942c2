package import UmbelAdapters
internal import UmbelFormats
package import UmbelPOSIX
package import UmbelTensor

/// A base with a recipe applied, as a virtual folder: sizes and offsets of all files are known, and any range of bytes
/// can be had, without anything merged in advance.
package final class MergedModel: Sendable {
    package struct File: Sendable {
        package let path: String
        package let bytes: Int
        let parts: [Part]
        /// The base's own file to the byte.
        package let isBaseFile: Bool

        init(path: String, bytes: Int, parts: [Part], isBaseFile: Bool = false) {
            self.path = path
            self.bytes = bytes
            self.parts = parts
            self.isBaseFile = isBaseFile
        }
    }

    /// Consecutive pieces of a file.
    enum Part: Sendable {
        /// A header of our own.
        case header([UInt8])
        /// Bytes of one of the base's files.
        case base(MappedFile, Range<Int>)
        /// A tensor as an adapter brought it.
        case stored(TensorView)
        /// The base's own values in another type.
        case converted(TensorView, DType)
        case merged(Int, bytes: Int)

        var bytes: Int {
            switch self {
            case .header(let header): header.count
            case .base(_, let range): range.count
            case .stored(let view): view.bytes.count
            case .converted(let view, let dtype): view.elementCount * dtype.byteCount
            case .merged(_, let bytes): bytes
            }
        }
    }

    package let base: BaseModel
    package let plan: MergePlan
    /// Every floating-point tensor comes in this type; nil keeps the base's.
    package let dtype: DType?
    /// Sorted by path.
    package let files: [File]

    package init(base: BaseModel, plan: MergePlan, dtype: DType? = nil) {
        self.base = base
        self.plan = plan
        self.dtype = dtype
        files = MergedLayout(base: base, plan: plan, dtype: dtype).files()
    }

    package func file(_ path: String) -> File? { files.first { $0.path == path } }

    /// The type in which a tensor of the base comes out.
    package func outputType(_ stored: DType) -> DType { stored.isFloat ? dtype ?? stored : stored }

    /// Produces the bytes of `range`, in order. Only tensors that the range overlaps are merged, and while one is on its way
    /// out the next ones are.
    ///
    /// - Parameter tensors: where merged tensors come from.
    package func write(
        _ range: Range<Int>, of file: File, from tensors: any MergedTensorSource,
        to sink: (BytePiece) throws -> Void
    ) throws {
        let parts = file.parts(in: range)
        let feed = TensorFeed(parts.compactMap(\.part.upcoming), of: self, from: tensors)
        defer { feed.stop() }
        feed.begin()
        for (part, range) in parts {
            switch part {
            case .header(let header):
                try header.withUnsafeBytes { try sink(.memory(UnsafeRawBufferPointer(rebasing: $0[range]))) }
            case .base(let file, let place):
                try sink(.file(file, place.lowerBound + range.lowerBound..<place.lowerBound + range.upperBound))
            case .stored(let view):
                try withExtendedLifetime(view) {
                    try sink(.memory(UnsafeRawBufferPointer(rebasing: view.bytes[range])))
                }
            case .converted(let view, let dtype): try Conversion(view: view, dtype: dtype).write(range, to: sink)
            case .merged:
                let merged = try feed.next()
                try withExtendedLifetime(merged) {
                    try sink(.memory(UnsafeRawBufferPointer(rebasing: merged.bytes[range])))
                }
            }
        }
    }
}

extension MergedModel.Part {
    /// What a feed has to know of a merged tensor; nil for other parts.
    fileprivate var upcoming: TensorFeed.Upcoming? {
        guard case .merged(let tensor, let bytes) = self else { return nil }
        return TensorFeed.Upcoming(tensor: tensor, bytes: bytes)
    }
}

extension MergedModel.File {
    /// The parts that overlap a range of the file, each with the range of itself that does.
    fileprivate func parts(in range: Range<Int>) -> [(part: MergedModel.Part, range: Range<Int>)] {
        var found: [(MergedModel.Part, Range<Int>)] = []
        var start = 0
        for part in parts where start < range.upperBound {
            let end = start + part.bytes
            let wanted = range.clamped(to: start..<end)
            if !wanted.isEmpty { found.append((part, wanted.lowerBound - start..<wanted.upperBound - start)) }
            start = end
        }
        return found
    }
}

/// Converts a tensor to another type in pieces that fit the cache.
private struct Conversion {
    let view: TensorView
    let dtype: DType

    func write(_ range: Range<Int>, to sink: (BytePiece) throws -> Void) throws {
        let size = dtype.byteCount
        let elements = range.lowerBound / size..<(range.upperBound + size - 1) / size
        for start in stride(from: elements.lowerBound, to: elements.upperBound, by: 1 << 16) {
            let count = min(1 << 16, elements.upperBound - start)
            let bytes = view.converted(start..<start + count, to: dtype)
            let here = start * size..<(start + count) * size
            let wanted = range.clamped(to: here)
            try bytes.withUnsafeBytes {
                let piece = $0[wanted.lowerBound - here.lowerBound..<wanted.upperBound - here.lowerBound]
                try sink(.memory(UnsafeRawBufferPointer(rebasing: piece)))
            }
        }
    }
}
