internal import UmbelNames
internal import UmbelTensor

/// `reshape_weight`: the shape that the base's weight is to be zero-padded to before the pair is added, for adapters that
/// widen a layer (control inputs of 128 channels where the base has 64).
enum PaddedWeight {
    static let role: Role = "reshape_weight"

    /// The layers that take the image in: control adapters widen them without saying so (names.md 6).
    private static let inputs: Set<String> = ["img_in", "x_embedder"]

    /// The padding, and the view as it is then; the view itself where the module asks for none.
    static func apply(
        _ module: ModuleFactors, _ view: TargetView, of target: String
    ) throws(ModuleError) -> (view: TargetView, patches: [Patch]) {
        guard let stored = module[role] else { return widened(module, view, of: target) }
        // Sizes beyond 2²⁴ are no layer's; -1 stands for what is no size at all.
        let sizes = (0..<stored.elementCount).map { index -> Int in
            let size = stored.number(at: index)
            return size == size.rounded() && size >= 0 && size <= 0x1p24 ? Int(size) : -1
        }
        let isLarger = sizes.count == view.shape.count && zip(sizes, view.shape).allSatisfy { $0 >= $1 }
        guard isLarger, view.wholeTensor != nil else {
            throw .shapeMismatch(
                module: module.stem, key: module.key(role), shape: sizes, expected: "at least \(view.shape.shapeText)")
        }
        if sizes == view.shape { return (view, []) }
        return (TargetView(pieces: view.pieces, shape: sizes), [Patch(view, .pad(shape: sizes))])
    }

    private static func widened(
        _ module: ModuleFactors, _ view: TargetView, of target: String
    ) -> (view: TargetView, patches: [Patch]) {
        guard inputs.contains(target), view.wholeTensor != nil, view.shape.count == 2,
            let down = module[.down]?.shape, down.count == 2, down[1] > view.shape[1]
        else { return (view, []) }
        let shape = [view.shape[0], down[1]]
        return (TargetView(pieces: view.pieces, shape: shape), [Patch(view, .pad(shape: shape))])
    }
}
