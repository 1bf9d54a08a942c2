/// What a random mask is drawn for.
package struct MaskSubject: Hashable, Sendable {
    package enum Side: String, Sendable {
        case difference
        case down
        case up
    }

    /// The module's place in the base: labels of its tensors, and how they are cut.
    package let place: String
    package let side: Side
    /// Of the adapter, among those that are applied, from 0.
    package let part: Int

    package init(place: String, side: Side, part: Int) {
        self.place = place
        self.side = side
        self.part = part
    }
}

/// Where random masks come from.
package protocol KeepMasks: Sendable {
    /// Says of each element, by its index in the matrix row by row, whether it is kept.
    func mask(of subject: MaskSubject, density: Double) -> @Sendable (Int) -> Bool
}

/// Masks by a counter: element i of a subject is kept if SplitMix64's output number i, from the subject's own state, is
/// below the density as a fraction of 53 bits. Any element can be asked for alone, so tiles and threads change nothing.
///
/// The state is SplitMix64's mix of FNV-1a (64 bits) over the text "seed/part/side/place".
/// Sources: Steele, Lea and Flood 2014; Fowler, Noll and Vo.
package struct CounterMasks: KeepMasks {
    private let seed: UInt64

    package init(seed: UInt64) {
        self.seed = seed
    }

    package func mask(of subject: MaskSubject, density: Double) -> @Sendable (Int) -> Bool {
        let state = Self.mix(Self.hash("\(seed)/\(subject.part)/\(subject.side.rawValue)/\(subject.place)"))
        return { index in
            let drawn = Self.mix(state &+ (UInt64(index) &+ 1) &* 0x9e37_79b9_7f4a_7c15)
            return Double(drawn >> 11) * 0x1p-53 < density
        }
    }

    private static func hash(_ text: String) -> UInt64 {
        text.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    }

    private static func mix(_ state: UInt64) -> UInt64 {
        var mixed = (state ^ (state >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}
