internal import Glibc

/// Whole pages straight from the system, so that giving them back does give them back.
enum Pages {
    static let size = 4096

    /// Zeroed memory of `byteCount`, a multiple of the page size; nil if the system has no more mappings to give.
    static func map(_ byteCount: Int) -> UnsafeMutableRawPointer? {
        let start = mmap(nil, byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        return start == MAP_FAILED ? nil : start
    }

    static func unmap(_ start: UnsafeMutableRawPointer, _ byteCount: Int) { munmap(start, byteCount) }

    /// Gives back the pages of a part of a mapping; it reads as zeros from then on.
    static func release(_ start: UnsafeMutableRawPointer, _ byteCount: Int) { madvise(start, byteCount, MADV_DONTNEED) }

    /// The next multiple of the page size.
    static func roundedUp(_ byteCount: Int) -> Int { (byteCount + size - 1) / size * size }
}
