/// How much longer a peer is waited for.
///
/// Only waiting uses it up, and every `refillBytes` that move fill it again: a peer that sends one byte a second runs
/// out of it just like one that sends none, and a slow but honest one does not. Pure; the waits are told to it.
struct Patience {
    static let refillBytes = 4_096

    let seconds: Double
    private(set) var left: Double
    private let refills: Bool
    private var moved = 0

    /// - Parameter refills: false makes `seconds` the limit of all waiting together.
    init(seconds: Double, refills: Bool = true) {
        self.seconds = seconds
        self.refills = refills
        left = seconds
    }

    mutating func waited(_ duration: Double) { left -= duration }

    mutating func moved(_ bytes: Int) {
        moved += bytes
        guard refills, moved >= Self.refillBytes else { return }
        moved = 0
        left = seconds
    }
}
