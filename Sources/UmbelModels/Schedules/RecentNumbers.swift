internal import UmbelTensor

/// The last few vectors that a method made of the model's answers, in memory that is taken once. A value: whoever
/// copies it shares the memory, so a run that goes on elsewhere is moved, not copied.
struct RecentNumbers: Sendable {
    private let memory: Matrix
    private var newest = 0
    /// How many there are, up to the capacity.
    private(set) var count = 0

    init(capacity: Int, of numbers: Int) {
        memory = Matrix(rows: capacity, columns: numbers)
    }

    /// Room for a new one, uninitialised; the oldest leaves if all places are taken.
    mutating func append() -> Numbers {
        newest = (newest + 1) % memory.rows
        count = min(count + 1, memory.rows)
        return self[0]
    }

    /// The newest is 0.
    ///
    /// - Precondition: `age` is below the capacity.
    subscript(age: Int) -> Numbers {
        Numbers(memory, row: (newest - age + memory.rows) % memory.rows)
    }
}
