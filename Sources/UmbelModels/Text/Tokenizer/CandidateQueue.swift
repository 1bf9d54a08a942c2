/// A merge that was possible when it was noticed.
struct MergeCandidate {
    let merge: BytePairEncoder.Merge
    /// Of the left one of the pair, in the word.
    let position: Int

    /// Is it made before another one?
    func precedes(_ other: MergeCandidate) -> Bool {
        (merge.rank, position) < (other.merge.rank, other.position)
    }
}

/// Merges in the order in which they are made: a binary heap, so that a word of n letters costs n log n.
struct CandidateQueue {
    private var heap: [MergeCandidate] = []

    mutating func insert(_ candidate: MergeCandidate) {
        heap.append(candidate)
        var child = heap.count - 1
        while child > 0, heap[child].precedes(heap[(child - 1) / 2]) {
            heap.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    mutating func removeFirst() -> MergeCandidate? {
        guard let last = heap.popLast() else { return nil }
        guard let first = heap.first else { return last }
        heap[0] = last
        sink()
        return first
    }

    private mutating func sink() {
        var parent = 0
        while true {
            let children = [2 * parent + 1, 2 * parent + 2].filter { $0 < heap.count }
            guard let least = children.min(by: { heap[$0].precedes(heap[$1]) }), heap[least].precedes(heap[parent])
            else { return }
            heap.swapAt(least, parent)
            parent = least
        }
    }
}
