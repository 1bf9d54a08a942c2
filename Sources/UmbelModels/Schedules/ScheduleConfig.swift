package import UmbelFormats

/// What a `scheduler_config.json` says: the scheduler's class and its fields.
///
/// Each schedule reads the fields that its class has, with the defaults of that class; other fields are left alone, as
/// diffusers does when it makes a scheduler from another one's configuration.
package struct ScheduleConfig: Hashable, Sendable {
    package let className: String
    private let fields: [String: JSON]

    package init(className: String, fields: [String: JSON] = [:]) {
        self.className = className
        self.fields = fields
    }

    /// Reads the file's text, in which Python may have written an infinity.
    package init(parsing bytes: [UInt8]) throws(ScheduleError) {
        let value: JSON
        do {
            value = try JSON(parsing: PythonInfinities.replaced(in: bytes))
        } catch {
            throw .notJSON(error)
        }
        guard let members = value.members else { throw .notObject }
        guard let className = value["_class_name"]?.string else { throw .unknownClass(nil) }
        self.init(
            className: className,
            fields: Dictionary(members.map { ($0.name, $0.value) }, uniquingKeysWith: { first, _ in first }))
    }

    /// The same settings for another class, with some changed.
    package func changed(to className: String, _ changes: [String: JSON]) -> ScheduleConfig {
        ScheduleConfig(className: className, fields: fields.merging(changes) { _, change in change })
    }

    /// Whether the model answers with v rather than with the noise.
    var predictsVelocity: Bool { value("prediction_type") == .string(Prediction.velocity.rawValue) }

    // MARK: Fields

    /// nil if the field is missing or null.
    func value(_ name: String) -> JSON? {
        guard let value = fields[name], !value.isNull else { return nil }
        return value
    }

    /// Python's None counts as false.
    func flag(_ name: String, default standard: Bool = false) throws(ScheduleError) -> Bool {
        guard let value = fields[name] else { return standard }
        if value.isNull { return false }
        guard let flag = value.bool else { throw .wrongType(field: name) }
        return flag
    }

    func number(_ name: String) throws(ScheduleError) -> Double? {
        guard let value = value(name) else { return nil }
        guard let number = value.double, !number.isNaN else { throw .wrongType(field: name) }
        return number
    }

    func number(
        _ name: String, default standard: Double, in range: ClosedRange<Double>
    ) throws(ScheduleError) -> Double {
        let number = try number(name) ?? standard
        guard range.contains(number) else { throw .outOfRange(field: name) }
        return number
    }

    func integer(_ name: String, default standard: Int, in range: ClosedRange<Int>) throws(ScheduleError) -> Int {
        var integer = standard
        if let value = value(name) {
            guard let whole = value.integer else { throw .wrongType(field: name) }
            integer = whole
        }
        guard range.contains(integer) else { throw .outOfRange(field: name) }
        return integer
    }

    /// A whole number of up to 64 bits.
    func seed(_ name: String) throws(ScheduleError) -> UInt64? {
        guard let value = value(name) else { return nil }
        guard case .number(let text) = value, let seed = UInt64(text) else { throw .wrongType(field: name) }
        return seed
    }

    func numbers(_ name: String) throws(ScheduleError) -> [Double]? {
        guard let value = value(name) else { return nil }
        guard let array = value.array else { throw .wrongType(field: name) }
        let numbers = array.compactMap(\.double)
        guard numbers.count == array.count, numbers.allSatisfy(\.isFinite) else { throw .wrongType(field: name) }
        return numbers
    }

    /// One of some words; any other is a setting that Umbel does not have.
    func choice<Choice: RawRepresentable<String>>(
        _ name: String, default standard: Choice
    ) throws(ScheduleError) -> Choice {
        guard let value = value(name) else { return standard }
        guard let word = value.string else { throw .wrongType(field: name) }
        guard let choice = Choice(rawValue: word) else { throw .unsupported(field: name, value: word) }
        return choice
    }

    /// Refuses settings that are in force and would have to be heeded.
    func refuse(_ names: String...) throws(ScheduleError) {
        for name in names {
            guard let value = value(name), value != .bool(false) else { continue }
            throw .unsupported(field: name, value: value.text)
        }
    }
}
