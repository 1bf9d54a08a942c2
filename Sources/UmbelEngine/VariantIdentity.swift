package import UmbelAdapters
internal import UmbelPOSIX
package import UmbelRegistry
package import UmbelTensor

/// The id of a variant: everything that its bytes depend on, hashed.
package enum VariantIdentity {
    /// Raised whenever the same recipe would give other bytes.
    package static let numericsVersion = 3

    /// 40 lower-case hexadecimal digits.
    package static func isID(_ text: String) -> Bool {
        text.utf8.count == 40 && text.utf8.allSatisfy(Name.isHexadecimal)
    }

    /// One adapter of a recipe.
    package struct Term: Hashable, Sendable {
        package let digest: String
        package let scale: Scale
        package let parts: PartScales
        package let prefixes: [Prefix]

        package init(digest: String, scale: Scale, parts: PartScales = .none, prefixes: [Prefix]) {
            self.digest = digest
            self.scale = scale
            self.parts = parts
            self.prefixes = prefixes
        }

        fileprivate var isApplied: Bool { parts.isApplied(with: scale) }
    }

    /// One entry of a recipe.
    package enum Entry: Hashable, Sendable {
        case adapter(Term)
        /// The terms' scales are their weights.
        case combination(Combination, [Term], scale: Scale)

        /// Terms that are applied; empty for an entry without effect.
        private var applied: [Term] {
            switch self {
            case .adapter(let term): term.isApplied ? [term] : []
            case .combination(_, let terms, let scale): scale.value == 0 ? [] : terms.filter { $0.scale.value != 0 }
            }
        }

        /// The canonical lines. Every option that the method takes and that is not at its default is written.
        fileprivate var lines: [String] {
            let terms = applied
            switch self {
            case .adapter: return terms.map { "adapter sha256:\($0.digest) scale \($0.line)" }
            case .combination(let combination, _, let scale):
                guard !terms.isEmpty else { return [] }
                let options = combination.options.map { " \($0.name)=\($0.value)" }.joined()
                let head = "combination \(combination.method.name)\(options) of \(terms.count) scale \(scale.text)"
                return [head] + terms.map { "part sha256:\($0.digest) weight \($0.line)" }
            }
        }
    }

    /// First 40 hexadecimal digits of the SHA-256 of the canonical text. An entry of scale 0 is not applied, so it is left
    /// out, and so is a part of weight 0.
    package static func id(baseDigest: String, entries: [Entry], dtype: DType?) -> String {
        var lines = ["umbel variant", "numerics \(numericsVersion)", "base sha256:\(baseDigest)"]
        lines += entries.flatMap(\.lines)
        lines.append("dtype \(dtype?.rawValue ?? "as base")")
        return String(SHA256.hex(of: lines.joined(separator: "\n") + "\n").prefix(40))
    }

    /// The id of a chain of adapters.
    package static func id(baseDigest: String, terms: [Term], dtype: DType?) -> String {
        id(baseDigest: baseDigest, entries: terms.map(Entry.adapter), dtype: dtype)
    }
}

extension VariantIdentity.Term {
    fileprivate var line: String {
        "\(scale.text)\(parts.text) prefixes \(prefixes.map(\.text).sorted().joined(separator: ","))"
    }
}
