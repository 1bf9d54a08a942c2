import UmbelAdapters
import UmbelFormats
import UmbelNames
import UmbelTensor

/// Values for tests, written where they are used.
enum Make {
    private final class Storage {
        let buffer: UnsafeMutableRawBufferPointer
        init(byteCount: Int) { buffer = .allocate(byteCount: max(1, byteCount), alignment: 8) }
        deinit { buffer.deallocate() }
    }

    /// A tensor with the given elements; those left out repeat the pattern 0.1, 0.2, … 0.7.
    static func tensor(_ shape: [Int], _ values: [Float]? = nil) -> TensorView {
        let values = values ?? (0..<shape.elementCount).map { Float($0 % 7 + 1) / 10 }
        return view(.f32, shape, values)
    }

    static func integers(_ shape: [Int], _ values: [Int32]) -> TensorView { view(.i32, shape, values) }

    private static func view<T>(_ dtype: DType, _ shape: [Int], _ values: [T]) -> TensorView {
        let storage = Storage(byteCount: values.count * MemoryLayout<T>.stride)
        values.withUnsafeBytes { storage.buffer.copyMemory(from: $0) }
        let bytes = UnsafeRawBufferPointer(rebasing: storage.buffer[..<(values.count * MemoryLayout<T>.stride)])
        return TensorView(dtype: dtype, shape: shape, bytes: bytes, owner: storage)
    }

    static func module(stem: String = "base_model.model.layer", _ factors: [Role: TensorView]) -> ModuleFactors {
        var module = ModuleFactors(stem: stem)
        for (role, view) in factors { _ = module.add(role, key: "\(stem).\(role.rawValue)", view) }
        return module
    }

    static func view(_ shape: [Int], tensor: Int = 0, transposed: Bool = false) -> TargetView {
        var piece = Piece(tensor: tensor)
        piece.transposed = transposed
        return TargetView(pieces: [piece], shape: shape)
    }

    static func target(_ shape: [Int]?, bias: Int? = nil, module: String = "layer", transposed: Bool = false) -> Target
    {
        Target(
            component: "", module: module, weight: shape.map { view($0, transposed: transposed) },
            bias: bias.map { view([$0], tensor: 1) })
    }

    static func context(_ fields: JSON) throws -> AdapterContext {
        var context = AdapterContext()
        context.peft = try PEFTConfig(fields: fields)
        return context
    }

    /// What the patches that transform the weight make of it, one after the other.
    static func merged(_ patches: [Patch], _ matrix: Matrix, strength: Double = 1) throws -> [Float] {
        let result = matrix.copy()
        for patch in patches where patch.view?.pieces.first?.tensor == 0 {
            guard case .transform(let transform, _) = patch.change else { continue }
            try transform.apply(to: result, strength: strength, pool: ComputePool(threads: 1))
        }
        return result.values
    }
}
