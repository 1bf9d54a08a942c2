/// Nearest names for the misses of one file. The lists of names are made when the first miss needs them.
struct NearestSearch {
    private let prefixes: [StemPrefix]
    private let indices: [ComponentIndex]
    private var lists: [Key: NearestStem] = [:]
    /// Cells of distance tables for the whole file: a few tenths of a second at most.
    private var budget = 100_000_000

    private struct Key: Hashable {
        let components: [[Int]]
        let style: StemPrefix.Style
    }

    init(prefixes: [StemPrefix], indices: [ComponentIndex]) {
        self.prefixes = prefixes
        self.indices = indices
    }

    /// The nearest stem with the same prefix; a stem without a known prefix is compared with bare paths.
    mutating func nearest(to stem: String) -> String? {
        guard budget > 0 else { return nil }
        let prefix = prefixes.first { stem.hasPrefix($0.text) }
        let key = Key(components: prefix?.components ?? [Array(indices.indices)], style: prefix?.style ?? .dotted)
        let start = prefix?.text ?? ""
        let list = lists[key] ?? NearestStem(names(key))
        lists[key] = list
        let near = list.nearest(
            to: String(stem.dropFirst(start.count)), prefixLength: start.utf8.count, budget: &budget)
        return near.map { start + $0 }
    }

    private func names(_ key: Key) -> [String] {
        key.components.joined().flatMap { indices[$0].names(key.style) }
    }
}
