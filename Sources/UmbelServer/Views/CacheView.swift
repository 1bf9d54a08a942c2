internal import UmbelEngine
internal import UmbelFormats
internal import UmbelPOSIX

/// The cache as a whole, as JSON.
enum CacheView {
    /// What holds how many bytes, and what the kernel says of the process.
    static func memory(_ use: MemoryUse) -> JSON {
        var members: [JSON.Member] = [
            .init("merged", JSON(use.merged)), .init("lent", JSON(use.lent)), .init("deltas", JSON(use.deltas)),
            .init("adapters", JSON(use.adapters)), .init("layers", JSON(use.layers)), .init("spare", JSON(use.spare)),
            .init("shared", JSON(use.shared)), .init("total", JSON(use.total)),
        ]
        if let process = ProcessMemory.now() {
            members.append(
                .init("process", ["anonymous": JSON(process.anonymous), "files": JSON(process.files)]))
        }
        return .object(members)
    }

    /// The layers of each base that has drawn.
    static func layers(_ memory: [LayerMemory]) -> JSON {
        .array(
            memory.map { base in
                let variants = base.variants.map { variant in
                    JSON.object([.init("id", .string(variant.id)), .init("bytes", JSON(variant.bytes))])
                }
                return ["base": .string(base.base), "shared": JSON(base.shared), "variants": .array(variants)]
            })
    }

    static func counters(_ counters: CacheCounters) -> JSON {
        [
            "hits": JSON(counters.hits), "misses": JSON(counters.misses), "joined": JSON(counters.joined),
            "builds": JSON(counters.builds), "failed_builds": JSON(counters.failedBuilds),
            "evictions": JSON(counters.evictions), "evicted_bytes": JSON(counters.evictedBytes),
            "unkept_bytes": JSON(counters.unkeptBytes), "delta_hits": JSON(counters.deltaHits),
            "delta_evictions": JSON(counters.deltaEvictions), "running": JSON(counters.running),
            "waiting": JSON(counters.waiting),
        ]
    }
}
