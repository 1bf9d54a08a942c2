import Testing
import UmbelAdapters
import UmbelFormats
import UmbelNames
import UmbelTensor
import UmbelTesting

/// What must hold of every combination, on random layers.
@Suite("Combinations of random layers")
struct CombinationTests {
    typealias Kind = RandomLayer.Kind

    static let index = RandomLayer.weightIndex
    static let methods = CombinationMethod.all.map(\.name)
    /// Those that work on differences of any kind; a cut needs a rank for some of them.
    static let ownMethods = methods.filter { !$0.hasPrefix("peft_") }

    private static func options(_ method: String, rank: Int = 3) -> [(name: String, value: String)] {
        let known = CombinationMethod.named(method)?.options.map(\.name) ?? []
        return [("density", "0.6"), ("seed", "7"), ("rank", "\(rank)")].filter { known.contains($0.0) }
    }

    private func layer(_ kind: Kind, _ seed: UInt64, shape: [Int] = [8, 12], rank: Int = 2) -> RandomLayer {
        RandomLayer.make(kind, shape: shape, rank: rank, alpha: 1, seed: seed)
    }

    private func parts(
        _ layers: [(layer: RandomLayer, weight: Double)], _ base: BaseWeights
    ) throws -> [CombinationPart] {
        try layers.map {
            CombinationPart(
                binding: try $0.layer.binding(base), weight: $0.weight, usesRankStabilisedScale: false)
        }
    }

    private func merged(
        _ combination: Combination, _ layers: [(layer: RandomLayer, weight: Double)], strength: Double = 1,
        threads: Int = 1
    ) throws -> MergedTensor {
        let base = layers[0].layer.base
        let binding = try combination.binding(of: try parts(layers, base), on: base)
        return try merged([.init(binding: binding, strength: strength)], base, threads: threads)
    }

    private func merged(_ steps: [MergePlan.Step], _ base: BaseWeights, threads: Int = 1) throws -> MergedTensor {
        let merger = TensorMerger(plan: MergePlan(base: base, steps: steps), pool: ComputePool(threads: threads))
        return try #require(try merger.merge(Self.index)[Self.index])
    }

    private func single(_ layer: RandomLayer, on base: BaseWeights, strength: Double = 1) throws -> MergedTensor {
        try merged([.init(binding: try layer.binding(base), strength: strength)], base)
    }

    /// W'(1) − W of one adapter alone.
    private func difference(_ layer: RandomLayer, on base: BaseWeights) throws -> [Double] {
        if let delta = layer.delta { return delta }
        let after = try single(layer, on: base).view.values()
        return zip(after, base.views[Self.index].values()).map { Double($0) - Double($1) }
    }

    // MARK: One adapter

