package import UmbelAdapters

/// What is wrong with a model reference.
package enum ReferenceError: Error, Hashable, Sendable {
    case empty
    case tooLong(limit: Int)
    case invalidName(String)
    case invalidScale(String)
    /// A scale that changes with the steps, where no steps are made.
    case stepwiseScale(String)
    /// Such a scale whose parts are not ascending from 0 to below 1, or too many.
    case invalidSchedule(String)
    /// Scales that change at more places together than a drawing may change its model.
    case tooManyStages(limit: Int)
    /// `name=value` behind an adapter that means nothing, or twice.
    case invalidOption(String)
    /// Behind “@” stands neither a digest prefix nor a tag.
    case invalidDigest(String)
    /// Parentheses that are no `method(term,…;option=value…)`.
    case malformedCombination(String)
    case combination(CombinationError)
}

/// A model as a client writes it: `base+adapter@digest:scale+…`, or the id of a variant.
///
///     model := base ( "+" entry )*       entry := term | combination
///     term  := adapter [ "@" ( digest-prefix | tag ) ] [ ":" scale ] ( ":" option "=" value )*
///
/// A combination makes one entry of several adapters, see `CombinationTerm`.
package struct ModelReference: Hashable, Sendable {
    package struct Term: Hashable, Sendable {
        package let adapter: String
        /// Which of its contents; nil for what the name points to now.
        package let selector: Selector?
        package let scale: Scale
        /// Other scales of parts of the adapter.
        package let parts: PartScales

        package init(adapter: String, selector: Selector?, scale: Scale = .one, parts: PartScales = .none) {
            self.adapter = adapter
            self.selector = selector
            self.scale = scale
            self.parts = parts
        }

        package init(
            adapter: String, digestPrefix: String? = nil, scale: Scale = .one, parts: PartScales = .none
        ) {
            self.init(adapter: adapter, selector: digestPrefix.map(Selector.digest), scale: scale, parts: parts)
        }

        package var digestPrefix: String? {
            if case .digest(let prefix) = selector { prefix } else { nil }
        }

        /// 1 to 64 lower-case hexadecimal digits.
        package static func isDigestPrefix(_ text: String) -> Bool {
            (1...64).contains(text.utf8.count) && text.utf8.allSatisfy(Name.isHexadecimal)
        }
    }

    /// What stands behind the `@` of a term.
    package enum Selector: Hashable, Sendable {
        case digest(prefix: String)
        case tag(String)

        /// - Returns: nil for what is neither a digest prefix nor a tag.
        package init?(_ text: String) {
            if Term.isDigestPrefix(text) {
                self = .digest(prefix: text)
            } else if Name.isTag(text) {
                self = .tag(text)
            } else {
                return nil
            }
        }

        package var text: String {
            switch self {
            case .digest(let prefix): prefix
            case .tag(let name): name
            }
        }
    }

    package let base: String
    package let entries: [Entry]

    /// Longest reference accepted, in bytes.
    package static let lengthLimit = 4096

    package init(base: String, entries: [Entry]) {
        self.base = base
        self.entries = entries
    }

    /// A chain of adapters.
    package init(base: String, terms: [Term]) {
        self.init(base: base, entries: terms.map(Entry.adapter))
    }

    /// Every adapter that is named, in order, those of combinations included.
    package var terms: [Term] { entries.flatMap(\.terms) }

    /// - Parameter lengthLimit: in bytes; what Umbel wrote itself, with whole digests, may be longer than what clients write.
    package init(_ text: String, lengthLimit: Int = Self.lengthLimit) throws(ReferenceError) {
        guard !text.isEmpty else { throw .empty }
        guard text.utf8.count <= lengthLimit else { throw .tooLong(limit: lengthLimit) }
        let parts = Self.parts(text)
        guard let base = parts.first, Name.isValid(base) else { throw .invalidName(parts.first ?? text) }
        self.base = base
        var entries: [Entry] = []
        for part in parts.dropFirst() {
            entries.append(
                part.contains("(") ? .combination(try CombinationTerm(part)) : .adapter(try Self.term(part)))
        }
        self.entries = entries
    }

    /// Cuts at every plus but those in parentheses and the sign of an exponent or scale: `a:1e+2`, `a:+0.5`.
    static func parts(_ text: String) -> [String] {
        var parts = [""]
        var depth = 0
        for character in text {
            let current = parts[parts.count - 1]
            depth += character == "(" ? 1 : character == ")" ? -1 : 0
            if character == "+", depth <= 0, !endsInOpenNumber(current) {
                parts.append("")
            } else {
                parts[parts.count - 1].append(character)
            }
        }
        return parts
    }

    private static func endsInOpenNumber(_ part: String) -> Bool {
        guard let colon = part.lastIndex(of: ":") else { return false }
        let scale = part[part.index(after: colon)...]
        guard let last = scale.last else { return true }
        return (last == "e" || last == "E") && scale.dropLast().contains { $0.isNumber }
    }

    static func term(_ text: String) throws(ReferenceError) -> Term {
        let fields = text.split(separator: ":", omittingEmptySubsequences: false)
        var rest = fields[0]
        var scale = Scale.one
        var options = fields.dropFirst()
        if let number = options.first.map(String.init), !number.contains("=") {
            guard let value = Scale(number) else { throw .scale(number) }
            scale = value
            options = options.dropFirst()
        }
        let parts = try PartScales(options.map(String.init))
        var selector: Selector?
        if let at = rest.firstIndex(of: "@") {
            let text = String(rest[rest.index(after: at)...])
            guard let found = Selector(text) else { throw .invalidDigest(text) }
            selector = found
            rest = rest[..<at]
        }
        guard Name.isValid(String(rest)) else { throw .invalidName(String(rest)) }
        return Term(adapter: String(rest), selector: selector, scale: scale, parts: parts)
    }

    /// Is the adapter one of the terms, pinned to this content?
    func uses(adapter: String, content: String) -> Bool {
        terms.contains { $0.adapter == adapter && $0.digestPrefix == content }
    }

    /// The canonical text: scales of 1 and options at their defaults are left out.
    package var text: String { ([base] + entries.map(\.text)).joined(separator: "+") }
}

