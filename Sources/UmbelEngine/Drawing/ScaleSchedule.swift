/// A scale that changes with the steps of a drawing.
///
///     schedule := scale [ "@" part ] ( "," scale "@" part )*          0@0.0,1@0.4
///
/// Each scale holds from its part of the steps on; parts are ascending, from 0 (which may be left out) to below 1.
package struct ScaleSchedule: Hashable, Sendable {
    package struct Point: Hashable, Sendable {
        package let scale: Scale
        /// The part of the steps that is done when the scale begins to hold.
        package let from: Double
    }

    /// Points at most.
    package static let pointLimit = 16

    /// At least one; the first from 0.
    package let points: [Point]

    /// Could the text be meant for a schedule?
    static func isMeant(by text: String) -> Bool { text.contains("@") || text.contains(",") }

    /// The scales at steps, joined where they stay the same.
    ///
    /// - Parameter scales: one for each step; at least one.
    package init(steps scales: [Scale]) {
        var points: [Point] = []
        for (step, scale) in scales.enumerated() where points.last?.scale != scale {
            points.append(Point(scale: scale, from: Double(step) / Double(scales.count)))
        }
        self.points = points
    }

    /// - Throws: `invalidSchedule`.
    package init(_ text: String) throws(ReferenceError) {
        let pieces = text.split(separator: ",", omittingEmptySubsequences: false)
        guard pieces.count <= Self.pointLimit else { throw .invalidSchedule(text) }
        var points: [Point] = []
        for piece in pieces {
            let sides = piece.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            let part = sides.count == 2 ? Scale(sides[1])?.value : points.isEmpty ? 0 : nil
            guard let scale = Scale(sides[0]), let part, part < 1, points.last.map({ $0.from < part }) ?? (part == 0)
            else { throw .invalidSchedule(text) }
            points.append(Point(scale: scale, from: part))
        }
        self.points = points
    }

    /// The scale that holds when that part of the steps is done.
    package func scale(at part: Double) -> Scale { points.last { $0.from <= part }?.scale ?? points[0].scale }
}

extension ReferenceError {
    /// What is wrong with a text that stands where one scale should.
    static func scale(_ text: String) -> ReferenceError {
        text.contains("@") && (try? ScaleSchedule(text)) != nil ? .stepwiseScale(text) : .invalidScale(text)
    }
}
