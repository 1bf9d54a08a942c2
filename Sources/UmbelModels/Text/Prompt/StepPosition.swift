/// A place in the course of a picture's steps, as people write it.
package enum StepPosition: Hashable, Sendable {
    /// Of all steps; written with a point: `0.4`.
    case fraction(Double)
    /// A number of steps: `8`.
    case step(Double)

    /// nil for what is no number.
    package init?(_ text: some StringProtocol) {
        guard let value = DecimalNumber.value(text) else { return nil }
        self = text.contains(".") ? .fraction(value) : .step(value)
    }

    /// The number of steps before it, 0 to `steps` at most; negative for a place before the first one.
    package func step(of steps: Int) -> Int {
        let place =
            switch self {
            case .fraction(let fraction): fraction * Double(steps)
            case .step(let step): step
            }
        return Int(max(-1, min(Double(steps), place.rounded(.towardZero))))
    }
}
