/// How the sign of an element is elected among several differences.
package enum MajoritySign: String, Hashable, Sendable, CaseIterable {
    /// The sign of their sum.
    case total
    /// The sign of the sum of their signs.
    case frequency
}

/// One option of combination methods: its name, what it takes, and how it is read and written.
package struct CombinationOption: Sendable {
    package let name: String
    /// What is taken, in words.
    package let expected: String
    /// Sets the option from its text; false if the text is none of what is taken.
    let read: @Sendable (String, inout Combination) -> Bool
    /// The canonical text; nil for the default.
    let write: @Sendable (Combination) -> String?

    /// The share of the elements that is kept.
    static let density = CombinationOption(
        name: "density", expected: "a decimal above 0 and at most 1",
        read: { text, combination in
            guard let value = decimal(text), value > 0, value <= 1 else { return false }
            combination.density = value
            return true
        },
        write: { $0.density == 1 ? nil : "\($0.density)" })

    static let majoritySign = CombinationOption(
        name: "majority_sign", expected: MajoritySign.allCases.map(\.rawValue).joined(separator: " or "),
        read: { text, combination in
            guard let value = MajoritySign(rawValue: text) else { return false }
            combination.majoritySign = value
            return true
        },
        write: { $0.majoritySign == .total ? nil : $0.majoritySign.rawValue })

    /// What the random masks are drawn from. Below 2⁵³, so that every JSON reader keeps it.
    static let seed = CombinationOption(
        name: "seed", expected: "a whole number from 0 to 9007199254740991",
        read: { text, combination in
            guard let value = digits(text).flatMap(UInt64.init), value < 1 << 53 else { return false }
            combination.seed = value
            return true
        },
        write: { $0.seed == 0 ? nil : String($0.seed) })

    static let rank = CombinationOption(
        name: "rank", expected: "a whole number from 1 to 65536",
        read: { text, combination in
            guard let value = digits(text).flatMap({ Int($0) }), (1...65536).contains(value) else { return false }
            combination.rank = value
            return true
        },
        write: { $0.rank.map { String($0) } })

    private static func digits(_ text: String) -> String? {
        (1...16).contains(text.utf8.count) && text.utf8.allSatisfy { (0x30...0x39).contains($0) } ? text : nil
    }

    private static func decimal(_ text: String) -> Double? {
        let allowed = Set("0123456789.+-eE")
        guard text.utf8.count <= 32, text.allSatisfy(allowed.contains) else { return nil }
        return Double(text)
    }
}
