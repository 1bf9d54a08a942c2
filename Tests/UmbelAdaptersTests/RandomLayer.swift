import UmbelAdapters
import UmbelNames
import UmbelTensor
import UmbelTesting

/// A layer of a base with one adapter for it, all of random numbers, and ΔW as f64 loops over the formula say it is.
struct RandomLayer: Sendable, CustomStringConvertible {
    let description: String
    let weight: TestTensor
    let tensors: [TestTensor]
    /// ΔW at strength 1, flattened; nil where the change is not additive.
    let delta: [Double]?

    static let stem = "lycoris_layer"

    var rows: Int { weight.shape[0] }
    var columns: Int { weight.shape.dropFirst().reduce(1, *) }

    /// A base with this layer's weight and two tensors that nobody touches.
    var base: BaseWeights {
        [
            TestTensor("before.weight", [3], [1, 2, 3]), weight,
            TestTensor("after.bias", [2], [-0.5, 0.25], as: .bf16),
        ].base
    }

    static let weightIndex = 1

    func binding(_ base: BaseWeights) throws -> Binding {
        Binder.bind(try Adapter(tensors), to: base, names: NameTable(catalog: base.catalog))
    }

    static func make(_ kind: Kind, shape: [Int], rank: Int, alpha: Float?, seed: UInt64, dtype: DType = .f32)
        -> RandomLayer
    {
        var random = SeededGenerator(seed: seed)
        let weight = TestTensor("layer.weight", shape, random.values(shape.elementCount), as: dtype)
        let sizes = Sizes(shape: shape, rank: rank)
        var tensors: [TestTensor] = []
        func add(_ role: String, _ shape: [Int]) -> [Double] {
            let values = random.values(shape.elementCount, scale: 0.5)
            tensors.append(TestTensor("\(stem).\(role)", shape, values))
            return values.map(Double.init)
        }
        let scale = alpha.map { $0 == 0 ? 1 : Double($0) / Double(rank) } ?? 1
        if let alpha, kind != .full, kind != .ia3 { tensors.append(TestTensor("\(stem).alpha", [], [alpha])) }
        let delta = kind.delta(sizes, scale, add)
        return RandomLayer(
            description: "\(kind) \(shape) rank \(rank) alpha \(alpha.map { "\($0)" } ?? "none")", weight: weight,
            tensors: tensors, delta: delta)
    }

    struct Sizes {
        let shape: [Int]
        let rank: Int
        var out: Int { shape[0] }
        var inputs: Int { shape[1] }
        var kernel: [Int] { Array(shape.dropFirst(2)) }
        var positions: Int { kernel.reduce(1, *) }
        var columns: Int { inputs * positions }
        var ones: [Int] { kernel.map { _ in 1 } }
    }

    enum Kind: CaseIterable {
        case lora, loraTucker, loha, lohaTucker, lokrFullFactored, lokrFull, lokrFactored, full
        case dora, ia3, glora, diagOFT, boft

        static let additive: [Kind] = [
            .lora, .loraTucker, .loha, .lohaTucker, .lokrFullFactored, .lokrFull, .lokrFactored, .full,
        ]

