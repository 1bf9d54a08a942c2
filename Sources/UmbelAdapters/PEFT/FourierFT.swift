package import UmbelNames
internal import UmbelTensor

/// FourierFT: ΔW = `scaling` · Re(ifft2(S)), S zero but for n trained numbers sₖ at random places (pₖ, qₖ).
/// arXiv 2405.03003
///
/// The places are the first n of a permutation of out·in seeded with `random_loc_seed`: position i is row i div in, column
/// i mod in. As Re e^{i(α+β)} = cos α·cos β − sin α·sin β, ΔW is an ordinary product of rank 2 × (number of different pₖ):
/// ΔW[a,b] = scaling/(out·in) · Σ_p cos(2πpa/out)·C_p[b] − sin(2πpa/out)·D_p[b], where C_p[b] = Σ sₖ·cos(2πqₖb/in) over the
/// k with pₖ = p, and D_p the same with sine. Source: PEFT `FourierFTLayer.get_delta_weight`.
package struct FourierFT: Algorithm {
    package static let name = "fourierft"

    static let spectrum: Role = "fourierft_spectrum"

    package static let roles = [RoleSpelling(spectrum)]

    package static func claims(_ module: ModuleFactors, in context: AdapterContext) -> Bool { module.has(spectrum) }

    package static func patches(
        for module: ModuleFactors, on target: Target, in context: AdapterContext
    ) throws(ModuleError) -> [Patch] {
        let view = try target.requireWeight(module)
        let spectrum = try module.require(spectrum).values()
        let scaling = try context.requireNumber("scaling", module)
        let seed = context.config(for: module.stem)?.number("random_loc_seed") ?? 777
        guard spectrum.count <= view.rows * view.columns else {
            throw module.mismatch(Self.spectrum, expected: "at most \(view.rows * view.columns) numbers")
        }
        guard let seed = UInt32(exactly: seed) else {
            throw .notMergeable(module: module.stem, reason: "random_loc_seed \(seed) is no seed of 32 bits")
        }
        var generator = MersenneTwister(seed: seed)
        let places = generator.permutation(first: spectrum.count, of: view.rows * view.columns)
        var waves: [Int: [(column: Int, value: Double)]] = [:]
        for (place, value) in zip(places, spectrum) {
            waves[place / view.columns, default: []].append((place % view.columns, Double(value)))
        }
        let scale = scaling / (Double(view.rows) * Double(view.columns))
        return [Addition.patch(view, product(waves, rows: view.rows, columns: view.columns, scale: scale))]
    }

    private static func product(
        _ waves: [Int: [(column: Int, value: Double)]], rows: Int, columns: Int, scale: Double
    ) -> LowRankDelta {
        let (rowTable, columnTable) = (UnitCircle(rows), UnitCircle(columns))
        let frequencies = waves.keys.sorted()
        let up = Matrix(rows: rows, columns: 2 * frequencies.count)
        let down = Matrix(rows: 2 * frequencies.count, columns: columns)
        for (index, frequency) in frequencies.enumerated() {
            for row in 0..<rows {
                let angle = frequency * row % rows
                up[row, 2 * index] = Float(rowTable.cosines[angle])
                up[row, 2 * index + 1] = Float(-rowTable.sines[angle])
            }
            let terms = waves[frequency] ?? []
            for column in 0..<columns {
                var (cosine, sine) = (0.0, 0.0)
                for term in terms {
                    let angle = term.column * column % columns
                    cosine += term.value * columnTable.cosines[angle]
                    sine += term.value * columnTable.sines[angle]
                }
                down[2 * index, column] = Float(cosine)
                down[2 * index + 1, column] = Float(sine)
            }
        }
        return LowRankDelta(up: up, down: down, scale: scale)
    }
}

/// cos and sin of 2πi/n.
private struct UnitCircle {
    let cosines: [Double]
    let sines: [Double]

    init(_ count: Int) {
        let angles = (0..<count).map { 2 * .pi * Double($0) / Double(count) }
        cosines = angles.map(ElementaryFunctions.cosine)
        sines = angles.map(ElementaryFunctions.sine)
    }
}
