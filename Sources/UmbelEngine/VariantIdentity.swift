internal import UmbelPOSIX
package import UmbelRegistry
package import UmbelTensor

/// The id of a variant: everything that its bytes depend on, hashed.
package enum VariantIdentity {
    /// Raised whenever the same recipe would give other bytes.
    package static let numericsVersion = 1

    /// 40 lower-case hexadecimal digits.
    package static func isID(_ text: String) -> Bool {
        text.utf8.count == 40 && text.utf8.allSatisfy(Name.isHexadecimal)
    }

    /// One adapter of a recipe.
    package struct Term: Hashable, Sendable {
        package let digest: String
        package let scale: Scale
        package let prefixes: [Prefix]

        package init(digest: String, scale: Scale, prefixes: [Prefix]) {
            self.digest = digest
            self.scale = scale
            self.prefixes = prefixes
        }
    }

    /// First 40 hexadecimal digits of the SHA-256 of the canonical text. A term of scale 0 is not applied, so it is left
    /// out.
    package static func id(baseDigest: String, terms: [Term], dtype: DType?) -> String {
        var lines = ["umbel variant", "numerics \(numericsVersion)", "base sha256:\(baseDigest)"]
        for term in terms where term.scale.value != 0 {
            let options = term.prefixes.map(\.text).sorted().joined(separator: ",")
            lines.append("adapter sha256:\(term.digest) scale \(term.scale.text) prefixes \(options)")
        }
        lines.append("dtype \(dtype?.rawValue ?? "as base")")
        return String(SHA256.hex(of: lines.joined(separator: "\n") + "\n").prefix(40))
    }
}
