/// What a factor is within its module. The raw value is its usual spelling in a file.
package struct Role: RawRepresentable, Hashable, Sendable, ExpressibleByStringLiteral {
    package let rawValue: String

    package init(rawValue: String) {
        self.rawValue = rawValue
    }

    package init(stringLiteral value: String) {
        self.init(rawValue: value)
    }

    /// (r, in, k…)
    package static let down: Role = "lora_down.weight"
    /// (out, r, 1…)
    package static let up: Role = "lora_up.weight"
    /// Scalar; divided by the rank.
    package static let alpha: Role = "alpha"
    /// LyCORIS' magnitude of DoRA, with its axis in its shape.
    package static let doraScale: Role = "dora_scale"
    /// PEFT's magnitude of DoRA, always on the output axis.
    package static let magnitude: Role = "lora_magnitude_vector"
    /// Difference to the bias, beside any family.
    package static let biasDifference: Role = "diff_b"
    /// A plain `weight` or `bias`: the whole tensor, or (IA)³'s vector.
    package static let weight: Role = "weight"
    package static let bias: Role = "bias"
    /// The same of a wrapped layer in PEFT (`….base_layer.weight`).
    package static let baseWeight: Role = "base_layer.weight"
    package static let baseBias: Role = "base_layer.bias"
}

/// One role and the ways its key may end.
package struct RoleSpelling: Sendable {
    package let role: Role
    package let suffixes: [String]

    /// The role's raw value is always among its spellings.
    package init(_ role: Role, _ others: String...) {
        self.role = role
        suffixes = [role.rawValue] + others
    }
}
