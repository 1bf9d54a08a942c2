package import UmbelNames
package import UmbelTensor

/// An adapter algorithm: which tensors a module of it holds, and what they do to the base's weight.
///
/// Everything about an algorithm stands in its one file; `AlgorithmList` is the only other place that names it.
package protocol Algorithm: Sendable {
    /// The field's name, as reported ("lokr").
    static var name: String { get }
    /// Every role a module may hold, with all spellings. Roles that several algorithms share (alpha) are listed by each.
    static var roles: [RoleSpelling] { get }
    /// Is this module one of ours? Asked in the order of the list; the first that says yes has it.
    static func claims(_ module: ModuleFactors, in context: AdapterContext) -> Bool
    /// The rank that the tensors tell; nil if the algorithm has none or they do not tell it.
    static func rank(of module: ModuleFactors) -> Int?
    /// Checks the module against the base's shapes and prepares what merging needs.
    static func patches(
        for module: ModuleFactors, on target: Target, in context: AdapterContext
    ) throws(ModuleError) -> [Patch]
}

extension Algorithm {
    package static func rank(of module: ModuleFactors) -> Int? { nil }
}

/// One change to one view of the base.
package struct Patch: Sendable {
    package enum Change: Sendable {
        /// Recomputes the values. `bound` says how much at most, where that is cheap to say.
        case transform(WeightTransform, bound: ChangeBound?)
        /// Adds to this view what comes of another one, read as it is when the patch is applied.
        case derive(from: TargetView, any DerivedTransform)
        /// Puts the adapter's own tensor in place, whatever the strength. May change the first axis.
        case replace(TensorView)
        /// Pads the weight with zeros to this shape first.
        case pad(shape: [Int])
        /// A tensor that the base lacks.
        case add(component: String, name: String, TensorView)
        /// Adds what a combination makes of several adapters' differences.
        case combined(CombinedChange)
        /// A factor that this base has no place for, though the rest of the module fits: reported, not merged.
        case leftOut(key: String, reason: String)
    }

    /// The view that is changed; nil for a tensor that is added or left out.
    package let view: TargetView?
    package let change: Change

    package init(_ view: TargetView?, _ change: Change) {
        self.view = view
        self.change = change
    }

    package init(_ view: TargetView, _ transform: WeightTransform, bound: ChangeBound? = nil) {
        self.init(view, .transform(transform, bound: bound))
    }

    /// Every tensor that is read or changed.
    package var tensors: Set<Int> {
        let own = view?.tensors ?? []
        return switch change {
        case .derive(let source, _): own.union(source.tensors)
        case .combined(let combined): own.union(combined.tensors)
        default: own
        }
    }

    /// Whole tensors come before differences, whatever the order in the file.
    package var phase: Int {
        switch change {
        case .add, .replace, .leftOut: 0
        case .pad: 1
        // The base was changed for all modules before any of them was trained; of two on one tied tensor too.
        case .transform, .derive, .combined: isStart ? 1 : 2
        }
    }

    /// Takes the start of the training out of the base.
    package var isStart: Bool {
        if case .transform(.matrix(let transform), _) = change { transform is SingularBase } else { false }
    }
}

extension Target {
    /// The weight's view, which the module must have.
    package func requireWeight(_ module: ModuleFactors) throws(ModuleError) -> TargetView {
        guard let weight else { throw .noSuchParameter(module: module.stem, parameter: "weight") }
        return weight
    }
}

extension TargetView {
    package var rows: Int { shape.first ?? 1 }
    package var columns: Int { shape.flattenedColumns }
    /// Size of the second axis: the inputs, or inputs per group of a convolution.
    package var inputs: Int { shape.count > 1 ? shape[1] : 1 }
    /// Product of the kernel axes; 1 for a linear layer.
    package var kernel: Int { shape.dropFirst(2).reduce(1, *) }

    /// The same weight with its two axes exchanged. Only for a view of one piece that is a whole matrix.
    package var transposed: TargetView? {
        guard pieces.count == 1, shape.count == 2, var piece = pieces.first, !piece.halvesSwapped, piece.rows == nil
        else { return nil }
        piece.transposed.toggle()
        return TargetView(pieces: [piece], shape: [shape[1], shape[0]])
    }
}
