import Synchronization
import UmbelAdapters
import UmbelFormats
import UmbelNames
import UmbelPOSIX
import UmbelTensor

/// An adapter bound to a resident model.
struct MergeCase {
    let name: String
    let model: ResidentModel
    let plan: MergePlan
    /// One tensor of each group that is merged together, in the model's order.
    let groups: [Int]
    private let smallGroups: [Int]
    private let largeGroups: [Int]
    let touched: [TensorView]
    /// Of the touched tensors of the base; what is merged has as many.
    let byteCount: Int
    private let file: SafetensorsFile
    private let binding: Binding
    /// What the adapter was generated as, where it was.
    private let generated: AdapterCase?

    /// Generates an adapter and binds it.
    ///
    /// - Throws: what a user would be told, if the adapter does not fit.
    init(_ adapter: AdapterCase, rank: Int?, limit: Int, model: ResidentModel, folder: String) throws {
        let path = folder + "/adapter.safetensors"
        let tensors = adapter.tensors(for: model.shape, rank: rank ?? 0, limit: limit)
        try GeneratedFile.write(tensors, dtype: .bf16, to: path)
        let config = try adapter.config.map { try PEFTConfig(fields: $0(rank ?? 0)) }
        try self.init(adapter.name, path: path, config: config, model: model, generated: adapter)
    }

    /// Binds the adapter of a file.
    ///
    /// - Throws: what a user would be told, if the adapter does not fit.
    init(
        _ name: String, path: String, config: PEFTConfig?, model: ResidentModel, generated: AdapterCase? = nil
    ) throws {
        self.name = name
        self.model = model
        self.generated = generated
        file = try SafetensorsFile(path: path)
        let opened = try Adapter(file: file, config: config)
        var binding = Binder.bind(opened, to: model.weights, names: model.table)
        binding.source = name
        self.binding = binding
        if let refusal = binding.report.refusal(allowsUnmatched: false) {
            let report = binding.report
            let details = report.errors.prefix(1).map { "\($0)" } + report.unmatched.prefix(1).map { "\($0)" }
            throw CheckFailure("\(name): \(refusal) \(details) \(report.unknownKeys.prefix(1))")
        }
        let plan = MergePlan(base: model.weights, steps: [.init(binding: binding, strength: 0.7)])
        self.plan = plan
        let touched = plan.touched.sorted()
        let groups = touched.filter { plan.cluster(of: $0).first == $0 }
        self.groups = groups
        let isSmall = { (group: Int) in
            plan.cluster(of: group).reduce(0) { $0 + model.weights.views[$1].bytes.count } < Self.largeFrom
        }
        smallGroups = groups.filter(isSmall)
        largeGroups = groups.filter { !isSmall($0) }
        self.touched = touched.map { model.weights.views[$0] }
        byteCount = self.touched.reduce(0) { $0 + $1.bytes.count }
    }

    /// Clusters of fewer bytes are merged side by side, each on one thread, as for a variant that becomes resident.
    private static let largeFrom = 256 << 10

    /// Merges everything that the adapter touches.
    ///
    /// - Parameter use: what is done with each merged tensor, on any thread and in any order. One that it does not keep is
    ///   let go of before the thread goes on, as downloads do.
    func merge(
        on pool: ComputePool, deltas: (any DeltaKeeper)? = nil, _ use: @Sendable (MergedTensor) -> Void = { _ in }
    ) throws {
        let merger = TensorMerger(plan: plan, pool: pool, deltas: deltas)
        let failure = Mutex<(any Error)?>(nil)
        pool.forEach(smallGroups.count) { index in
            do {
                for (_, tensor) in try merger.merge(smallGroups[index]) { use(tensor) }
            } catch {
                failure.withLock { $0 = error }
            }
        }
        if let error = failure.withLock({ $0 }) { throw error }
        for group in largeGroups { for (_, tensor) in try merger.merge(group) { use(tensor) } }
    }

