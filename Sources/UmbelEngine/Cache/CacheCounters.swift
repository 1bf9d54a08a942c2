/// What a cache did since the process began, and what it is doing.
package struct CacheCounters: Hashable, Sendable {
    /// Tensors that were asked for and were in memory.
    package var hits = 0
    /// Tensors that were asked for and had to be merged.
    package var misses = 0
    /// Tensors that were asked for while somebody else merged them.
    package var joined = 0
    /// Merges that came to an end, well or not; tensors that are computed together are one.
    package var builds = 0
    package var failedBuilds = 0
    /// Variants of which tensors were pushed out, once for each time.
    package var evictions = 0
    package var evictedBytes = 0
    /// Merged tensors that found no room, in bytes.
    package var unkeptBytes = 0
    /// Merges of a patch that took its values from memory.
    package var deltaHits = 0
    package var deltaEvictions = 0
    /// Merges under way.
    package var running = 0
    /// Requests that wait for somebody else's merge.
    package var waiting = 0

    package init() {}
}
