package import UmbelFormats

/// The members of a configuration file, read one by one, so that at the end it is known which ones nobody asked for.
///
/// A member that is missing or null has the default of the library that wrote the file. A value of another kind than is
/// expected is refused with the setting's name.
package struct Settings: Sendable {
    private let json: JSON
    private var known: Set<String> = []

    package init(_ json: JSON) {
        self.json = json
    }

    /// The value, unless it is missing or null.
    package mutating func value(_ name: String) -> JSON? {
        known.insert(name)
        guard let value = json[name], !value.isNull else { return nil }
        return value
    }

    /// Whether it is there and null.
    package func isNull(_ name: String) -> Bool { json[name] == .null }

    /// - Throws: if it is neither missing nor what `read` reads.
    package mutating func optional<Value>(
        _ name: String, _ read: (JSON) -> Value?
    ) throws(ModelError) -> Value? {
        guard let value = value(name) else { return nil }
        guard let result = read(value) else { throw .unsupported(setting: name, value: value.text) }
        return result
    }

    package mutating func integer(_ name: String) throws(ModelError) -> Int? {
        try optional(name) { $0.integer.flatMap { $0 >= 0 ? $0 : nil } }
    }

    package mutating func integer(_ name: String, default value: Int) throws(ModelError) -> Int {
        try integer(name) ?? value
    }

    package mutating func number(_ name: String, default value: Double) throws(ModelError) -> Double {
        try optional(name, \.double) ?? value
    }

    package mutating func flag(_ name: String, default value: Bool = false) throws(ModelError) -> Bool {
        try optional(name, \.bool) ?? value
    }

    package mutating func text(_ name: String) throws(ModelError) -> String? {
        try optional(name, \.string)
    }

    package mutating func activation(_ name: String) throws(ModelError) -> Activation? {
        try optional(name) { $0.string.flatMap { Activation(name: $0.lowercased()) } }
    }

    /// - Throws: if it is neither missing nor an array of positive integers.
    package mutating func integers(_ name: String) throws(ModelError) -> [Int]? {
        try optional(name, Self.integers)
    }

    package mutating func numbers(_ name: String) throws(ModelError) -> [Double]? {
        try optional(name) { value in
            guard let array = value.array else { return nil }
            let numbers = array.compactMap(\.double)
            return numbers.count == array.count ? numbers : nil
        }
    }

    package mutating func texts(_ name: String) throws(ModelError) -> [String]? {
        try optional(name, \.strings)
    }

    static func integers(_ value: JSON) -> [Int]? {
        guard let array = value.array else { return nil }
        let numbers = array.compactMap(\.integer).filter { $0 > 0 }
        return numbers.count == array.count ? numbers : nil
    }

    /// Settings that are known to change nothing here: what only matters in training, or to what there is no support for.
    package mutating func ignore(_ names: [String]) {
        known.formUnion(names)
    }

    /// - Throws: if the setting says anything else than one of `values` (or nothing).
    package mutating func require(_ name: String, in values: [JSON]) throws(ModelError) {
        guard let value = value(name), !values.contains(value) else { return }
        throw .unsupported(setting: name, value: value.text)
    }

    /// - Throws: for a setting that nobody read and that says something. Names that begin with an underscore are notes.
    package func refuseUnknown() throws(ModelError) {
        for member in json.members ?? [] where !known.contains(member.name) && !member.name.hasPrefix("_") {
            if member.value.isNull || member.value == .bool(false) { continue }
            throw .unsupported(setting: member.name, value: member.value.text)
        }
    }
}
