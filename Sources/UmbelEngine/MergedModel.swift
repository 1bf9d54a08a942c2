package import UmbelAdapters
internal import UmbelFormats
internal import UmbelPOSIX
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
        case header([UInt8])
        /// The base's own bytes.
        case stored(TensorView)
        /// The base's own values in another type.
        case converted(TensorView, DType)
        case merged(Int, bytes: Int)
        /// A whole file of the base, passed through.
        case other(MappedFile)

        var bytes: Int {
            switch self {
            case .header(let header): header.count
            case .stored(let view): view.bytes.count
            case .converted(let view, let dtype): view.elementCount * dtype.byteCount
            case .merged(_, let bytes): bytes
            case .other(let mapping): mapping.bytes.count
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

    /// Produces the bytes of `range`, in order. Only tensors that the range overlaps are merged.
    ///
    /// - Parameter tensors: where merged tensors come from.
    package func write(
        _ range: Range<Int>, of file: File, from tensors: any MergedTensorSource,
        to sink: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        var start = 0
        for part in file.parts {
            let end = start + part.bytes
            let wanted = range.clamped(to: start..<end)
            if !wanted.isEmpty {
                try write(part, wanted.lowerBound - start..<wanted.upperBound - start, from: tensors, to: sink)
            }
            start = end
            if start >= range.upperBound { return }
        }
    }

    private func write(
        _ part: Part, _ range: Range<Int>, from tensors: any MergedTensorSource,
        to sink: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        switch part {
        case .header(let header):
            try header.withUnsafeBytes { try sink(UnsafeRawBufferPointer(rebasing: $0[range])) }
        case .stored(let view): try sink(UnsafeRawBufferPointer(rebasing: view.bytes[range]))
        case .converted(let view, let dtype): try Conversion(view: view, dtype: dtype).write(range, to: sink)
        case .merged(let tensor, _):
            let merged = try tensors.tensor(tensor, of: self)
            try withExtendedLifetime(merged) { try sink(UnsafeRawBufferPointer(rebasing: merged.bytes[range])) }
        case .other(let mapping):
            try withExtendedLifetime(mapping) { try sink(UnsafeRawBufferPointer(rebasing: mapping.bytes[range])) }
        }
    }
}

/// Where a merged model gets its merged tensors: computed on the spot, or from a cache.
package protocol MergedTensorSource: Sendable {
    func tensor(_ index: Int, of model: MergedModel) throws -> MergedTensor
}

/// Converts a tensor to another type in pieces that fit the cache.
private struct Conversion {
    let view: TensorView
    let dtype: DType

    func write(_ range: Range<Int>, to sink: (UnsafeRawBufferPointer) throws -> Void) throws {
        let size = dtype.byteCount
        let elements = range.lowerBound / size..<(range.upperBound + size - 1) / size
        for start in stride(from: elements.lowerBound, to: elements.upperBound, by: 1 << 16) {
            let count = min(1 << 16, elements.upperBound - start)
            let bytes = view.converted(start..<start + count, to: dtype)
            let here = start * size..<(start + count) * size
            let wanted = range.clamped(to: here)
            try bytes.withUnsafeBytes {
                try sink(
                    UnsafeRawBufferPointer(
                        rebasing: $0[wanted.lowerBound - here.lowerBound..<wanted.upperBound - here.lowerBound]))
            }
        }
    }
}
