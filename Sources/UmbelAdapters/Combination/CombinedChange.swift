internal import UmbelNames
internal import UmbelTensor

/// What a combination does to tensors that have to be seen together: W' = W + m·c·ΔW, with one ΔW for each view made of
/// all parts' differences to the weights as they stand before any of it is added.
package struct CombinedChange: Sendable {
    struct Domain: Sendable {
        let view: TargetView
        /// The module, for reports.
        let name: String
        /// What its random masks are drawn for.
        let place: String
        /// What the difference is cut to; nil if it is not.
        let rank: Int?
    }

    let combination: Combination
    let domains: [Domain]
    /// Every tensor that is read or changed.
    package let tensors: Set<Int>
    let parts: [PartChange]
    /// c, which is 1 but for PEFT's scale of a rank-stabilised adapter.
    let scale: Double
    let masks: any KeepMasks

    func apply(to weights: inout WorkingWeights, strength: Double, pool: ComputePool) throws(MergeError) {
        var differences: [Matrix] = []
        for domain in domains { differences.append(try difference(on: domain, from: weights, pool: pool)) }
        for (domain, difference) in zip(domains, differences) {
            let addition = WeightTransform.rows(Addition(DenseDelta(difference, scale: scale)))
            try weights.update(domain.view) { (matrix) throws(MergeError) in
                try addition.apply(to: matrix, strength: strength, pool: pool)
            }
        }
    }

    private func difference(
        on domain: Domain, from weights: WorkingWeights, pool: ComputePool
    ) throws(MergeError) -> Matrix {
        guard domain.rank != nil else { return try merged(domain, from: weights, pool: pool) }
        return try truncated(domain, from: weights, pool: pool).matrix
    }

    /// All parts' differences, thinned out and merged.
    private func merged(
        _ domain: Domain, from weights: WorkingWeights, pool: ComputePool
    ) throws(MergeError) -> Matrix {
        let concerned = parts.filter { $0.touches(domain.view) }
        guard combination.method.merging == .sum else {
            var differences: [Matrix] = []
            for part in concerned { differences.append(try thinned(part, domain, from: weights, pool: pool)) }
            return WeightedMerge.elected(
                differences, weights: concerned.map(\.weight), by: combination.majoritySign, pool: pool)
        }
        // One at a time: two matrices are held, however many parts there are.
        let sum = Matrix(rows: domain.view.rows, columns: domain.view.columns, repeating: 0)
        for part in concerned {
            let difference = try thinned(part, domain, from: weights, pool: pool)
            WeightedMerge.add(difference, weight: part.weight, to: sum, pool: pool)
        }
        return sum
    }

    private func thinned(
        _ part: PartChange, _ domain: Domain, from weights: WorkingWeights, pool: ComputePool
    ) throws(MergeError) -> Matrix {
        let difference = try part.difference(on: domain.view, from: weights, pool: pool)
        combination.thin(
            difference, as: MaskSubject(place: domain.place, side: .difference, part: part.position), masks, pool)
        return difference
    }

    // MARK: Cut to a rank

    /// The domain's difference cut to its rank, with the share of its energy that was lost.
    private func truncated(
        _ domain: Domain, from weights: WorkingWeights, pool: ComputePool
    ) throws(MergeError) -> (matrix: Matrix, energy: TruncatedEnergy) {
        let rank = domain.rank ?? min(domain.view.rows, domain.view.columns)
        do {
            if let pair = factors(on: domain) {
                let cut = try SingularValues.truncatedProduct(pair.up, pair.down, rank: rank, pool: pool)
                return (cut.left.multiplied(by: cut.right), cut.energy)
            }
            let whole = try merged(domain, from: weights, pool: pool)
            // A matrix of no more than this rank is kept as it is.
            guard rank < min(whole.rows, whole.columns) else { return (whole, .whole(of: whole)) }
            let cut = try SingularValues.truncated(whole, rank: rank, pool: pool)
            return (cut.left.multiplied(by: cut.right), cut.energy)
        } catch let error as MergeError {
            throw error
        } catch {
            throw .decomposition(tensor: "", rows: domain.view.rows, columns: domain.view.columns)
        }
    }

    /// All parts' pairs of factors side by side, where the sum is such a product of clearly less than full rank: its
    /// singular values are then found without writing it out.
    private func factors(on domain: Domain) -> LowRankDelta? {
        guard combination.method.pruning == .none, combination.method.merging == .sum else { return nil }
        var pairs: [FactorPair] = []
        for part in parts where part.touches(domain.view) {
            guard let deltas = part.deltas(on: domain.view) else { return nil }
            for delta in deltas {
                guard let pair = FactorPair(delta, weight: part.weight, position: part.position) else { return nil }
                pairs.append(pair)
            }
        }
        let rank = pairs.reduce(0) { $0 + $1.delta.up.columns }
        return rank * 2 <= min(domain.view.rows, domain.view.columns) ? FactorPair.concatenated(pairs) : nil
    }

    /// What each module loses by being cut; empty if nothing is.
    func lostEnergies(on weights: WorkingWeights, pool: ComputePool) throws(MergeError) -> [CombinationReport.Module] {
        var modules: [CombinationReport.Module] = []
        for domain in domains {
            guard let rank = domain.rank else { continue }
            let energy = try truncated(domain, from: weights, pool: pool).energy
            modules.append(.init(name: domain.name, rank: rank, energy: energy))
        }
        return modules
    }
}

extension Combination {
    /// Leaves of one part what the method leaves of it, in place.
    func thin(_ matrix: Matrix, as subject: MaskSubject, _ masks: any KeepMasks, _ pool: ComputePool) {
        switch method.pruning {
        case .none: return
        case .magnitude: Thinning.keepLargest(of: matrix, density: density)
        case .random:
            Thinning.keepRandom(
                of: matrix, density: density, mask: masks.mask(of: subject, density: density), pool: pool)
        }
    }
}
