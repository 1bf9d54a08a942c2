/// A strength that may change with the steps of a picture: `0.8`, or `0@0.0,1@0.4`.
///
/// A list has a weight and the place from which it holds in each part, separated by commas or semicolons. A place is a
/// fraction of the steps if it is written with a point, else a step, counted from 0. A weight holds until the next one's
/// place; the first one holds from the beginning.
package struct StepWeights: Hashable, Sendable {
    private struct Point: Hashable {
        let weight: Double
        let position: StepPosition
    }

    private let points: [Point]

    /// The same weight at every step.
    package init(_ weight: Double) {
        self.init(points: [Point(weight: weight, position: .step(0))])
    }

    /// nil for what is no number and no such list.
    package init?(_ text: some StringProtocol) {
        if let weight = DecimalNumber.value(text.trimmed) {
            self.init(weight)
            return
        }
        var points: [Point] = []
        for part in text.split(omittingEmptySubsequences: false, whereSeparator: { $0 == "," || $0 == ";" }) {
            let values = part.split(separator: "@", omittingEmptySubsequences: false).map(\.trimmed)
            guard values.count == 2, let weight = DecimalNumber.value(values[0]), let position = StepPosition(values[1])
            else { return nil }
            points.append(Point(weight: weight, position: position))
        }
        self.init(points: points)
    }

    private init(points: [Point]) {
        self.points = points
    }

    /// Is it the same at every step?
    package var isConstant: Bool { points.allSatisfy { $0.weight == points.first?.weight } }

    /// The weight at a step, counted from 0. Of several at one place, the last one written holds.
    package func weight(at step: Int, of steps: Int) -> Double {
        let places = points.map { (place: $0.position.step(of: steps), weight: $0.weight) }
        let begun = places.filter { $0.place <= step }
        let latest = begun.map(\.place).max()
        return (begun.last { $0.place == latest } ?? places.min { $0.place < $1.place })?.weight ?? 1
    }
}