        func delta(_ size: Sizes, _ scale: Double, _ add: (String, [Int]) -> [Double]) -> [Double]? {
            let (out, rank, inputs, columns) = (size.out, size.rank, size.inputs, size.columns)
            switch self {
            case .lora, .dora:
                let up = add("lora_up.weight", [out, rank] + size.ones)
                let down = add("lora_down.weight", [rank, inputs] + size.kernel)
                if self == .dora {
                    _ = add("dora_scale", [out, 1] + size.ones)
                    return nil
                }
                return product(up, down, out, rank, columns).map { $0 * scale }
            case .loraTucker:
                let up = add("lora_up.weight", [out, rank] + size.ones)
                let down = add("lora_down.weight", [rank, inputs] + size.ones)
                let core = add("lora_mid.weight", [rank, rank] + size.kernel)
                return tucker(core, size) {
                    up[$1 * rank + $0]
                } second: {
                    down[$0 * inputs + $1]
                }.map { $0 * scale }
            case .loha:
                let first = product(
                    add("hada_w1_a", [out, rank]), add("hada_w1_b", [rank, columns]), out, rank, columns)
                let second = product(
                    add("hada_w2_a", [out, rank]), add("hada_w2_b", [rank, columns]), out, rank, columns)
                return zip(first, second).map { $0 * $1 * scale }
            case .lohaTucker:
                let sides = (1...2).map { side in
                    let up = add("hada_w\(side)_a", [rank, out])
                    let down = add("hada_w\(side)_b", [rank, inputs])
                    let core = add("hada_t\(side)", [rank, rank] + size.kernel)
                    return tucker(core, size) {
                        up[$0 * out + $1]
                    } second: {
                        down[$0 * inputs + $1]
                    }
                }
                return zip(sides[0], sides[1]).map { $0 * $1 * scale }
            case .lokrFullFactored, .lokrFull, .lokrFactored:
                let (a, c) = (2, 2)
                let (b, d) = (out / a, inputs / c)
                let outer =
                    self == .lokrFactored
                    ? product(add("lokr_w1_a", [a, rank]), add("lokr_w1_b", [rank, c]), a, rank, c)
                    : add("lokr_w1", [a, c])
                let inner =
                    self == .lokrFull
                    ? add("lokr_w2", [b, d] + size.kernel)
                    : product(
                        add("lokr_w2_a", [b, rank]), add("lokr_w2_b", [rank, d * size.positions]), b, rank,
                        d * size.positions)
                let factor = self == .lokrFull ? 1 : scale
                return (0..<out * columns).map { index in
                    let (row, column) = (index / columns, index % columns)
                    let (input, position) = (column / size.positions, column % size.positions)
                    let outerValue = outer[row / b * c + input / d]
                    return factor * outerValue * inner[(row % b * d + input % d) * size.positions + position]
                }
            case .full: return add("diff", size.shape)
            case .ia3:
                _ = add("weight", size.kernel.isEmpty ? [inputs] : [1, inputs] + size.ones)
                _ = add("on_input", [])
                return nil
            case .glora:
                _ = add("a1.weight", [inputs, rank] + size.ones)
                _ = add("a2.weight", [rank, inputs] + size.ones)
                _ = add("b1.weight", [out, rank] + size.ones)
                _ = add("b2.weight", [rank, inputs] + size.kernel)
                return nil
            case .diagOFT:
                _ = add("oft_blocks", [out / 2, 2, 2])
                _ = add("rescale", [out] + [1] + size.ones)
                return nil
            case .boft:
                _ = add("oft_blocks", [2, 2, out / 2, out / 2])
                return nil
            }
        }

        private func product(_ a: [Double], _ b: [Double], _ rows: Int, _ inner: Int, _ columns: Int) -> [Double] {
            (0..<rows * columns).map { index in
                (0..<inner).reduce(0.0) { $0 + a[index / columns * inner + $1] * b[$1 * columns + index % columns] }
            }
        }

        /// Σᵢⱼ core[i,j,k] · first(i, o) · second(j, c)
        private func tucker(
            _ core: [Double], _ size: Sizes, _ first: (Int, Int) -> Double, second: (Int, Int) -> Double
        ) -> [Double] {
            (0..<size.out * size.columns).map { index in
                let (row, column) = (index / size.columns, index % size.columns)
                let (input, position) = (column / size.positions, column % size.positions)
                var sum = 0.0
                for i in 0..<size.rank {
                    for j in 0..<size.rank {
                        sum += core[(i * size.rank + j) * size.positions + position] * first(i, row) * second(j, input)
                    }
                }
                return sum
            }
        }
    }
}
