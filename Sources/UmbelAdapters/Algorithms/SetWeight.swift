package import UmbelNames
internal import UmbelTensor

/// A new value instead of a difference: W' = set_weight, at any strength. Control adapters hold a few of these.
package struct SetWeight: Algorithm {
    package static let name = "set"

    private static let value: Role = "set_weight"

    package static let roles = [RoleSpelling(value)]

    package static func claims(_ module: ModuleFactors, in context: AdapterContext) -> Bool { module.has(value) }

    package static func patches(
        for module: ModuleFactors, on target: Target, in context: AdapterContext
    ) throws(ModuleError) -> [Patch] {
        let view = try target.requireWeight(module)
        let tensor = try module.require(value)
        guard tensor.shape == view.shape else { throw module.mismatch(value, expected: view.shape.shapeText) }
        return [Patch(view, .replace(tensor))]
    }
}
