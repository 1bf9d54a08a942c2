/// Byte pair encoding (Sennrich et al. 2016) of words of bytes, where the last byte of a word has tokens of its own.
///
/// A word starts as one token a byte. As long as two neighbours can be merged, the pair that stands first in the list of
/// merges is, the leftmost of equal ones first.
struct BytePairEncoder: Sendable {
    /// What a pair of neighbours becomes.
    struct Merge: Hashable, Sendable {
        /// Position in the list of merges: the lower, the sooner.
        let rank: Int32
        let token: Int32
    }

    /// Two tokens side by side.
    struct Pair: Hashable, Sendable {
        let left: Int32
        let right: Int32
    }

    /// The token of each byte within a word, and of each byte that ends one.
    private let inner: [Int32]
    private let last: [Int32]
    private let merges: [Pair: Merge]

    /// - Precondition: `inner` and `last` hold a token for each of the 256 bytes.
    init(inner: [Int32], last: [Int32], merges: [Pair: Merge]) {
        precondition(inner.count == 256 && last.count == 256)
        self.inner = inner
        self.last = last
        self.merges = merges
    }

    /// The tokens of one word.
    func tokens(of word: [UInt8]) -> [Int32] {
        guard let end = word.last else { return [] }
        var symbols = SymbolChain(word.dropLast().map { inner[Int($0)] } + [last[Int(end)]])
        var candidates = CandidateQueue()
        for position in 0..<word.count - 1 { propose(position, symbols, &candidates) }
        while let candidate = candidates.removeFirst() {
            // The pair may be gone by now, or have become another one.
            guard let pair = symbols.pair(at: candidate.position), merges[pair]?.token == candidate.merge.token else {
                continue
            }
            symbols.merge(at: candidate.position, into: candidate.merge.token)
            if let before = symbols.position(before: candidate.position) { propose(before, symbols, &candidates) }
            propose(candidate.position, symbols, &candidates)
        }
        return symbols.tokens
    }

    private func propose(_ position: Int, _ symbols: SymbolChain, _ candidates: inout CandidateQueue) {
        guard let pair = symbols.pair(at: position), let merge = merges[pair] else { return }
        candidates.insert(MergeCandidate(merge: merge, position: position))
    }
}

/// The tokens of a word while they are being merged: a list linked both ways, so that a merge costs the same wherever it is.
private struct SymbolChain {
    private static let none = -1
    /// `none` where a token went into the one before it.
    private var ids: [Int32]
    private var next: [Int]
    private var previous: [Int]

    init(_ tokens: [Int32]) {
        ids = tokens
        next = tokens.indices.map { $0 + 1 < tokens.count ? $0 + 1 : Self.none }
        previous = tokens.indices.map { $0 - 1 }
    }

    func pair(at position: Int) -> BytePairEncoder.Pair? {
        guard ids[position] != Int32(Self.none), next[position] != Self.none else { return nil }
        return BytePairEncoder.Pair(left: ids[position], right: ids[next[position]])
    }

    func position(before position: Int) -> Int? { previous[position] == Self.none ? nil : previous[position] }

    /// - Precondition: there is a pair at `position`.
    mutating func merge(at position: Int, into token: Int32) {
        let gone = next[position]
        ids[position] = token
        ids[gone] = Int32(Self.none)
        next[position] = next[gone]
        if next[gone] != Self.none { previous[next[gone]] = position }
    }

    var tokens: [Int32] { ids.filter { $0 != Int32(Self.none) } }
}
