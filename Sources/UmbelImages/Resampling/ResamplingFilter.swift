internal import Glibc

/// How a pixel's neighbours are weighed when a picture changes its size; x is the distance in pixels of the coarser of
/// the two grids, so that a smaller picture is an average and nothing is skipped.
package enum ResamplingFilter: Hashable, Sendable, CaseIterable {
    /// 1 for |x| ≤ 1/2: the mean of an area.
    case area
    /// 1 - |x| for |x| < 1.
    case bilinear
    /// sinc(x) · sinc(x/3) for |x| < 3.
    case lanczos

    /// Beyond it weights are 0.
    var radius: Double {
        switch self {
        case .area: 0.5
        case .bilinear: 1
        case .lanczos: 3
        }
    }

    func weight(_ x: Double) -> Double {
        switch self {
        // One of the two ends, so that a pixel on a border belongs to one side.
        case .area: x > -0.5 && x <= 0.5 ? 1 : 0
        case .bilinear: max(0, 1 - abs(x))
        case .lanczos: x >= -3 && x < 3 ? Self.sinc(x) * Self.sinc(x / 3) : 0
        }
    }

    private static func sinc(_ x: Double) -> Double {
        x == 0 ? 1 : sin(x * .pi) / (x * .pi)
    }
}