    @Test("One adapter at weight 1 gives itself back to the bit", arguments: methods, Kind.allCases)
    func singleGivesItself(_ method: String, _ kind: Kind) throws {
        let (layer, other) = (layer(kind, 3), layer(.lora, 4))
        for strength in [1, 0.6, -2] {
            let combination = try Combination(method: method)
            let plain = try single(layer, on: layer.base, strength: strength).copiedBytes
            #expect(try merged(combination, [(layer, 1)], strength: strength).copiedBytes == plain)
            #expect(
                try merged(combination, [(other, 0), (layer, 1)].reversed(), strength: strength).copiedBytes == plain,
                "one of weight 0 is not there")
        }
    }

    @Test("A combination without effect touches nothing", arguments: methods)
    func nothingTouchesNothing(_ method: String) throws {
        let layer = layer(.lora, 3)
        let base = layer.base
        let combination = try Combination(method: method)
        let without = try combination.binding(of: try parts([(layer, 0)], base), on: base)
        #expect(MergePlan(base: base, steps: [.init(binding: without, strength: 1)]).touched.isEmpty)
        let with = try combination.binding(of: try parts([(layer, 1)], base), on: base)
        #expect(MergePlan(base: base, steps: [.init(binding: with, strength: 0)]).touched.isEmpty)
    }

    @Test("A density below 1 or a rank that was asked for thins out a single adapter too")
    func explicitOptionsApplyToOne() throws {
        let layer = layer(.lora, 5)
        let plain = try single(layer, on: layer.base).copiedBytes
        for (method, option) in [
            ("ties", ("density", "0.5")), ("dare_linear", ("density", "0.5")), ("svd", ("rank", "1")),
        ] {
            let combination = try Combination(method: method, options: [option])
            #expect(try merged(combination, [(layer, 1)]).copiedBytes != plain, "\(method)")
        }
    }

    // MARK: Sums

    @Test("A sum is the base and the weighted differences", arguments: Kind.allCases, Kind.allCases)
    func sumIsWeightedDifferences(_ first: Kind, _ second: Kind) throws {
        let layers: [(layer: RandomLayer, weight: Double)] = [(layer(first, 3), 0.7), (layer(second, 5), -0.4)]
        let base = layers[0].layer.base
        let differences = try layers.map { try difference($0.layer, on: base) }
        let before = base.views[Self.index].values()
        for method in ["sum", "cat"] {
            let after = try merged(Combination(method: method), layers, strength: 0.5).view.values()
            for index in after.indices {
                let expected = Double(before[index]) + 0.5 * (0.7 * differences[0][index] - 0.4 * differences[1][index])
                #expect(abs(Double(after[index]) - expected) < 4e-6, "\(method)")
            }
        }
    }

    @Test("A sum of additive adapters is their chain within rounding", arguments: Kind.additive)
    func sumIsChain(_ kind: Kind) throws {
        let layers: [(layer: RandomLayer, weight: Double)] = [
            (layer(kind, 3), 0.7), (layer(.lora, 5), -0.4), (layer(kind, 3), 1.5),
        ]
        let base = layers[0].layer.base
        let chain = try merged(
            try layers.map { .init(binding: try $0.layer.binding(base), strength: $0.weight) }, base)
        for method in ["sum", "cat"] {
            let sum = try merged(Combination(method: method), layers)
            #expect(TensorComparison(sum.view, chain.view, atol: 4e-6).failure == nil, "\(method)")
        }
    }

    @Test("A combination stands on what was before it in the chain")
    func combinationInChain() throws {
        let (first, second) = (layer(.ia3, 3), layer(.glora, 5))
        let base = first.base
        let binding = try Combination(method: "sum").binding(
            of: try parts([(second, 0.5), (second, 0.5)], base), on: base)
        let chain = try merged(
            [.init(binding: try first.binding(base), strength: 0.8), .init(binding: binding, strength: 1)], base)
        let expected = try merged(
            [
                .init(binding: try first.binding(base), strength: 0.8),
                .init(binding: try second.binding(base), strength: 1),
            ], base)
        #expect(TensorComparison(chain.view, expected.view, atol: 4e-6).failure == nil)
    }

    // MARK: Thinned out

    /// The formulas once more, in f64 and one element after the other.
    private func reference(_ method: CombinationMethod, _ parts: [(values: [Double], weight: Double)]) -> [Double] {
        parts[0].values.indices.map { index in
            let values = parts.map { $0.values[index] }
            guard method.merging == .election else { return zip(parts, values).reduce(0) { $0 + $1.0.weight * $1.1 } }
            let isPositive = values.reduce(0, +) >= 0
            let kept = zip(parts, values).filter { isPositive ? $0.1 > 0 : $0.1 < 0 }
            return kept.reduce(0) { $0 + $1.0.weight * $1.1 } / Double(max(1, kept.count))
        }
    }

    @Test(
        "Thinned-out combinations are what their formulas say",
        arguments: ["ties", "dare_linear", "dare_ties", "magnitude_prune"], [Kind.lora, .full, .dora])
    func thinnedIsFormula(_ method: String, _ kind: Kind) throws {
        let combination = try Combination(method: method, options: Self.options(method))
        let layers: [(layer: RandomLayer, weight: Double)] = [
            (layer(kind, 3), 0.7), (layer(.loha, 5), -0.4), (layer(.lokrFull, 8), 1.1),
        ]
        let base = layers[0].layer.base
        let masks = CounterMasks(seed: 7)
        let thinned = try layers.enumerated().map { part, item in
            let values = try difference(item.layer, on: base)
            if combination.method.pruning == .random {
                let subject = MaskSubject(place: "layer.weight", side: .difference, part: part)
                let mask = masks.mask(of: subject, density: 0.6)
                return (values.enumerated().map { mask($0) ? $1 / 0.6 : 0 }, item.weight)
            }
            let order = values.indices.sorted { (-abs(values[$0]), $0) < (-abs(values[$1]), $1) }
            let kept = Set(order.prefix(Int(0.6 * Double(values.count))))
            return (values.indices.map { kept.contains($0) ? values[$0] : 0 }, item.weight)
        }
        let expected = reference(combination.method, thinned)
        let before = base.views[Self.index].values()
        let after = try merged(combination, layers).view.values()
        let off = after.indices.filter { abs(Double(after[$0]) - Double(before[$0]) - expected[$0]) > 4e-6 }
        #expect(off.isEmpty, "\(off.count) of \(after.count)")
    }

    @Test("The largest are kept, of equal ones the first, whatever the numbers")
    func largestAreKept() {
        var random = SeededGenerator(seed: 12)
        for round in 0..<200 {
            let count = Int.random(in: 1...300, using: &random)
            let values = (0..<count).map { _ in
                round % 2 == 0
                    ? Float(Int.random(in: -3...3, using: &random)) : Float.random(in: -1...1, using: &random)
            }
            let density = [0.01, 0.1, 0.3, 0.5, 0.9, 0.999, 1][round % 7]
            let matrix = Matrix(rows: 1, columns: count, values: values)
            Thinning.keepLargest(of: matrix, density: density)
            let order = values.indices.sorted { (-abs(values[$0]), $0) < (-abs(values[$1]), $1) }
            let kept = Set(order.prefix(Int(density * Double(count))))
            #expect(matrix.values == values.indices.map { kept.contains($0) ? values[$0] : 0 })
        }
    }

    @Test("Masks are drawn for each element alone, and differ by seed, adapter, side and place")
    func masksAreIndependent() {
        func drawn(_ seed: UInt64, _ place: String, _ side: MaskSubject.Side, _ part: Int) -> [Bool] {
            let mask = CounterMasks(seed: seed).mask(
                of: MaskSubject(place: place, side: side, part: part), density: 0.25)
            return (0..<20_000).map(mask)
        }
        let all = [
            drawn(0, "a", .difference, 0), drawn(1, "a", .difference, 0), drawn(0, "b", .difference, 0),
            drawn(0, "a", .up, 0), drawn(0, "a", .difference, 1),
        ]
        for (position, mask) in all.enumerated() {
            // The standard deviation of the share is 0.0031.
            #expect(abs(Double(mask.filter { $0 }.count) / 20_000 - 0.25) < 0.0155)
            for other in all[(position + 1)...] {
                let both = zip(mask, other).filter { $0 && $1 }.count
                #expect(abs(Double(both) / 20_000 - 0.0625) < 0.009, "two masks have nothing to do with each other")
            }
        }
        // A variant's bytes depend on these for ever.
        #expect(
            all[0].prefix(24).map { $0 ? "1" : "0" }.joined() == "110000101010001000000010")
    }

    // MARK: Cut to a rank

    @Test("A sum of low rank that is not cut loses nothing, and one that is cut loses what the report says")
    func cutLosesWhatItReports() throws {
        // 2 + 3 is less than half of 24, so the factors are decomposed; 2 + 3 of 8 is not.
        for shape in [[24, 30], [8, 12], [24, 10, 3]] {
            let layers: [(layer: RandomLayer, weight: Double)] = [
                (layer(.lora, 3, shape: shape), 0.7), (layer(.lora, 5, shape: shape, rank: 3), -0.4),
            ]
            let base = layers[0].layer.base
            let sum = try merged(Combination(method: "sum"), layers).view.values()
            let before = base.views[Self.index].values()
            for rank in 1...6 {
                let combination = try Combination(method: "svd", options: [("rank", "\(rank)")])
                let binding = try combination.binding(of: try parts(layers, base), on: base)
                let plan = MergePlan(base: base, steps: [.init(binding: binding, strength: 1)])
                let merger = TensorMerger(plan: plan, pool: ComputePool(threads: 2))
                let cut = try #require(try merger.merge(Self.index)[Self.index]).view.values()
                let whole = zip(sum, before).reduce(0.0) { $0 + Double($1.0 - $1.1) * Double($1.0 - $1.1) }
                let lost = zip(sum, cut).reduce(0.0) { $0 + Double($1.0 - $1.1) * Double($1.0 - $1.1) }
                let report = try merger.combinationReport(ofStep: 0)
                #expect(report.modules.map(\.rank) == [rank])
                #expect(abs(report.total.lost - lost / whole) < 1e-5, "\(shape) \(rank)")
                #expect(rank < 5 || report.total.lost < 1e-9)
            }
        }
    }

    @Test("Without a rank the largest of the parts is taken; a part without one needs it")
    func rankIsThatOfTheParts() throws {
        let base = layer(.lora, 3).base
        let layers: [(layer: RandomLayer, weight: Double)] = [(layer(.lora, 3), 1), (layer(.lora, 5, rank: 3), 1)]
        let combination = try Combination(method: "svd")
        let binding = try combination.binding(of: try parts(layers, base), on: base)
        let plan = MergePlan(base: base, steps: [.init(binding: binding, strength: 1)])
        let report = try TensorMerger(plan: plan, pool: ComputePool(threads: 1)).combinationReport(ofStep: 0)
        #expect(report.modules.map(\.rank) == [3])
        let full = try parts([(layer(.lora, 3), 1), (layer(.full, 6), 1)], base)
        #expect(throws: CombinationError.notCombinable(method: "svd", module: "layer", .rankNeeded)) {
            try combination.binding(of: full, on: base)
        }
    }

    // MARK: What changes no bit, and what must change it

    /// With an additive second part sums go tile by tile, with DoRA everything is computed on the whole weight.
    @Test("The number of threads changes no bit", arguments: ownMethods, [Kind.loha, .dora])
    func threadsChangeNoBit(_ method: String, _ second: Kind) throws {
        let shape = [96, 720]
        let layers: [(layer: RandomLayer, weight: Double)] = [
            (layer(.lora, 3, shape: shape), 0.7), (layer(second, 5, shape: shape), -0.4),
        ]
        let combination = try Combination(method: method, options: Self.options(method))
        let alone = try merged(combination, layers, strength: 0.9).copiedBytes
        #expect(try merged(combination, layers, strength: 0.9, threads: 3).copiedBytes == alone)
    }

    @Test(
        "Order plays no part where nothing random is drawn by it",
        arguments: ["sum", "cat", "svd", "ties", "magnitude_prune"])
    func orderPlaysNoPart(_ method: String) throws {
        let layers: [(layer: RandomLayer, weight: Double)] = [
            (layer(.lora, 3), 0.7), (layer(.loha, 5), -0.4), (layer(.full, 8), 1.1),
        ]
        let base = layers[0].layer.base
        let combination = try Combination(method: method, options: Self.options(method))
        func run(_ order: [Int]) throws -> MergedTensor {
            let binding = try combination.binding(of: try parts(order.map { layers[$0] }, base), on: base)
            return try merged([.init(binding: binding, strength: 1)], base)
        }
        let first = try run([0, 1, 2])
        for order in [[1, 0, 2], [2, 1, 0], [1, 2, 0]] {
            #expect(TensorComparison(try run(order).view, first.view, atol: 1e-5).failure == nil)
        }
    }

    @Test("Another seed draws other masks, and the same seed the same", arguments: ["dare_linear", "dare_ties"])
    func seedChangesBytes(_ method: String) throws {
        let layers: [(layer: RandomLayer, weight: Double)] = [(layer(.lora, 3), 0.7), (layer(.lora, 5), 0.4)]
        func run(_ seed: Int) throws -> [UInt8] {
            let options = [("density", "0.5"), ("seed", "\(seed)")].map { (name: $0.0, value: $0.1) }
            return try merged(Combination(method: method, options: options), layers).copiedBytes
        }
        #expect(try run(1) == run(1))
        #expect(try run(1) != run(2))
    }

    // MARK: What is refused

    @Test("PEFT's methods take pairs of factors of one rank, and say which module is none")
    func pairsAreRequired() throws {
        let base = layer(.lora, 3).base
        for kind in [Kind.dora, .full, .loha, .ia3] {
            let mixed = try parts([(layer(.lora, 3), 1), (layer(kind, 4), 1)], base)
            for method in ["peft_linear", "peft_cat", "peft_svd", "peft_ties"] {
                #expect(throws: CombinationError.notCombinable(method: method, module: "layer", .notPair), "\(kind)") {
                    try Combination(method: method).binding(of: mixed, on: base)
                }
            }
        }
        let ranks = try parts([(layer(.lora, 3), 1), (layer(.lora, 4, rank: 3), 1)], base)
        #expect(throws: CombinationError.notCombinable(method: "peft_linear", module: "layer", .ranksDiffer)) {
            try Combination(method: "peft_linear").binding(of: ranks, on: base)
        }
        #expect(throws: CombinationError.notCombinable(method: "peft_ia3", module: "layer", .notVector)) {
            try Combination(method: "peft_ia3").binding(of: ranks, on: base)
        }
    }

    @Test("Methods and options are read from text, and what is none is named")
    func optionsAreRead() throws {
        let combination = try Combination(
            method: "dare_ties",
            options: [("seed", "007"), ("majority_sign", "frequency"), ("density", "5e-1")])
        #expect(
            combination.options.map { "\($0.name)=\($0.value)" } == [
                "density=0.5", "majority_sign=frequency", "seed=7",
            ])
        #expect(
            try combination == Combination(method: "dare_ties", options: combination.options), "the text reads back")
        #expect(try Combination(method: "ties", options: [("density", "1.0")]).options.isEmpty)
        #expect(throws: CombinationError.unknownMethod("tie")) { try Combination(method: "tie") }
        #expect(throws: CombinationError.unknownOption(method: "sum", option: "density")) {
            try Combination(method: "sum", options: [("density", "0.5")])
        }
        #expect(throws: CombinationError.repeatedOption("density")) {
            try Combination(method: "ties", options: [("density", "0.5"), ("density", "0.5")])
        }
        for (method, name, value) in [
            ("ties", "density", "0"), ("ties", "density", "1.5"), ("ties", "density", "nan"), ("ties", "density", ""),
            ("ties", "majority_sign", "both"), ("dare_linear", "seed", "-1"),
            ("dare_linear", "seed", "9007199254740992"),
            ("svd", "rank", "0"), ("svd", "rank", "1.5"), ("svd", "rank", "65537"),
        ] {
            #expect("\(name) \(value)") {
                try Combination(method: method, options: [(name, value)])
            } throws: { error in
                guard case .invalidOption(let option, value, _) = error as? CombinationError else { return false }
                return option == name
            }
        }
    }

    /// PEFT's embedding of a vocabulary of `rows` words, with a copy of the whole weight or not.
    private func embedding(rows: Int, copied: Bool, on base: BaseWeights) throws -> Binding {
        let stem = "base_model.model.layer"
        var tensors = [
            TestTensor("\(stem).lora_embedding_A", [1, rows], (0..<rows).map { Float($0) }),
            TestTensor("\(stem).lora_embedding_B", [3, 1], [1, -1, 2]),
        ]
        if copied {
            tensors.append(TestTensor("\(stem).base_layer.weight", [rows, 3], .init(repeating: 2, count: rows * 3)))
        }
        let config = try PEFTConfig(fields: ["peft_type": "LORA", "r": 1, "lora_alpha": 1])
        let binding = Binder.bind(
            try Adapter(tensors, config: config), to: base, names: NameTable(catalog: base.catalog))
        #expect(binding.report.refusal(allowsUnmatched: false) == nil, "\(binding.report)")
        return binding
    }

    /// Adding rows to a weight that another adapter had resized ended the process.
    @Test(
        "What was fitted to a shape that an adapter before it changes is refused; so is combining what changes shapes")
    func changedShapesAreRefused() throws {
        let base = [
            TestTensor("before.weight", [3], [1, 2, 3]),
            TestTensor("layer.weight", [4, 3], .init(repeating: 1, count: 12)),
        ].base
        let resized = try embedding(rows: 6, copied: true, on: base)
        let (plain, copied) = (
            try embedding(rows: 4, copied: false, on: base), try embedding(rows: 4, copied: true, on: base)
        )
        func check(_ bindings: [Binding]) throws(MergeError) {
            try MergePlan(base: base, steps: bindings.map { .init(binding: $0, strength: 1) }).checkShapes()
        }
        func part(_ binding: Binding) -> CombinationPart {
            CombinationPart(binding: binding, weight: 1, usesRankStabilisedScale: false)
        }
        try check([resized])
        try check([plain, resized])
        try check([resized, copied])
        try check([resized, resized])
        #expect(throws: MergeError.shapeChangedBefore(tensor: "layer.weight")) { try check([resized, plain]) }
        let sum = try Combination(method: "sum")
        let combined = try sum.binding(of: [part(plain), part(copied)], on: base)
        try check([plain, combined])
        #expect(throws: MergeError.shapeChangedBefore(tensor: "layer.weight")) { try check([resized, combined]) }
        #expect(throws: CombinationError.notCombinable(method: "sum", module: "layer", .changesShape)) {
            try sum.binding(of: [part(resized), part(plain)], on: base)
        }
    }

    @Test("A copy of a whole weight counts as its difference to the weight that is there")
    func wholeTensorsAreDifferences() throws {
        let base = [
            TestTensor("before.weight", [3], [1, 2, 3]),
            TestTensor("layer.weight", [4, 3], .init(repeating: 1, count: 12)),
        ].base
        // W = 2 everywhere, then i·(1, −1, 2) in row i.
        let copied = try embedding(rows: 4, copied: true, on: base)
        let part = CombinationPart(binding: copied, weight: 0.5, usesRankStabilisedScale: false)
        let binding = try Combination(method: "sum").binding(of: [part], on: base)
        let merged = try merged([.init(binding: binding, strength: 1)], base).view.values()
        #expect(
            merged == (0..<12).map { 1 + 0.5 * (1 + Float($0 / 3) * [1, -1, 2][$0 % 3]) })
    }
}
