internal import UmbelEngine
internal import UmbelFormats
internal import UmbelTensor

/// A comparison of two models as JSON.
enum ComparisonView {
    /// - Parameter limit: how many tensors are listed.
    static func object(
        _ comparison: ModelComparison, a: (name: String, variant: Variant), b: (name: String, variant: Variant),
        limit: Int
    ) -> JSON {
        [
            "object": "comparison", "base": .string(a.variant.model.base.name),
            "a": ["model": .string(a.name), "variant": .string(a.variant.id)],
            "b": ["model": .string(b.name), "variant": .string(b.variant.id)],
            "overall": part(comparison.overall, []),
            "components": .array(comparison.components.map { part($0, [.init("component", .string($0.name))]) }),
            "blocks": .array(comparison.blocks.map { part($0, [.init("block", .string($0.name))]) }),
            "changed_tensors": JSON(comparison.tensors.count),
            "tensors": .array(comparison.tensors.prefix(limit).map(tensor)),
            "unmatched": .array(comparison.unmatched.map(unmatched)),
        ]
    }

    private static func part(_ part: ModelComparison.Part, _ name: [JSON.Member]) -> JSON {
        .object(
            name + [.init("tensors", JSON(part.tensors))] + numbers(part.sums, hasBase: true)
                + [.init("largest", largest(part.largest, withTensor: true))])
    }

    private static func tensor(_ tensor: ModelComparison.Tensor) -> JSON {
        .object(
            [
                .init("tensor", .string(tensor.name)), .init("block", .string(tensor.block)),
                .init("shape", .array(tensor.shape.map { JSON($0) })),
            ] + numbers(tensor.sums, hasBase: tensor.hasBase)
                + [.init("largest", largest(tensor.largest, withTensor: false))])
    }

    private static func numbers(_ sums: DifferenceSums, hasBase: Bool) -> [JSON.Member] {
        func ofBase(_ number: Double?) -> JSON { hasBase ? optional(number) : .null }
        return [
            .init("elements", JSON(sums.elements)),
            .init("equal_share", optional(sums.elements > 0 ? Double(sums.equal) / Double(sums.elements) : nil)),
            .init("relative_distance", optional(sums.relativeDistance)),
            .init("relative_to_base", ofBase(sums.distanceToBaseNorm)),
            .init("cosine", ofBase(sums.cosine)),
            .init(
                "norms",
                [
                    "a": JSON(sums.squaresA.squareRoot()), "b": JSON(sums.squaresB.squareRoot()),
                    "base": ofBase(sums.squaresBase.squareRoot()), "a_minus_b": JSON(sums.distance),
                    "a_minus_base": ofBase(sums.squaresChangeA.squareRoot()),
                    "b_minus_base": ofBase(sums.squaresChangeB.squareRoot()),
                ]),
        ]
    }

    private static func optional(_ number: Double?) -> JSON { number.map { JSON($0) } ?? .null }

    private static func largest(_ largest: ModelComparison.Largest?, withTensor: Bool) -> JSON {
        guard let largest else { return .null }
        let place: [JSON.Member] = [
            .init("change", JSON(largest.change)), .init("index", .array(largest.index.map { JSON($0) })),
        ]
        return .object((withTensor ? [.init("tensor", .string(largest.tensor))] : []) + place)
    }

    private static func unmatched(_ tensor: ModelComparison.Unmatched) -> JSON {
        func shape(_ shape: [Int]?) -> JSON { shape.map { .array($0.map { JSON($0) }) } ?? .null }
        return ["tensor": .string(tensor.name), "shape_a": shape(tensor.shapeA), "shape_b": shape(tensor.shapeB)]
    }
}
