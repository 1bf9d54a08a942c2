/// What keeps a predicted picture in range.
enum CleanLimit: Sendable {
    case none
    case clip(Float)
    /// Dynamic thresholding: clip at a quantile of the picture's magnitudes, at least 1 and at most `largest`, and
    /// divide by it.     Saharia and others, arXiv 2205.11487
    case threshold(quantile: Double, largest: Float)

    /// - Parameter clips: what the class takes for `clip_sample`; nil if it has no such field.
    /// - Parameter thresholds: whether the class has `thresholding`.
    init(_ config: ScheduleConfig, clips: Bool?, thresholds: Bool) throws(ScheduleError) {
        if thresholds, try config.flag("thresholding") {
            self = .threshold(
                quantile: try config.number("dynamic_thresholding_ratio", default: 0.995, in: 0...1),
                largest: Float(try config.number("sample_max_value", default: 1, in: 1...1e9)))
        } else if let clips, try config.flag("clip_sample", default: clips) {
            self = .clip(Float(try config.number("clip_sample_range", default: 1, in: 0...1e9)))
        } else {
            self = .none
        }
    }

    /// - Parameter pictures: how many there are, one after the other; each has its own threshold.
    func apply(to clean: Numbers, pictures: Int) {
        switch self {
        case .none: return
        case .clip(let range): Self.clip(clean, range, divisor: 1)
        case .threshold(let quantile, let largest):
            let size = clean.count / pictures
            for index in 0..<pictures {
                let picture = Numbers(start: clean.start + index * size, count: size)
                let limit = min(max(Self.quantile(quantile, of: picture), 1), largest)
                Self.clip(picture, limit, divisor: limit)
            }
        }
    }

    private static func clip(_ picture: Numbers, _ limit: Float, divisor: Float) {
        for index in 0..<picture.count {
            picture.start[index] = min(max(picture.start[index], -limit), limit) / divisor
        }
    }

    /// Of the magnitudes, between neighbours linearly.
    private static func quantile(_ quantile: Double, of picture: Numbers) -> Float {
        let magnitudes = picture.buffer.map { abs($0) }.sorted()
        guard let last = magnitudes.last else { return 0 }
        let rank = quantile * Double(magnitudes.count - 1)
        let lower = Int(rank)
        guard lower + 1 < magnitudes.count else { return last }
        return magnitudes[lower] + Float(rank - Double(lower)) * (magnitudes[lower + 1] - magnitudes[lower])
    }
}
