import CUmbelBench
import Glibc
import UmbelTensor

/// What merging is held against: the bytes that a merge must read, read, and those that it must write, written, with the same
/// threads and no arithmetic.
struct PlainCopy: @unchecked Sendable {
    // Sendable: the sources are only read, and no two pieces have a destination in common.

    enum Method: String {
        case memcpy
        /// With stores that do not pass through the cache.
        case stream
    }

    private static let pieceBytes = 1 << 20
    private let pieces: [(source: UnsafeRawBufferPointer, offset: Int)]
    private let reads: [UnsafeRawBufferPointer]
    private let destination: UnsafeMutableRawPointer
    let byteCount: Int

    /// - Parameter read: bytes that are read beside those that are copied.
    init(_ views: [TensorView], reading read: UnsafeRawBufferPointer? = nil, to destination: WarmMemory) {
        self.init(views, read, to: destination.start, capacity: destination.byteCount)
    }

    private init(
        _ views: [TensorView], _ read: UnsafeRawBufferPointer?, to destination: UnsafeMutableRawPointer, capacity: Int
    ) {
        var pieces: [(UnsafeRawBufferPointer, Int)] = []
        var offset = 0
        for view in views {
            pieces += Self.pieces(of: view.bytes).map { ($0, offset + $1) }
            offset += view.bytes.count
        }
        precondition(offset <= capacity)
        byteCount = offset
        self.pieces = pieces
        reads = read.map { Self.pieces(of: $0).map(\.0) } ?? []
        self.destination = destination
    }

    private init(_ copy: PlainCopy, to destination: UnsafeMutableRawPointer) {
        (pieces, reads, byteCount) = (copy.pieces, copy.reads, copy.byteCount)
        self.destination = destination
    }

    func run(on pool: ComputePool, _ method: Method = .memcpy) {
        let work = max(pieces.count, reads.count)
        pool.forEach(work) { index in
            if index < reads.count, let start = reads[index].baseAddress {
                _ = umbel_bench_read(start, reads[index].count)
            }
            if index < pieces.count { copy(pieces[index].source, to: destination + pieces[index].offset, method) }
        }
    }

    /// Copies into memory that nobody has touched, which the kernel gives page by page as it is written.
    ///
    /// - Returns: seconds; nil if the system has no such memory.
    func runCold(on pool: ComputePool) -> Double? {
        guard let fresh = mmap(nil, max(byteCount, 1), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
            fresh != MAP_FAILED
        else { return nil }
        defer { munmap(fresh, max(byteCount, 1)) }
        let copy = PlainCopy(self, to: fresh)
        return seconds { copy.run(on: pool) }
    }

    private func copy(_ source: UnsafeRawBufferPointer, to target: UnsafeMutableRawPointer, _ method: Method) {
        guard let start = source.baseAddress else { return }
        if method == .stream, umbel_bench_stream_copy(target, start, source.count) { return }
        memcpy(target, start, source.count)
    }

    private static func pieces(of bytes: UnsafeRawBufferPointer) -> [(UnsafeRawBufferPointer, Int)] {
        stride(from: 0, to: bytes.count, by: pieceBytes).map { begin in
            (UnsafeRawBufferPointer(rebasing: bytes[begin..<min(begin + pieceBytes, bytes.count)]), begin)
        }
    }
}
