internal import UmbelEngine
internal import UmbelFormats
internal import UmbelModels

/// What a sweep varies: columns and rows of one grid.
struct SweepGrid {
    /// One value that an axis can take.
    enum Value: Hashable {
        case model(String)
        case scale(Scale)
        case steps(Int)
        case guidance(Double)
    }

    enum Axis: String, CaseIterable {
        case models, scales, steps, guidance
    }

    struct Line {
        let axis: Axis
        let values: [Value]
    }

    /// Pictures of one sweep.
    static let cellLimit = 64

    /// The first axis of several values; nil if there is none.
    private(set) var columns: Line?
    /// The second.
    private(set) var rows: Line?
    /// The values of the other axes.
    private(set) var fixed: [Value] = []

    init(_ fields: BodyFields) throws {
        guard let value = fields.given("axes") else { throw RequestError.missingField("axes") }
        guard let members = value.members else {
            throw RequestError.invalidField(name: "axes", expected: "an object of lists")
        }
        try BodyFields(members, below: "axes").check(known: Axis.allCases.map(\.rawValue))
        for member in members {
            guard let axis = Axis(rawValue: member.name) else { continue }
            let values = try Self.values(member.value, axis)
            if values.count == 1 {
                fixed += values
            } else if columns == nil {
                columns = Line(axis: axis, values: values)
            } else if rows == nil {
                rows = Line(axis: axis, values: values)
            } else {
                throw SweepError.tooManyAxes
            }
        }
        let count = (columns?.values.count ?? 1) * (rows?.values.count ?? 1)
        guard count <= Self.cellLimit else { throw SweepError.tooManyCells(count, limit: Self.cellLimit) }
    }

    /// The values of each cell, row by row.
    var cells: [[Value]] {
        let columns = columns?.values.map { [$0] } ?? [[]]
        let rows = rows?.values.map { [$0] } ?? [[]]
        return rows.flatMap { row in columns.map { column in fixed + column + row } }
    }

    var variesScale: Bool {
        !fixed.allSatisfy { if case .scale = $0 { false } else { true } }
            || [columns, rows].contains { $0?.axis == .scales }
    }

    private static func values(_ value: JSON, _ axis: Axis) throws -> [Value] {
        let path = "axes.\(axis.rawValue)"
        guard let items = value.array, !items.isEmpty else {
            throw RequestError.invalidField(name: path, expected: "a list of at least one value")
        }
        guard items.count <= cellLimit else { throw SweepError.tooManyCells(items.count, limit: cellLimit) }
        return try items.map { item in
            guard let value = Self.value(item, axis) else {
                throw RequestError.invalidField(name: path, expected: axis.expected)
            }
            return value
        }
    }

    private static func value(_ item: JSON, _ axis: Axis) -> Value? {
        switch axis {
        case .models: item.string.map(Value.model)
        case .scales: item.double.flatMap(Scale.init(number:)).map(Value.scale)
        case .steps: item.integer.flatMap { DrawingFields.Limits.steps.contains($0) ? .steps($0) : nil }
        case .guidance: item.double.flatMap { DrawingFields.Limits.guidance.contains($0) ? .guidance($0) : nil }
        }
    }
}

extension SweepGrid.Axis {
    fileprivate var expected: String {
        switch self {
        case .models: "a list of model references"
        case .scales: "a list of scales, each \(Scale.description)"
        case .steps: "a list of whole numbers from 1 to \(DrawingFields.Limits.steps.upperBound)"
        case .guidance: "a list of numbers from 0 to \(Int(DrawingFields.Limits.guidance.upperBound))"
        }
    }
}

extension SweepGrid.Value {
    /// What stands beside a column or row.
    var label: String {
        switch self {
        case .model(let text): text
        case .scale(let scale): "scale \(scale.text)"
        case .steps(let steps): "\(steps) steps"
        case .guidance(let guidance): "guidance \(guidance)"
        }
    }

    var json: JSON {
        switch self {
        case .model(let text): .string(text)
        case .scale(let scale): JSON(scale.value)
        case .steps(let steps): JSON(steps)
        case .guidance(let guidance): JSON(guidance)
        }
    }
}

/// What is wrong with a sweep as a whole.
enum SweepError: Error {
    /// More than two axes with several values.
    case tooManyAxes
    case tooManyCells(Int, limit: Int)
}