    /// Merges everything that the adapter touches and keeps it, as a variant that becomes resident does.
    func mergeAndKeep(on pool: ComputePool) throws -> [MergedTensor] {
        let kept = Mutex<[MergedTensor]>([])
        try merge(on: pool) { tensor in kept.withLock { $0.append(tensor) } }
        return kept.withLock { $0 }
    }

    /// The adapter's own values, as they lie in its file.
    var adapterBytes: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: file.mapping.bytes[file.index.dataStart...])
    }

    /// Compares what was merged with what is known about it.
    ///
    /// - Returns: a checksum of all merged bytes.
    func check(on pool: ComputePool) throws -> UInt64 {
        let idle = MergePlan(base: model.weights, steps: [.init(binding: binding, strength: 0)])
        guard idle.touched.isEmpty else { throw CheckFailure("\(name): scale 0 touches the base") }
        for group in groups.prefix(2) {
            let one = try TensorMerger(plan: plan, pool: ComputePool(threads: 1)).merge(group)
            let many = try TensorMerger(plan: plan, pool: pool).merge(group)
            for (tensor, merged) in one {
                guard let other = many[tensor], other.bytes.elementsEqual(merged.bytes) else {
                    throw CheckFailure("\(name): the number of threads changes \(model.weights.label(tensor))")
                }
            }
        }
        if let generated, generated.name == "lora" { try checkLoRA(generated, on: pool) }
        return try checksum(on: pool)
    }

    /// Of all merged bytes.
    func checksum(on pool: ComputePool, deltas: (any DeltaKeeper)? = nil) throws -> UInt64 {
        var sum: UInt64 = 0
        let merger = TensorMerger(plan: plan, pool: pool, deltas: deltas)
        for group in groups {
            for (_, tensor) in try merger.merge(group).sorted(by: { $0.key < $1.key }) {
                for offset in stride(from: 0, to: tensor.byteCount - 7, by: 8) {
                    let word = tensor.bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
                    sum = (sum &* 0x0000_0100_0000_01b3) ^ word
                }
            }
        }
        return sum
    }

    /// W + m·(α/r)·up·down in f64 at some elements of some layers.
    private func checkLoRA(_ adapter: AdapterCase, on pool: ComputePool) throws {
        let layers = model.shape.layers
        for index in stride(from: 0, to: layers.count, by: max(1, layers.count / 5)) {
            let layer = layers[index]
            let stem = adapter.stem(layer, model.shape)
            guard let down = file.view(stem + ".lora_down.weight"), let up = file.view(stem + ".lora_up.weight"),
                let alpha = file.view(stem + ".alpha"),
                let tensor = model.weights.catalog.tensors.firstIndex(where: { $0.name == layer.path + ".weight" }),
                let merged = try TensorMerger(plan: plan, pool: pool).merge(tensor)[tensor]?.view
            else { continue }
            let base = model.weights.views[tensor]
            let (rank, columns) = (down.shape[0], layer.elements / layer.outputs)
            for step in 0..<64 {
                let element = step * 7919 * 131 % layer.elements
                let (row, column) = (element / columns, element % columns)
                let product = (0..<rank).reduce(0.0) { sum, inner in
                    sum + up.number(at: row * rank + inner) * down.number(at: inner * columns + column)
                }
                let exact = base.number(at: element) + 0.7 * alpha.number(at: 0) / Double(rank) * product
                let (relative, absolute) = Self.rounding(to: base.dtype)
                guard abs(merged.number(at: element) - exact) <= abs(exact) * relative + absolute else {
                    throw CheckFailure("lora: \(layer.path)[\(element)] is \(merged.number(at: element)), not \(exact)")
                }
            }
        }
    }
}

extension MergeCase {
    /// How far a rounded number may be from the exact one: relative to it, and beside that where the type has no smaller steps.
    private static func rounding(to dtype: DType) -> (relative: Double, absolute: Double) {
        switch dtype {
        case .bf16: (0x1p-8, 1e-6)
        case .f16: (0x1p-11, 1e-6)
        case .f8e4m3: (0x1p-4, 0x1p-10)
        default: (0x1p-22, 1e-6)
        }
    }
}

/// A result that is wrong, so that its speed means nothing.
struct CheckFailure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}