extension ModelReference.Term {
    /// The canonical text: a scale of 1 is left out.
    package var text: String {
        adapter + (selector.map { "@" + $0.text } ?? "") + (scale == .one ? "" : ":" + scale.text) + parts.text
    }

    /// The same scales of another adapter, or of a certain content.
    func pinned(to adapter: String, digest: String) -> ModelReference.Term {
        .init(adapter: adapter, digestPrefix: digest, scale: scale, parts: parts)
    }
}

/// A strength: a finite decimal. Two spellings of one number are the same scale.
package struct Scale: Hashable, Sendable {
    package let value: Double

    package static let one = Scale(value: 1)
    private static let largest = 1e6
    /// What is taken, in words.
    package static let description = "a decimal such as 0.8, from -1000000 to 1000000"

    private init(value: Double) {
        // Minus zero is zero.
        self.value = value == 0 ? 0 : value
    }

    /// - Returns: nil unless it is a decimal number, possibly with an exponent, of magnitude up to 1e6.
    package init?(_ text: String) {
        let allowed = Set("0123456789.+-eE")
        guard !text.isEmpty, text.utf8.count <= 32, text.allSatisfy(allowed.contains), let value = Double(text) else {
            return nil
        }
        self.init(number: value)
    }

    /// - Returns: nil unless the number is finite and of magnitude up to 1e6.
    package init?(number value: Double) {
        guard value.isFinite, abs(value) <= Self.largest else { return nil }
        self.init(value: value)
    }

    /// The shortest decimal that reads back as the same number.
    package var text: String {
        value == value.rounded() ? String(Int(value)) : "\(value)"
    }
}

/// Names of bases and adapters: `[A-Za-z0-9][A-Za-z0-9._-]{0,95}`.
package enum Name {
    package static func isValid(_ name: String) -> Bool {
        guard let first = name.utf8.first, isAlphanumeric(first), name.utf8.count <= 96 else { return false }
        return name.utf8.allSatisfy { isAlphanumeric($0) || [0x2e, 0x5f, 0x2d].contains($0) }
    }

    /// A tag is a name that cannot be taken for the beginning of a digest: not hexadecimal digits alone, in either case.
    package static func isTag(_ name: String) -> Bool {
        isValid(name) && !name.lowercased().utf8.allSatisfy(isHexadecimal)
    }

    static func isHexadecimal(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte)
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x61...0x7a).contains(byte | 0x20)
    }
}
