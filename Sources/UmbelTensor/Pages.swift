internal import Glibc

/// Whole pages straight from the system, so that giving them back does give them back.
enum Pages {
    /// 4 KiB on most machines; up to 64 KiB on some with ARM processors.
    static let size = max(4096, sysconf(Int32(_SC_PAGESIZE)))

    /// Addresses of `byteCount`, a multiple of the page size, that nothing can be read from or written to yet; they cost
    /// neither memory nor a promise of it. nil if the system refuses.
    static func reserve(_ byteCount: Int) -> UnsafeMutableRawPointer? {
        let start = mmap(nil, byteCount, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
        return start == MAP_FAILED ? nil : start
    }

    /// Makes a part of a reservation usable; it reads as zeros. false if the system promises no more memory.
    static func open(_ start: UnsafeMutableRawPointer, _ byteCount: Int) -> Bool {
        mprotect(start, byteCount, PROT_READ | PROT_WRITE) == 0
    }

    /// Has the kernel put memory behind pages of which nobody uses any, at once rather than at first touch.
    static func populate(_ start: UnsafeMutableRawPointer, _ byteCount: Int) {
        // MADV_POPULATE_WRITE, Linux 5.14; not in the headers of Debian 12.
        if madvise(start, byteCount, 23) != 0 { touch(start, byteCount) }
    }

    /// The same where the kernel knows no better way: writes one of the zeros that are there.
    static func touch(_ start: UnsafeMutableRawPointer, _ byteCount: Int) {
        for offset in stride(from: 0, to: byteCount, by: size) {
            start.storeBytes(of: 0, toByteOffset: offset, as: UInt8.self)
        }
    }

    /// Gives back the pages of a part of a mapping; it reads as zeros from then on.
    ///
    /// - Returns: false if the system keeps them.
    static func release(_ start: UnsafeMutableRawPointer, _ byteCount: Int) -> Bool {
        madvise(start, byteCount, MADV_DONTNEED) == 0
    }

    /// How many pages hold so many bytes.
    static func count(holding byteCount: Int) -> Int { (byteCount + size - 1) / size }

    /// Bytes of the machine's memory.
    static var machineBytes: Int { max(1 << 30, sysconf(Int32(_SC_PHYS_PAGES)) * size) }
}
