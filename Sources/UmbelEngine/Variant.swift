internal import UmbelAdapters
internal import UmbelPOSIX
package import UmbelRegistry
internal import UmbelTensor

/// What a recipe evaluates to. Immutable; equal ids mean equal bytes.
package final class Variant: Sendable {
    /// 40 hexadecimal digits.
    package let id: String
    /// The reference with every adapter pinned to the digest it had.
    package let reference: ModelReference
    package let model: MergedModel

    package init(id: String, reference: ModelReference, model: MergedModel) {
        self.id = id
        self.reference = reference
        self.model = model
        mergedBytes = model.plan.touched.reduce(0) { $0 + Self.mergedBytes(of: $1, in: model) }
    }

    private static func mergedBytes(of tensor: Int, in model: MergedModel) -> Int {
        let type = model.outputType(model.base.weights.views[tensor].dtype)
        return model.plan.shape(of: tensor).elementCount * type.byteCount
    }

    /// Bytes of all tensors that the recipe computes.
    package let mergedBytes: Int

    /// Bytes of one of them.
    func mergedBytes(of tensor: Int) -> Int { Self.mergedBytes(of: tensor, in: model) }

    /// Bytes of the base's own tensors that the variant shares.
    package var sharedBytes: Int {
        let touched = model.plan.touched
        return model.base.weights.views.enumerated().reduce(0) { sum, item in
            touched.contains(item.offset) ? sum : sum + item.element.bytes.count
        }
    }

    /// A strong entity tag of one of its files. Never 64 digits, which Hub clients take for a SHA-256 of the bytes.
    package func entityTag(of path: String) -> String {
        String(SHA256.hex(of: "\(id)\n\(path)").prefix(40))
    }
}

/// A variant as a client sees it.
package struct VariantInfo: Sendable {
    package enum State: String, Sendable {
        case merging, ready
        /// Some tensors are in memory, from ranges that were read; the rest is merged when it is asked for.
        case partial
        /// Too large to be in memory whole beside what is pinned: every download merges what it needs as it goes.
        case streaming
    }

    package let variant: Variant
    package let state: State
    package let residentBytes: Int
    package let residentTensors: Int
    package let touchedTensors: Int
    package let mergeMilliseconds: Double
    package let hits: Int
    package let pinned: Bool
    package let lastUsed: Date
}

extension VariantInfo {
    /// A variant of which nothing is in memory any more.
    package init(released variant: Variant) {
        self.init(
            variant: variant, state: .partial, residentBytes: 0, residentTensors: 0,
            touchedTensors: variant.model.plan.touched.count, mergeMilliseconds: 0, hits: 0, pinned: false,
            lastUsed: .now)
    }
}
