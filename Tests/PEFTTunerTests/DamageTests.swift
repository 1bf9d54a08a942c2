import Testing
import UmbelAdapters
import UmbelFormats
import UmbelNames
import UmbelTensor

/// Every factor of every golden, damaged in every way of a list: the module is refused, or what it gives can be applied.
@Suite struct DamageTests {
    enum Damage: CaseIterable {
        case missing, empty, one, longer, flat, extraAxis, integers

        func apply(to view: TensorView) -> TensorView? {
            switch self {
            case .missing: nil
            case .empty: Make.tensor([0])
            case .one: Make.tensor([1])
            case .longer: Make.tensor([(view.shape.first ?? 0) + 1] + view.shape.dropFirst())
            case .flat: Make.tensor([view.elementCount])
            case .extraAxis: Make.tensor([2, 2, 2])
            case .integers: Make.integers(view.shape, [Int32](repeating: 1 << 20, count: view.elementCount))
            }
        }
    }

    /// One case a tuner is enough: the files of a tuner differ in numbers.
    static let samples: [GoldenCase] = Dictionary(grouping: GoldenCase.tuners) { $0.id.prefix { $0 != "-" } }
        .values.compactMap(\.first).sorted { $0.id < $1.id }

    @Test(arguments: samples, Damage.allCases)
    func aDamagedFactorIsRefusedOrHarmless(golden: GoldenCase, damage: Damage) throws {
        let base = try TinyBase(golden)
        let adapter = try TinyAdapter(folder: golden.adapterFolder)
        for module in adapter.modules.prefix(2) {
            for role in module.factors.keys {
                var factors = module.factors
                factors[role] = module[role].flatMap { damage.apply(to: $0) }
                try attempt(
                    Make.module(stem: module.stem, factors), on: base.target(adapter.context.patternPath(module.stem)),
                    adapter.context)
            }
        }
    }

    @Test(arguments: samples, Damage.allCases)
    func aDamagedSharedTensorIsRefusedOrHarmless(golden: GoldenCase, damage: Damage) throws {
        let base = try TinyBase(golden)
        let adapter = try TinyAdapter(folder: golden.adapterFolder)
        for (name, view) in adapter.context.shared {
            var context = adapter.context
            context.shared[name] = damage.apply(to: view)
            for module in adapter.modules {
                try attempt(module, on: base.target(context.patternPath(module.stem)), context)
            }
        }
    }

    @Test(arguments: samples, [[1], [1, 1], [7, 5], [3, 2, 3, 3], [4, 0]])
    func anotherShapeOfTheBaseIsRefusedOrHarmless(golden: GoldenCase, shape: [Int]) throws {
        let adapter = try TinyAdapter(folder: golden.adapterFolder)
        for module in adapter.modules.prefix(2) {
            for bias in [nil, 1, 3] { try attempt(module, on: Make.target(shape, bias: bias), adapter.context) }
        }
    }

    @Test(arguments: samples)
    func withoutSettingsNothingIsGuessed(golden: GoldenCase) throws {
        let base = try TinyBase(golden)
        let adapter = try TinyAdapter(folder: golden.adapterFolder)
        for module in adapter.modules.prefix(1) {
            try attempt(module, on: base.target(adapter.context.patternPath(module.stem)), AdapterContext())
        }
    }

    private func attempt(_ module: ModuleFactors, on target: Target, _ context: AdapterContext) throws {
        guard let algorithm = AlgorithmList.all.first(where: { $0.claims(module, in: context) }) else { return }
        let patches: [Patch]
        do {
            patches = try algorithm.patches(for: module, on: target, in: context)
        } catch {
            #expect(!error.code.isEmpty)
            return
        }
        for patch in patches {
            guard case .transform(let transform, _) = patch.change, let view = patch.view else { continue }
            let matrix = Matrix(rows: view.rows, columns: view.columns, repeating: 0.5)
            try transform.apply(to: matrix, strength: 0.5, pool: ComputePool(threads: 1))
        }
    }
}
