import Testing
import UmbelAdapters
import UmbelFormats
import UmbelTensor

/// What PEFT itself merged, against what the patches make of the same base.
@Suite struct GoldenTests {
    private let pool = ComputePool(threads: 2)

    @Test func theGoldensAreThere() {
        #expect(GoldenCase.tuners.count >= 60)
        #expect(GoldenCase.besideLoRA.count == 13)
    }

    @Test(arguments: GoldenCase.tuners + GoldenCase.besideLoRA)
    func aMergeGivesWhatPEFTGave(golden: GoldenCase) throws {
        let base = try TinyBase(golden)
        var merged = base
        var adapter = try TinyAdapter(folder: golden.adapterFolder)
        try merged.merge(adapter.patches(on: base), strength: golden.strength, pool: pool)
        let expected = try SafetensorsFile(path: golden.expectedPath)
        for (index, name) in merged.names.enumerated() {
            guard let view = expected.view(name) else {
                #expect(!golden.changed.contains(name))
                #expect(merged.values[index].values == base.values[index].values, "\(name) must not change")
                continue
            }
            let worst = largestExcess(merged.values[index].values, view.values(), golden)
            #expect(worst <= 0, "\(name) is off by \(worst) more than allowed")
        }
    }

    /// Rotations, scalings and additions of these tuners all go in a straight line from the base.
    @Test(arguments: GoldenCase.tuners, [0.35, -0.8])
    func strengthMovesAlongTheStraightLine(golden: GoldenCase, strength: Double) throws {
        let base = try TinyBase(golden)
        var (full, part) = (base, base)
        var adapter = try TinyAdapter(folder: golden.adapterFolder)
        let patches = try adapter.patches(on: base)
        try full.merge(patches, strength: 1, pool: pool)
        try part.merge(patches, strength: strength, pool: pool)
        let isReplaced = ["ln-tuning", "trainable-tokens", "oft-conv-terms1"].contains { golden.id.hasPrefix($0) }
        for index in base.names.indices {
            let factor = isReplaced ? 1 : strength
            let line = zip(base.values[index].values, full.values[index].values).map { start, end in
                Float(Double(start) + factor * (Double(end) - Double(start)))
            }
            let worst = largestExcess(part.values[index].values, line, golden)
            #expect(worst <= 0, "\(base.names[index]) is off the line by \(worst)")
        }
    }

    @Test(arguments: GoldenCase.tuners)
    func noBitDependsOnTilesOrThreads(golden: GoldenCase) throws {
        let base = try TinyBase(golden)
        var adapter = try TinyAdapter(folder: golden.adapterFolder)
        for patch in try adapter.patches(on: base) {
            guard case .transform(.rows(let transform), _) = patch.change, let view = patch.view else { continue }
            let (whole, tiled) = (base.gather(view), base.gather(view))
            transform.apply(
                to: RowTile(firstRow: 0, rows: whole.rows, columns: whole.columns, start: whole.start), strength: 0.7)
            pool.forEachRange(tiled.rows, grain: transform.rowGroup) { rows in
                transform.apply(
                    to: RowTile(
                        firstRow: rows.lowerBound, rows: rows.count, columns: tiled.columns,
                        start: tiled.row(rows.lowerBound)),
                    strength: 0.7)
            }
            #expect(whole.values == tiled.values)
        }
    }

    /// How far beyond the tolerance the worst element is.
    private func largestExcess(_ values: [Float], _ expected: [Float], _ golden: GoldenCase) -> Double {
        guard values.count == expected.count else { return .infinity }
        return zip(values, expected).reduce(0.0) { worst, pair in
            let allowed = golden.absoluteTolerance + golden.relativeTolerance * abs(Double(pair.1))
            let excess = abs(Double(pair.0) - Double(pair.1)) - allowed
            return excess.isNaN ? .infinity : max(worst, excess)
        }
    }
}
