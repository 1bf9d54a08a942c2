internal import Glibc

/// σ/α by timestep, and the way back.
struct SigmaTable: Sendable {
    /// Rising, as the timesteps.
    let sigmas: [Float]
    private let logarithms: [Float]

    init(_ alphas: AlphaTable) {
        sigmas = alphas.products.map { ((1 - $0) / $0).squareRoot() }
        logarithms = sigmas.map { logf($0) }
    }

    var smallest: Double { Double(sigmas[0]) }
    var largest: Double { Double(sigmas[sigmas.count - 1]) }

    /// At any time, between timesteps linearly.
    func sigma(at time: Double) -> Double {
        let last = sigmas.count - 1
        guard time > 0 else { return smallest }
        guard time < Double(last) else { return largest }
        let lower = Int(time)
        let start = Double(sigmas[lower])
        return (Double(sigmas[lower + 1]) - start) * (time - Double(lower)) + start
    }

    /// The time of a sigma, between timesteps linearly in ln σ.
    func time(of sigma: Double) -> Double {
        let logarithm = log(max(sigma, 1e-10))
        let above = logarithms.firstIndex { Double($0) > logarithm } ?? logarithms.count
        let lower = min(max(above - 1, 0), logarithms.count - 2)
        let start = logarithms[lower]
        let part = min(max((Double(start) - logarithm) / Double(start - logarithms[lower + 1]), 0), 1)
        return (1 - part) * Double(lower) + part * Double(lower + 1)
    }
}
