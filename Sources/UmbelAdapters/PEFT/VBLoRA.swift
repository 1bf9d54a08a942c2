package import UmbelNames
internal import UmbelTensor

/// VB-LoRA: ΔW = B·A, put together from pieces of v numbers, each a mixture of k vectors of a bank shared by the whole
/// model.     arXiv 2405.15179
///
/// `vblora_logits_A` is (r, in/v, N), `vblora_logits_B` (out/v, r, N), the bank (N, v). Per position: the `topk` largest
/// logits, softmax over those, the sum of their vectors so weighted. A[ρ, x·v+q] and B[y·v+q, ρ] are the q-th numbers of
/// positions (ρ, x) and (y, ρ). Compact files hold `…_topk_indices` and the first k − 1 `…_topk_weights`; the last is what
/// is missing to 1. There is no α. Source: PEFT `tuners/vblora`.
package struct VBLoRA: Algorithm {
    package static let name = "vblora"

    static let down = Mixture(
        logits: "vblora_logits_A", indices: "vblora_logits_A_topk_indices", weights: "vblora_logits_A_topk_weights")
    static let up = Mixture(
        logits: "vblora_logits_B", indices: "vblora_logits_B_topk_indices", weights: "vblora_logits_B_topk_weights")

    package static let roles = [down, up].flatMap {
        [RoleSpelling($0.logits), RoleSpelling($0.indices), RoleSpelling($0.weights)]
    }

    package static func claims(_ module: ModuleFactors, in context: AdapterContext) -> Bool {
        [down, up].contains { module.has($0.logits) || module.has($0.indices) }
    }

    package static func rank(of module: ModuleFactors) -> Int? {
        (module[down.logits] ?? module[down.indices])?.shape.first
    }

    package static func patches(
        for module: ModuleFactors, on target: Target, in context: AdapterContext
    ) throws(ModuleError) -> [Patch] {
        let view = try target.requireWeight(module)
        let stored = try context.requireShared("vblora_vector_bank", module)
        guard stored.shape.count == 2 else {
            throw .shapeMismatch(
                module: module.stem, key: "vblora_vector_bank", shape: stored.shape, expected: "[vectors, length]")
        }
        let bank = stored.matrix()
        let rows = try down.pieces(module, bank, context)
        let columns = try up.pieces(module, bank, context)
        let (rank, length) = (rows.first, bank.columns)
        guard rows.second * length == view.columns else {
            throw module.mismatch(down.role(module), expected: "\(view.columns) inputs")
        }
        guard columns.first * length == view.rows else {
            throw module.mismatch(up.role(module), expected: "\(view.rows) outputs")
        }
        try module.checkRanks([(down.role(module), rank), (up.role(module), columns.second)])
        let upMatrix = Matrix(rows: view.rows, columns: rank)
        for y in 0..<columns.first {
            for r in 0..<rank {
                for q in 0..<length { upMatrix[y * length + q, r] = columns.values[y * rank + r, q] }
            }
        }
        let downMatrix = Matrix(rows: rank, columns: view.columns, values: rows.values.values)
        return [Addition.patch(view, LowRankDelta(up: upMatrix, down: downMatrix, scale: 1))]
    }
}

/// One factor's choice from the bank.
struct Mixture: Sendable {
    let logits: Role
    let indices: Role
    let weights: Role

    func role(_ module: ModuleFactors) -> Role { module.has(logits) ? logits : indices }

    /// One row of `values` per position, in the order of the two leading axes.
    func pieces(
        _ module: ModuleFactors, _ bank: Matrix, _ context: AdapterContext
    ) throws(ModuleError) -> (first: Int, second: Int, values: Matrix) {
        let choices: [[(vector: Int, weight: Double)]]
        let shape: [Int]
        if module.has(logits) {
            let stored = try module.require(logits)
            shape = stored.shape
            let topk = try context.requireNumber("topk", module)
            guard shape.count == 3, shape[2] == bank.rows, topk >= 1, topk <= Double(bank.rows) else {
                throw module.mismatch(logits, expected: "[…, …, \(bank.rows)] and topk no larger")
            }
            let values = stored.values()
            choices = (0..<shape[0] * shape[1]).map { position in
                Self.largest(Array(values[position * bank.rows..<(position + 1) * bank.rows]), count: Int(topk))
            }
        } else {
            (shape, choices) = try compactChoices(module, vectors: bank.rows)
        }
        let result = Matrix(rows: choices.count, columns: bank.columns)
        for (row, choice) in choices.enumerated() {
            for column in 0..<bank.columns {
                result[row, column] = Float(choice.reduce(0) { $0 + $1.weight * Double(bank[$1.vector, column]) })
            }
        }
        return (shape[0], shape[1], result)
    }

    private func compactChoices(
        _ module: ModuleFactors, vectors: Int
    ) throws(ModuleError) -> ([Int], [[(vector: Int, weight: Double)]]) {
        guard let stored = module[indices] else { throw .missingFactor(module: module.stem, key: module.key(indices)) }
        let shape = stored.shape
        guard shape.count == 3, shape[2] >= 1, !stored.dtype.isFloat else {
            throw module.mismatch(indices, expected: "[…, …, k] integers")
        }
        let kept = shape[2] - 1
        guard let first = module[weights], first.dtype.isFloat, first.elementCount == shape[0] * shape[1] * kept else {
            throw module.mismatch(weights, expected: "\([shape[0], shape[1], kept].shapeText)")
        }
        var choices: [[(vector: Int, weight: Double)]] = []
        for position in 0..<shape[0] * shape[1] {
            var rest = 1.0
            var choice: [(vector: Int, weight: Double)] = []
            for index in 0...kept {
                let vector = stored.number(at: position * shape[2] + index)
                guard vector >= 0, vector < Double(vectors) else {
                    throw module.mismatch(indices, expected: "indices below \(vectors)")
                }
                let weight = index < kept ? first.number(at: position * kept + index) : rest
                rest -= weight
                choice.append((Int(vector), weight))
            }
            choices.append(choice)
        }
        return (shape, choices)
    }

    /// The largest logits, the first of equals before the others, with their softmax.
    static func largest(_ logits: [Float], count: Int) -> [(vector: Int, weight: Double)] {
        let order = logits.indices.sorted { (logits[$1], $0) < (logits[$0], $1) }.prefix(count)
        guard let top = order.first else { return [] }
        let powers = order.map { ElementaryFunctions.exponential(Double(logits[$0]) - Double(logits[top])) }
        let sum = powers.reduce(0, +)
        return zip(order, powers).map { ($0, $1 / sum) }
    }
}
