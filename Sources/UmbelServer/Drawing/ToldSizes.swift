internal import UmbelFormats
internal import UmbelModels

/// `original_size`, `crops_coords_top_left` and `target_size`: what SDXL is told of a picture's size, each a list of two as
/// diffusers has it, height before width and top before left.
enum ToldSizes {
    /// - Parameter prefix: `negative_` for what it is told where it looks at the negative prompt.
    /// - Returns: nil if none of them is given.
    static func sizes(_ fields: BodyFields, prefix: String) throws -> DrawingRequest.Sizes? {
        let original = try pair(fields, prefix + "original_size")
        let corner = try pair(fields, prefix + "crops_coords_top_left")
        let target = try pair(fields, prefix + "target_size")
        guard original != nil || corner != nil || target != nil else { return nil }
        var sizes = DrawingRequest.Sizes()
        sizes.original = original.map { .init(height: $0.0, width: $0.1) }
        sizes.target = target.map { .init(height: $0.0, width: $0.1) }
        (sizes.top, sizes.left) = corner ?? (0, 0)
        return sizes
    }

    private static func pair(_ fields: BodyFields, _ name: String) throws -> (Int, Int)? {
        guard let value = fields.given(name) else { return nil }
        let numbers = value.array?.compactMap(\.integer) ?? []
        let range = DrawingFields.Limits.toldSide
        guard numbers.count == 2, value.array?.count == 2, numbers.allSatisfy(range.contains) else {
            throw RequestError.invalidField(
                name: fields.path(name),
                expected: "a list of two whole numbers from \(range.lowerBound) to \(range.upperBound)")
        }
        return (numbers[0], numbers[1])
    }
}
