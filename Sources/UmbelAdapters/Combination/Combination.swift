/// How several adapters are combined: a method and its options. Two spellings of the same are equal.
package struct Combination: Hashable, Sendable {
    package let method: CombinationMethod
    package internal(set) var density = 1.0
    package internal(set) var majoritySign = MajoritySign.total
    package internal(set) var seed: UInt64 = 0
    /// nil for the largest rank of the parts.
    package internal(set) var rank: Int?

    /// The most adapters that one combination may have.
    package static let partLimit = 64

    /// - Parameter options: names with values as text, in any order.
    /// - Throws: for what the method does not take.
    package init(
        method name: String, options: [(name: String, value: String)] = []
    ) throws(CombinationError) {
        guard let method = CombinationMethod.named(name) else { throw .unknownMethod(name) }
        self.method = method
        var seen: Set<String> = []
        for (name, value) in options {
            guard let option = method.options.first(where: { $0.name == name }) else {
                throw .unknownOption(method: method.name, option: name)
            }
            guard seen.insert(name).inserted else { throw .repeatedOption(name) }
            guard option.read(value, &self) else {
                throw .invalidOption(option: name, value: value, expected: option.expected)
            }
        }
    }

    /// Options that are not at their default, in the method's order, with canonical values.
    package var options: [(name: String, value: String)] {
        method.options.compactMap { option in option.write(self).map { (option.name, $0) } }
    }

    /// Leaves a single adapter at weight 1 as it is: nothing was asked for that would thin it out or cut it.
    var keepsSingle: Bool { density == 1 && rank == nil }
}

/// Why adapters cannot be combined.
package enum CombinationError: Error, Hashable, Sendable {
    case unknownMethod(String)
    case unknownOption(method: String, option: String)
    case invalidOption(option: String, value: String, expected: String)
    case repeatedOption(String)
    case noAdapters
    case tooManyAdapters(limit: Int)
    /// A module that the method cannot take.
    case notCombinable(method: String, module: String, CombinationObstacle)
}

/// What keeps a module out of a combination.
package enum CombinationObstacle: Hashable, Sendable {
    /// It adds a tensor that the base lacks: no difference to anything.
    case addsTensor
    case changesShape
    /// Its difference has no rank that the result could be cut to, and none was given.
    case rankNeeded
    /// PEFT combines pairs of factors only.
    case notPair
    case ranksDiffer
    /// Only (IA)³ has vectors.
    case notVector
    /// The adapters cut the base's tensor in different ways.
    case differentParts
}
