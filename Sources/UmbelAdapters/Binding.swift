internal import UmbelNames

/// An adapter fitted to a base: what it changes there, and a report in which every key of the file is accounted for.
package struct Binding: Sendable {
    /// Whole tensors first, then differences in the order of the file.
    package let patches: [Patch]
    package let report: BindingReport
    /// What the patches are made of, in words that mean the same on every binding of the same adapter to the same base; nil
    /// for a binding whose deltas are not to be kept between merges.
    package var source: String?
    /// Counts the numbers that the patches hold for as long as anybody has the binding.
    private var memory: FactorMemory

    package init(patches: [Patch], report: BindingReport) {
        self.patches = patches
        self.report = report
        memory = FactorMemory(of: patches)
    }

    /// Is this the only copy of the binding?
    package mutating func hasOneHolder() -> Bool { isKnownUniquelyReferenced(&memory) }
}

/// How well an adapter fits a base.
package struct BindingReport: Sendable {
    /// A module that found its place.
    package struct Match: Sendable {
        package let stem: String
        package let component: String
        /// Module path in the naming in which the stem was found.
        package let module: String
        package let algorithm: String
        package let rank: Int?
        package let alpha: Double?
        package let dora: DoRAReport?
        /// Where in `Binding.patches` the module's changes are.
        package internal(set) var patches: [Int]
    }

    /// DoRA's axis and what decided it.
    package struct DoRAReport: Hashable, Sendable {
        package let axis: DoRA.Axis
        /// The key and shape that the axis was read from.
        package let decidedBy: String
    }

    package struct Unmatched: Hashable, Sendable {
        package let stem: String
        package let keys: [String]
        /// The existing name that is closest, if one is close.
        package let nearest: String?
    }

    package struct Ambiguity: Hashable, Sendable {
        package let stems: [String]
        /// The base's modules or tensors that are meant by one name, or claimed by several.
        package let modules: [String]
    }

    package internal(set) var matches: [Match] = []
    package internal(set) var unmatched: [Unmatched] = []
    package internal(set) var ambiguities: [Ambiguity] = []
    /// Modules that were found and do not fit: shapes, missing biases, settings without merged form.
    package internal(set) var errors: [ModuleError] = []
    package internal(set) var unknownKeys: [String] = []
    package internal(set) var notes: [AdapterNote] = []
    /// The adapter is a textual inversion: words for prompts, and nothing to merge.
    package internal(set) var hasOnlyEmbeddings = false

    package init() {}

    package var modules: Int { matches.count + unmatched.count + ambiguities.count + errors.count }

    /// Why the adapter is not to be merged into this base; nil if it is.
    ///
    /// - Parameter allowsUnmatched: the caller accepts that a part of the adapter has no effect.
    package func refusal(allowsUnmatched: Bool) -> BindingRefusal? {
        if hasOnlyEmbeddings { return .nothingToMerge }
        if matches.isEmpty, errors.isEmpty, ambiguities.isEmpty { return .noModuleMatched(modules: modules) }
        // A quantised weight is one without a place to merge into; every other error is a fault.
        let faults = errors.filter { if case .quantised = $0 { false } else { true } }
        if !faults.isEmpty || errors.count > faults.count && !allowsUnmatched { return .modulesDoNotFit }
        if !ambiguities.isEmpty { return .ambiguous }
        if !allowsUnmatched, !unmatched.isEmpty || !unknownKeys.isEmpty { return .partialMatch }
        return nil
    }
}

/// Kinds of refusal; the report has the details.
package enum BindingRefusal: Error, Hashable, Sendable {
    case noModuleMatched(modules: Int)
    case modulesDoNotFit
    case ambiguous
    case partialMatch
    /// It is a textual inversion.
    case nothingToMerge
}
