internal import UmbelTensor

/// One adapter's pair of factors in a combination, with the adapter's weight in it.
struct FactorPair: Sendable {
    let delta: LowRankDelta
    let weight: Double
    /// Among the adapters that are applied, from 0.
    let position: Int

    init?(_ delta: any Delta, weight: Double, position: Int) {
        guard let delta = delta as? LowRankDelta else { return nil }
        self.delta = delta
        self.weight = weight
        self.position = position
    }

    /// w·s
    var factor: Double { weight * delta.scale }

    /// Σ w·s·up·down as one product: the ups side by side, the downs with their factors below each other.
    static func concatenated(_ pairs: [FactorPair], scale: Double = 1) -> LowRankDelta? {
        guard let first = pairs.first?.delta else { return nil }
        let rank = pairs.reduce(0) { $0 + $1.delta.up.columns }
        let up = Matrix(rows: first.rows, columns: rank)
        let down = Matrix(rows: rank, columns: first.columns)
        var offset = 0
        for pair in pairs {
            let width = pair.delta.up.columns
            for row in 0..<up.rows { (up.row(row) + offset).update(from: pair.delta.up.row(row), count: width) }
            let scaled = pair.delta.down.copy()
            scaled.scale(by: Float(pair.factor))
            down.row(offset).update(from: scaled.start, count: scaled.count)
            offset += width
        }
        return LowRankDelta(up: up, down: down, scale: scale)
    }
}

/// Adds what becomes of several pairs of factors, worked out each time so that nothing but the adapters is held.
struct FactorCombination: WorkedOutAddition {
    let combination: Combination
    let pairs: [FactorPair]
    let place: String
    let scale: Double
    let masks: any KeepMasks

    package func difference(from weight: WeightRows, pool: ComputePool) -> LowRankDelta? {
        guard !pairs.isEmpty else { return nil }
        if combination.method.space == .concatenation { return FactorPair.concatenated(pairs, scale: scale) }
        // √|w·s| on both sides, its sign on one of them. Source: PEFT `_generalized_task_arithmetic_weighted_adapter`.
        let roots = pairs.map { abs($0.factor).squareRoot() }
        let signed = zip(pairs, roots).map { $0.factor < 0 ? -$1 : $1 }
        let down = merged(pairs.map(\.delta.down), signed, .down, pool)
        let up = merged(pairs.map(\.delta.up), roots, .up, pool)
        return LowRankDelta(up: up, down: down, scale: scale)
    }

    private func merged(
        _ factors: [Matrix], _ weights: [Double], _ side: MaskSubject.Side, _ pool: ComputePool
    ) -> Matrix {
        let copies = factors.map { $0.copy() }
        for (pair, copy) in zip(pairs, copies) {
            combination.thin(copy, as: MaskSubject(place: place, side: side, part: pair.position), masks, pool)
        }
        guard combination.method.merging == .sum else {
            return WeightedMerge.elected(copies, weights: weights, by: combination.majoritySign, pool: pool)
        }
        let sum = Matrix(rows: copies[0].rows, columns: copies[0].columns, repeating: 0)
        for (copy, weight) in zip(copies, weights) { WeightedMerge.add(copy, weight: weight, to: sum, pool: pool) }
        return sum
    }
}
