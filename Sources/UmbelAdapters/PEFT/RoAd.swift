internal import UmbelFormats
package import UmbelNames
internal import UmbelTensor

/// RoAd: W' = R·W and b' = R·b, where R turns pairs of outputs.     arXiv 2409.00119
///
/// In a group of g = `group_size` outputs, j < g/2 pairs with j + g/2: y[j] = c₁[j]·x[j] − c₂[j]·x[j+g/2] and
/// y[j+g/2] = c₁[j+g/2]·x[j+g/2] + c₂[j+g/2]·x[j], with c₁ = α·cos θ and c₂ = α·sin θ.
/// road_2: α, θ (out). road_1: (out/2), g/2 a group, used for both halves. road_4: (2·out) as (group, 2, g): c₁ from the first,
/// c₂ from the second. Strength: W + m·(W' − W), biases alike. Source: PEFT `tuners/road/layer.py`.
package struct RoAd: Algorithm {
    package static let name = "road"

    static let angle: Role = "road_theta"
    static let scale: Role = "road_alpha"

    package static let roles = [RoleSpelling(angle), RoleSpelling(scale)]

    package static func claims(_ module: ModuleFactors, in context: AdapterContext) -> Bool {
        module.has(angle) || module.has(scale)
    }

    package static func patches(
        for module: ModuleFactors, on target: Target, in context: AdapterContext
    ) throws(ModuleError) -> [Patch] {
        let view = try target.requireWeight(module)
        let angles = try module.require(angle).values().map { Double($0) }
        let scales = try module.require(scale).values().map { Double($0) }
        let group = try context.requireNumber("group_size", module)
        let variant = context.config(for: module.stem)?.fields["variant"]?.string ?? "road_1"
        guard let group = Int(exactly: group), group > 0, group % 2 == 0, view.rows % group == 0 else {
            throw .notMergeable(module: module.stem, reason: "group_size \(group) does not divide \(view.rows) outputs")
        }
        guard let layout = RoAdLayout(rawValue: variant) else {
            throw .notMergeable(module: module.stem, reason: "the variant \(variant) of RoAd is unknown")
        }
        let count = layout.count(outputs: view.rows)
        guard angles.count == count else { throw module.mismatch(angle, expected: "[\(count)]") }
        guard scales.count == count else { throw module.mismatch(scale, expected: "[\(count)]") }
        var (first, second) = ([Double](), [Double]())
        for output in 0..<view.rows {
            let places = layout.places(output: output, group: group)
            first.append(scales[places.first] * ElementaryFunctions.cosine(angles[places.first]))
            second.append(scales[places.second] * ElementaryFunctions.sine(angles[places.second]))
        }
        let transform = WeightTransform.rows(PairRotation(rowGroup: group, first: first, second: second))
        return try [Patch(view, transform)] + (target.bias(beside: view, module).map { [Patch($0, transform)] } ?? [])
    }
}

/// Where the numbers of an output stand.
private enum RoAdLayout: String {
    case one = "road_1"
    case two = "road_2"
    case four = "road_4"

    func count(outputs: Int) -> Int {
        switch self {
        case .one: outputs / 2
        case .two: outputs
        case .four: 2 * outputs
        }
    }

    func places(output: Int, group: Int) -> (first: Int, second: Int) {
        let (index, within) = (output / group, output % group)
        switch self {
        case .one:
            let place = index * (group / 2) + within % (group / 2)
            return (place, place)
        case .two: return (output, output)
        case .four: return (index * 2 * group + within, index * 2 * group + group + within)
        }
    }
}

private struct PairRotation: RowTransform {
    let rowGroup: Int
    let first: [Double]
    let second: [Double]

    func apply(to tile: RowTile, strength: Double) {
        let half = rowGroup / 2
        for start in stride(from: 0, to: tile.rows, by: rowGroup) {
            for row in start..<start + half {
                let (lower, upper) = (tile.firstRow + row, tile.firstRow + row + half)
                let keepLower = Float(1 + strength * (first[lower] - 1))
                let keepUpper = Float(1 + strength * (first[upper] - 1))
                let (fromUpper, fromLower) = (Float(-strength * second[lower]), Float(strength * second[upper]))
                let (x, y) = (tile.row(row), tile.row(row + half))
                for column in 0..<tile.columns {
                    let (a, b) = (x[column], y[column])
                    x[column] = keepLower * a + fromUpper * b
                    y[column] = keepUpper * b + fromLower * a
                }
            }
        }
    }
}
