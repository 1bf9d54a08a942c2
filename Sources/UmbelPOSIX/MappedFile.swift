internal import Glibc

/// A file mapped read-only for as long as the value lives.
///
/// The mapping is private, so a writer that replaces the file by rename (the only way Umbel writes) never changes it.
package final class MappedFile: @unchecked Sendable {
    // Sendable: the pages are read-only and the pointer never changes.
    package let path: String
    package let bytes: UnsafeRawBufferPointer

    /// Maps the whole file. An empty file gives an empty buffer.
    package init(path: String) throws(SystemError) {
        let descriptor = try FileDescriptor.read(path)
        let size = try descriptor.size(path)
        self.path = path
        guard size > 0 else {
            bytes = UnsafeRawBufferPointer(start: nil, count: 0)
            return
        }
        guard let start = mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor.number, 0), start != MAP_FAILED else {
            throw .last("mmap", path)
        }
        bytes = UnsafeRawBufferPointer(start: start, count: size)
    }

    deinit {
        if let start = bytes.baseAddress { munmap(UnsafeMutableRawPointer(mutating: start), bytes.count) }
    }

    /// Lets go of the pages in `range`: they stay in the page cache but no longer count as this process's memory.
    package func release(_ range: Range<Int>) {
        let page = 4096
        let start = (range.lowerBound + page - 1) / page * page
        let end = range.upperBound / page * page
        guard let base = bytes.baseAddress, end > start, end <= bytes.count else { return }
        madvise(UnsafeMutableRawPointer(mutating: base + start), end - start, MADV_DONTNEED)
    }
}
