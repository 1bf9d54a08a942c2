internal import Glibc
package import UmbelAdapters
internal import UmbelFormats
internal import UmbelNames
internal import UmbelPOSIX
internal import UmbelTensor

/// A merge that is built in: a small base and an adapter of every kind, made of whole numbers, whose merged bytes are the
/// same on every machine or something is wrong with it.
package struct SelfTest {
    /// SHA-256 of all merged bytes. Changes with `VariantIdentity.numericsVersion` only.
    package static let expectedDigest = "87b6937b5f93c899dfebe17c1a7562ed8b23321bcafe12d542fff05b927e00fd"

    /// What one set of kernels gave.
    package struct Outcome: Sendable {
        package let kernels: String
        package let threads: Int
        package let digest: String
        package var isExpected: Bool { digest == SelfTest.expectedDigest }
    }

    private let plan: MergePlan

    /// - Throws: `EngineError` if the adapter cannot be written to the folder for temporary files, or read from it.
    package init() throws(EngineError) {
        let base = Self.base
        let binding = Binder.bind(try Self.adapter(), to: base, names: NameTable(catalog: base.catalog))
        guard binding.report.refusal(allowsUnmatched: false) == nil else {
            throw .internalInconsistency("the built-in adapter does not fit: \(binding.report.errors)")
        }
        // Twice at other strengths, so that chains are merged too.
        plan = MergePlan(
            base: base,
            steps: [.init(binding: binding, strength: 0.75), .init(binding: binding, strength: -0.3125)])
    }

    /// Merges with every set of kernels that runs here, with one thread and with two, and goes back to the one in use.
    ///
    /// - Throws: `MergeError` for a result that is not finite.
    package func run() throws(MergeError) -> [Outcome] {
        let before = KernelSet.chosen
        defer { KernelSet.choose(before) }
        var outcomes: [Outcome] = []
        for kernels in KernelSet.available {
            KernelSet.choose(kernels)
            for threads in [1, 2] {
                outcomes.append(Outcome(kernels: kernels, threads: threads, digest: try digest(threads: threads)))
            }
        }
        return outcomes
    }

    private func digest(threads: Int) throws(MergeError) -> String {
        let merger = TensorMerger(plan: plan, pool: ComputePool(threads: threads))
        let digest = SHA256()
        for tensor in plan.touched.sorted() {
            guard let merged = try merger.merge(tensor)[tensor] else { continue }
            withExtendedLifetime(merged) { digest.update(merged.bytes) }
        }
        return digest.finish()
    }

    // MARK: What is merged

    private static let dtypes: [DType] = [.bf16, .f16, .f32, .f8e4m3]
    private static let shapes = [[96, 160], [48, 20, 3, 3]]

    /// A layer of the base and the algorithm of its adapter.
    private struct Layer {
        let name: String
        let shape: [Int]
        let dtype: DType
        let algorithm: String
    }

    private static let layers: [Layer] = dtypes.flatMap { dtype in
        shapes.flatMap { shape in
            algorithms.map { algorithm in
                let name = "\(algorithm)_\(dtype.rawValue.lowercased())_\(shape.count)"
                return Layer(name: name, shape: shape, dtype: dtype, algorithm: algorithm)
            }
        }
    }

    private static let algorithms = [
        "lora", "tucker", "loha", "lokr", "full", "doraout", "dorain", "ia3", "glora", "diagoft", "boft",
        "tlora",
    ]

    private static var base: BaseWeights {
        let catalog = BaseCatalog(
            tensors: layers.map { BaseTensor(name: "\($0.name).weight", shape: $0.shape) }, modelType: nil, heads: nil,
            tiesEmbeddings: false, componentClasses: [:])
        let views = layers.enumerated().map { index, layer in
            var numbers = Numbers(seed: UInt64(index + 1))
            let values = numbers.next(layer.shape.elementCount, scale: 1)
            return StoredNumbers(values, dtype: layer.dtype, shape: layer.shape).view
        }
        return BaseWeights(catalog: catalog, views: views)
    }

    private static func adapter() throws(EngineError) -> Adapter {
        var tensors: [(name: String, shape: [Int], values: [Float])] = []
        for (index, layer) in layers.enumerated() {
            var numbers = Numbers(seed: UInt64(1000 + index))
            for (role, shape, scale) in factors(of: layer) {
                let values =
                    role == "on_input"
                    ? [layer.shape.count > 2 ? 1 : 0] : numbers.next(shape.elementCount, scale: scale)
                tensors.append(("lycoris_\(layer.name).\(role)", shape, role == "alpha" ? [2] : values))
            }
        }
        let layout = SafetensorsLayout(
            tensors: tensors.map { .init(name: $0.name, dtype: .f32, shape: $0.shape) }, metadata: nil)
        let path = "/tmp/umbel-selftest.\(getpid()).safetensors"
        let bytes = layout.header + tensors.flatMap { $0.values.withUnsafeBytes { Array($0) } }
        do throws(SystemError) {
            try AtomicFile.write(bytes, to: path)
        } catch {
            throw .system(error)
        }
        defer { unlink(path) }
        return try AdapterFile.open(tensors: path, config: nil)
    }

    /// Role, shape and magnitude of an adapter's tensors for a layer.
    private static func factors(of layer: Layer) -> [(String, [Int], Float)] {
        let (out, inputs, kernel) = (layer.shape[0], layer.shape[1], Array(layer.shape.dropFirst(2)))
        let columns = inputs * kernel.reduce(1, *)
        let ones = kernel.map { _ in 1 }
        let rank = 5
        let alpha = ("alpha", [Int](), Float(1))
        let pair: [(String, [Int], Float)] = [
            ("lora_up.weight", [out, rank] + ones, 0.25), ("lora_down.weight", [rank, inputs] + kernel, 0.25), alpha,
        ]
        switch layer.algorithm {
        case "tucker" where !kernel.isEmpty:
            return [
                ("lora_up.weight", [out, rank] + ones, 0.25), ("lora_down.weight", [rank, inputs] + ones, 0.25),
                ("lora_mid.weight", [rank, rank] + kernel, 0.5), alpha,
            ]
        case "loha":
            return [
                ("hada_w1_a", [out, rank], 0.5), ("hada_w1_b", [rank, columns], 0.5), ("hada_w2_a", [out, rank], 0.5),
                ("hada_w2_b", [rank, columns], 0.5), alpha,
            ]
        case "lokr": return [("lokr_w1", [4, 4], 0.5), ("lokr_w2", [out / 4, inputs / 4] + kernel, 0.25)]
        case "full": return [("diff", layer.shape, 0.25)]
        case "doraout": return pair + [("dora_scale", [out, 1] + ones, 4)]
        case "dorain": return pair + [("dora_scale", [1, inputs] + ones, 4)]
        case "ia3": return [("weight", kernel.isEmpty ? [out] : [1, inputs] + ones, 0.5), ("on_input", [], 1)]
        case "glora":
            return [
                ("a1.weight", [inputs, rank] + ones, 0.25), ("a2.weight", [rank, inputs] + ones, 0.25),
                ("b1.weight", [out, rank] + ones, 0.25), ("b2.weight", [rank, inputs] + kernel, 0.25), alpha,
            ]
        case "tlora" where kernel.isEmpty:
            return [
                ("q_layer.weight", [rank, inputs], 0.25), ("p_layer.weight", [out, rank], 0.25),
                ("lambda_layer", [1, rank], 1), alpha,
            ]
        case "diagoft": return [("oft_blocks", [out / 8, 8, 8], 0.25)]
        case "boft": return [("oft_blocks", [3, 4, out / 4, out / 4], 0.25)]
        default: return pair
        }
    }
}

