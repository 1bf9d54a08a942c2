internal import UmbelTensor

/// Signs that an adapter's alpha does not belong to its ranks. Such files merge as they are, with a note, because what
/// they were trained with cannot be known.
enum ScaleLint {
    static func notes(_ adapter: Adapter, context: AdapterContext) -> [AdapterNote] {
        networkWideAlpha(adapter) + fusedRanks(adapter) + ranksBesideConfig(adapter, context)
    }

    /// One alpha for all layers whatever their rank: with α/r, layers of low rank come out many times too strong.
    private static func networkWideAlpha(_ adapter: Adapter) -> [AdapterNote] {
        var scales: [(stem: String, alpha: Double, rank: Int)] = []
        for module in adapter.modules {
            // A malformed alpha is reported by the module itself.
            guard let alpha = (try? module.factors.number(.alpha)) ?? nil, alpha > 0,
                let rank = module.algorithm.rank(of: module.factors), rank > 0
            else { continue }
            scales.append((module.factors.stem, alpha, rank))
        }
        guard let first = scales.first, scales.allSatisfy({ $0.alpha == first.alpha }),
            let largest = scales.map(\.rank).max()
        else { return [] }
        let strong = scales.filter { $0.alpha > Double($0.rank) && $0.rank * 2 <= largest }
        guard !strong.isEmpty, first.alpha <= Double(largest) else { return [] }
        let factor = strong.map { $0.alpha / Double($0.rank) }.max() ?? 1
        return [
            AdapterNote(
                .alphaInconsistent,
                "alpha is \(first.alpha) for every rank up to \(largest), which makes these modules up to \(factor) times as strong",
                keys: strong.map(\.stem))
        ]
    }

    /// Queries, keys and values trained apart and saved as one pair of three (or four) times the rank, alpha unchanged:
    /// the up factor is then block-diagonal, and α/r too small by the number of blocks.
    private static func fusedRanks(_ adapter: Adapter) -> [AdapterNote] {
        var notes: [AdapterNote] = []
        for module in adapter.modules where module.algorithm == LoRA.self && module.factors.has(.alpha) {
            guard let up = module.factors[.up], up.dtype.isFloat, up.shape.count >= 2,
                module.factors.stem.holds("qkv") || module.factors.stem.hasSuffix("linear1")
            else { continue }
            let matrix = up.matrix()
            for blocks in [3, 4] where isBlockDiagonal(matrix, blocks: blocks) {
                notes.append(
                    AdapterNote(
                        .alphaInconsistent,
                        "the pair is \(blocks) pairs put together, so alpha/rank is \(blocks) times too small",
                        keys: [module.factors.stem]))
            }
        }
        return notes
    }

    /// Are the columns cut in `blocks` equal parts used by consecutive, disjoint runs of rows?
    private static func isBlockDiagonal(_ matrix: Matrix, blocks: Int) -> Bool {
        guard matrix.columns % blocks == 0, matrix.rows >= blocks else { return false }
        let width = matrix.columns / blocks
        var current = 0
        var used = Set<Int>()
        for row in 0..<matrix.rows {
            let blocksInRow = Set((0..<matrix.columns).filter { matrix[row, $0] != 0 }.map { $0 / width })
            guard let block = blocksInRow.first else { continue }
            guard blocksInRow.count == 1, block >= current else { return false }
            current = block
            used.insert(block)
        }
        return used.count == blocks
    }

    /// PEFT's settings name another rank than the tensors have. The tensors are right.
    private static func ranksBesideConfig(_ adapter: Adapter, _ context: AdapterContext) -> [AdapterNote] {
        let differing = adapter.modules.filter { module in
            guard module.algorithm == LoRA.self || module.algorithm == LoHa.self,
                let config = context.config(for: module.factors.stem), !module.factors.stem.contains(".experts"),
                let expected = config.rank(path: context.patternPath(module.factors.stem)),
                let rank = module.algorithm.rank(of: module.factors)
            else { return false }
            return rank != expected
        }
        guard !differing.isEmpty else { return [] }
        return [
            AdapterNote(
                .rankDiffersFromConfig, "the tensors have another rank than the settings; the tensors count",
                keys: differing.map(\.factors.stem))
        ]
    }
}
