internal import CMalloc

/// The C library's heap, which keeps what is freed unless it is told otherwise.
package enum HeapMemory {
    /// Settings for a process that lives long and frees much. To be called before other threads are started.
    ///
    /// - Two arenas: each keeps free memory of its own, and no hot path here allocates.
    /// - Blocks from 1 MiB on are mapped, so that freeing one gives it back. Without a fixed threshold glibc raises it to
    ///   the largest block that was ever freed, and from then on such blocks tear holes into the heap.
    package static func configure() {
        umbel_heap_limit_arenas(2)
        umbel_heap_map_from(1 << 20)
    }

    /// Gives free pages back to the system, from the middle of the heap too. Walks the whole heap: milliseconds.
    package static func trim() { umbel_heap_trim() }
}
