package import UmbelAdapters

extension ModelReference {
    /// One entry of a recipe.
    package enum Entry: Hashable, Sendable {
        case adapter(Term)
        case combination(CombinationTerm)

        package var scale: Scale {
            switch self {
            case .adapter(let term): term.scale
            case .combination(let combined): combined.scale
            }
        }

        /// The adapters of the entry, in order; the scales of a combination's are their weights in it.
        package var terms: [Term] {
            switch self {
            case .adapter(let term): [term]
            case .combination(let combined): combined.terms
            }
        }

        /// The canonical text.
        package var text: String {
            switch self {
            case .adapter(let term): term.text
            case .combination(let combined): combined.text
            }
        }
    }

    /// Several adapters that count as one.
    ///
    ///     combination := method "(" term ( "," term )* ( ";" option "=" value )* ")" [ ":" scale ]
    package struct CombinationTerm: Hashable, Sendable {
        package let combination: Combination
        package let terms: [Term]
        package let scale: Scale

        /// - Throws: `combination` for no adapter or too many.
        package init(
            _ combination: Combination, of terms: [Term], scale: Scale = .one
        ) throws(ReferenceError) {
            guard !terms.isEmpty else { throw .combination(.noAdapters) }
            guard terms.count <= Combination.partLimit else {
                throw .combination(.tooManyAdapters(limit: Combination.partLimit))
            }
            self.combination = combination
            self.terms = terms
            self.scale = scale
        }

        /// The same with other terms in their places.
        package func replacing(_ terms: [Term]) -> CombinationTerm {
            CombinationTerm(combination: combination, terms: terms, scale: scale)
        }

        private init(combination: Combination, terms: [Term], scale: Scale) {
            self.combination = combination
            self.terms = terms
            self.scale = scale
        }

        /// - Parameter text: with the parenthesis that makes it a combination.
        init(_ text: String) throws(ReferenceError) {
            guard let call = CombinationCall(text) else { throw .malformedCombination(text) }
            var scale = Scale.one
            if let number = call.scale {
                guard let value = Scale(number) else { throw .scale(number) }
                scale = value
            }
            var terms: [Term] = []
            for part in call.parts where call.parts != [""] {
                let term = try ModelReference.term(part)
                // A combination has one weight for each adapter.
                guard term.parts == .none else { throw .invalidOption(part) }
                terms.append(term)
            }
            try self.init(try call.combination(), of: terms, scale: scale)
        }

        var text: String {
            let options = combination.options.map { ";\($0.name)=\($0.value)" }.joined()
            let parts = terms.map(\.text).joined(separator: ",")
            return "\(combination.method.name)(\(parts)\(options))" + (scale == .one ? "" : ":" + scale.text)
        }
    }
}

/// `method(part,…;option=value…):scale` cut up, with nothing of it understood. A backslash takes the next character as it is.
package struct CombinationCall: Sendable {
    package let method: String
    package let parts: [String]
    package let options: [(name: String, value: String)]
    package let scale: String?

    /// - Returns: nil unless the text has this form.
    package init?(_ text: String) {
        guard let open = text.firstIndex(of: "("), let close = text.lastIndex(of: ")"), open < close else { return nil }
        let name = text[..<open]
        guard !name.isEmpty, name.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }) else {
            return nil
        }
        let rest = text[text.index(after: close)...]
        guard rest.isEmpty || rest.hasPrefix(":") else { return nil }
        let sections = Self.split(text[text.index(after: open)..<close], at: ";")
        guard let parts = sections.first.map({ Self.split($0[...], at: ",") }) else { return nil }
        guard !parts.contains(where: Self.hasOpenParenthesis) else { return nil }
        var options: [(name: String, value: String)] = []
        for section in sections.dropFirst() {
            guard let equals = section.firstIndex(of: "=") else { return nil }
            options.append((String(section[..<equals]), String(section[section.index(after: equals)...])))
        }
        method = String(name)
        self.parts = parts.map(Self.unescaped)
        self.options = options
        scale = rest.isEmpty ? nil : String(rest.dropFirst())
    }

    /// - Throws: `combination` with what the method does not take.
    package func combination() throws(ReferenceError) -> Combination {
        try Self.combination(method: method, options: options)
    }

    package static func combination(
        method: String, options: [(name: String, value: String)]
    ) throws(ReferenceError) -> Combination {
        do {
            return try Combination(method: method, options: options)
        } catch {
            throw .combination(error)
        }
    }

    /// The pieces between the marks, escapes kept.
    private static func split(_ text: Substring, at mark: Character) -> [String] {
        var pieces = [""]
        var isEscaped = false
        for character in text {
            if character == mark, !isEscaped {
                pieces.append("")
            } else {
                pieces[pieces.count - 1].append(character)
            }
            isEscaped = character == "\\" && !isEscaped
        }
        return pieces
    }

    /// A combination within a combination is none.
    private static func hasOpenParenthesis(_ text: String) -> Bool {
        var isEscaped = false
        for character in text {
            if !isEscaped, character == "(" || character == ")" { return true }
            isEscaped = character == "\\" && !isEscaped
        }
        return false
    }

    private static func unescaped(_ text: String) -> String {
        var result = ""
        var isEscaped = false
        for character in text {
            if character == "\\", !isEscaped {
                isEscaped = true
            } else {
                result.append(character)
                isEscaped = false
            }
        }
        return result
    }
}