/// Whole numbers from a fixed seed, divided by a power of two: the same everywhere.
private struct Numbers {
    private var state: UInt64

    init(seed: UInt64) { state = seed &* 0x9e37_79b9_7f4a_7c15 }

    /// Numbers from -scale up to scale.
    mutating func next(_ count: Int, scale: Float) -> [Float] {
        (0..<count).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return (Float(state >> 52) - 2048) / 2048 * scale
        }
    }
}

/// Numbers in the storage of a type.
private final class StoredNumbers: @unchecked Sendable {
    // Sendable: written before anybody has it.
    private let memory: UnsafeMutableRawBufferPointer
    private let dtype: DType
    private let shape: [Int]

    init(_ values: [Float], dtype: DType, shape: [Int]) {
        self.dtype = dtype
        self.shape = shape
        let matrix = Matrix(rows: 1, columns: values.count, values: values)
        let bytes = UnsafeRawBufferPointer(start: matrix.start, count: values.count * DType.f32.byteCount)
        let wide = TensorView(dtype: .f32, shape: shape, bytes: bytes, owner: matrix)
        memory = .allocate(byteCount: values.count * dtype.byteCount, alignment: 64)
        memory.copyBytes(from: wide.converted(0..<values.count, to: dtype))
    }

    deinit { memory.deallocate() }

    var view: TensorView {
        TensorView(dtype: dtype, shape: shape, bytes: UnsafeRawBufferPointer(memory), owner: self)
    }
}
