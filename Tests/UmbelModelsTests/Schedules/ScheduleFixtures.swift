import Testing
import UmbelFormats
import UmbelPOSIX

@testable import UmbelModels

/// The reference results beside the tests; README.md there says where they come from.
enum ScheduleFixtures {
    static let folder: String = {
        let tests = #filePath.split(separator: "/").dropLast(2).joined(separator: "/")
        return "/\(tests)/Fixtures"
    }()

    static func json(_ name: String) throws -> JSON {
        let file = try MappedFile(path: "\(folder)/\(name)")
        return try withExtendedLifetime(file) { try JSON(parsing: file.bytes) }
    }

    static func tensors(_ name: String) throws -> SafetensorsFile {
        try SafetensorsFile(path: "\(folder)/\(name)")
    }
}

extension JSON {
    var floats: [Float]? { array?.compactMap(\.double).map { Float($0) } }
}

extension ScheduleConfig {
    /// From the object that a fixture has of its fields.
    init(className: String, object: JSON?) {
        let members = object?.members ?? []
        self.init(
            className: className, fields: Dictionary(uniqueKeysWithValues: members.map { ($0.name, $0.value) }))
    }
}

/// The largest difference, by the largest magnitude that is expected, or by 1; infinite for other lengths and for NaN.
func relativeDifference(_ values: [Float], _ expected: [Float]) -> Float {
    guard values.count == expected.count else { return .infinity }
    let scale = expected.reduce(1) { max($0, abs($1)) }
    return zip(values, expected).reduce(0) { worst, pair in
        let difference = abs(pair.0 - pair.1) / scale
        return difference.isNaN ? .infinity : max(worst, difference)
    }
}

/// The numbers that a model which is a formula answers; see Fixtures/schedules.py.
func formulaModel(_ sample: [Float], scale: Float, timestep: Float) -> [Float] {
    sample.map { number in
        let input = Double(number * scale)
        return Float(0.8 * sine(1.3 * input + Double(timestep) / 200) + 0.3 * input)
    }
}
