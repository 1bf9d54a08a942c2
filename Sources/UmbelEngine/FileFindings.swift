internal import UmbelAdapters
internal import UmbelFormats
internal import UmbelPOSIX
internal import UmbelTensor

/// What reading all bytes of one file of a base tells.
struct FileFindings: Hashable, Sendable {
    let sha256: String
    /// The first tensor of the base that holds NaN or infinity, and where.
    let flaw: Flaw?

    struct Flaw: Hashable, Sendable {
        let tensor: Int
        let element: Int
    }

    /// Bytes that are hashed and then checked while they are in the processor's cache.
    private static let piece = 128 << 10

    /// Reads a file once, from its first byte to its last.
    static func read(_ file: BaseModel.File, of base: BaseModel) -> FileFindings {
        let hash = SHA256()
        guard case .weights(let weights, let tensors) = file.content else {
            hash.update(file.mapping.bytes)
            return FileFindings(sha256: hash.finish(), flaw: nil)
        }
        hash.update(UnsafeRawBufferPointer(rebasing: weights.mapping.bytes[..<weights.index.dataStart]))
        var flaw: Flaw?
        // Every byte of the data belongs to exactly one tensor, and tensors come in the order of their data.
        for (entry, tensor) in zip(weights.index.entries, tensors) {
            let isFinite = read(weights.view(entry), isPart: tensor != nil, into: hash)
            guard let tensor, !isFinite, flaw.map({ tensor < $0.tensor }) ?? true else { continue }
            flaw = Flaw(tensor: tensor, element: base.weights.views[tensor].firstNonFinite() ?? 0)
        }
        return FileFindings(sha256: hash.finish(), flaw: flaw)
    }

    /// - Returns: whether the tensor is finite, or no part of the model.
    private static func read(_ view: TensorView, isPart: Bool, into hash: SHA256) -> Bool {
        var isFinite = true
        let size = view.dtype.byteCount
        for start in stride(from: 0, to: view.elementCount, by: piece / size) {
            let range = start..<min(start + piece / size, view.elementCount)
            hash.update(
                UnsafeRawBufferPointer(rebasing: view.bytes[range.lowerBound * size..<range.upperBound * size]))
            if isPart, isFinite { isFinite = view.isFinite(range) }
        }
        return isFinite
    }
}
