package import UmbelTensor

/// The tensors of one module of an adapter, by role.
package struct ModuleFactors: Sendable {
    /// The key without suffix, as the file spells it.
    package let stem: String
    package private(set) var factors: [Role: TensorView] = [:]
    package private(set) var keys: [Role: String] = [:]

    package init(stem: String) {
        self.stem = stem
    }

    /// - Returns: false if the role was taken; nothing is changed then.
    package mutating func add(_ role: Role, key: String, _ view: TensorView) -> Bool {
        guard factors[role] == nil else { return false }
        factors[role] = view
        keys[role] = key
        return true
    }

    package subscript(role: Role) -> TensorView? { factors[role] }
    package func has(_ role: Role) -> Bool { factors[role] != nil }
    package func key(_ role: Role) -> String { keys[role] ?? "\(stem).\(role.rawValue)" }

    /// All keys of the module, sorted.
    package var allKeys: [String] { keys.values.sorted() }

    /// The module without these roles.
    package func removing(_ roles: [Role]) -> ModuleFactors {
        var rest = self
        for role in roles {
            rest.factors[role] = nil
            rest.keys[role] = nil
        }
        return rest
    }

    /// A factor that must be there, hold floating-point numbers and not be empty.
    package func require(_ role: Role) throws(ModuleError) -> TensorView {
        guard let view = factors[role] else { throw .missingFactor(module: stem, key: key(role)) }
        guard view.dtype.isFloat else { throw .unsupportedDType(key: key(role), dtype: view.dtype) }
        guard view.elementCount > 0 else { throw .emptyTensor(key: key(role), shape: view.shape) }
        return view
    }

    /// A factor that may be absent, else as `require`.
    package func optional(_ role: Role) throws(ModuleError) -> TensorView? {
        has(role) ? try require(role) : nil
    }

    /// The factor's first axis as rows, the rest as columns. Read from the file when the numbers are first needed.
    package func matrix(_ role: Role) throws(ModuleError) -> Matrix {
        let view = try require(role)
        return Matrix(of: view, rows: view.shape.first ?? 1)
    }

    /// A number of any type, stored as `[]` or `[1]`.
    package func number(_ role: Role) throws(ModuleError) -> Double? {
        guard let view = factors[role] else { return nil }
        guard view.elementCount == 1 else {
            throw .shapeMismatch(module: stem, key: key(role), shape: view.shape, expected: "one element")
        }
        return view.number(at: 0)
    }
}

/// What is wrong with one module of an adapter.
package enum ModuleError: Error, Hashable, Sendable {
    case missingFactor(module: String, key: String)
    /// Ranks of the factors by key.
    case rankMismatch(module: String, ranks: [String: Int])
    /// A factor does not fit the base: its shape and, in words or dimensions, what would.
    case shapeMismatch(module: String, key: String, shape: [Int], expected: String)
    case unsupportedDType(key: String, dtype: DType)
    case emptyTensor(key: String, shape: [Int])
    case nonFinite(key: String, index: Int)
    case unknownAlgorithm(module: String, keys: [String])
    /// The keys are those of a method that only `adapter_config.json` makes complete, and there is none.
    case settingsMissing(module: String, keys: [String], setting: String)
    case twoFamilies(module: String, algorithms: [String])
    /// The base's module has no weight, or no bias, of which the adapter holds a change.
    case noSuchParameter(module: String, parameter: String)
    /// A setting of the adapter that has no merged form, with the reason.
    case notMergeable(module: String, reason: String)
    /// The base stores the weight as integers with scales; nothing can be added to those.
    case quantised(module: String, tensor: String, dtype: DType)
    case singular(module: String, key: String)
    case resultNotFinite(module: String)

    /// A stable word for the condition.
    package var code: String {
        switch self {
        case .missingFactor: "tensor_missing"
        case .rankMismatch: "rank_mismatch"
        case .shapeMismatch: "shape_mismatch"
        case .unsupportedDType: "dtype_unsupported"
        case .emptyTensor: "empty_tensor"
        case .nonFinite, .resultNotFinite: "non_finite"
        case .unknownAlgorithm, .settingsMissing: "algorithm_unknown"
        case .twoFamilies: "module_ambiguous"
        case .noSuchParameter: "parameter_missing"
        case .notMergeable: "not_mergeable"
        case .quantised: "quantised"
        case .singular: "singular"
        }
    }

    /// Is the module torn or inconsistent in itself, whatever base it is for?
    package var isStructural: Bool {
        switch self {
        case .missingFactor, .rankMismatch, .unsupportedDType, .emptyTensor, .nonFinite: true
        default: false
        }
    }

    /// Does the module merely not fit this base, while it might fit another?
    package var dependsOnBase: Bool {
        switch self {
        case .shapeMismatch, .noSuchParameter, .resultNotFinite, .quantised: true
        default: false
        }
    }
}
