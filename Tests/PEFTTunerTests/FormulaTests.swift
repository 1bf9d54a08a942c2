import Testing
import UmbelAdapters
import UmbelFormats
import UmbelNames
import UmbelTensor

/// Small numbers worked out by hand, for what no golden holds.
@Suite struct FormulaTests {
    @Test func boneBlocksRepeatAlongTheInputs() throws {
        let module = Make.module(["miss_block": Make.tensor([2, 2], [1, 2, 10, 20])])
        let patches = try MISS.patches(for: module, on: Make.target([2, 3]), in: Make.context(["peft_type": "BONE"]))
        #expect(AlgorithmList.spellings.contains { $0.suffix == "bone_block" && $0.role == "miss_block" })
        // block[c mod 2, o]
        #expect(try Make.merged(patches, Matrix(rows: 2, columns: 3, repeating: 0)) == [1, 10, 1, 2, 20, 2])
    }

    @Test func repeatedSparsePlacesAdd() throws {
        let module = Make.module([
            "shira_weight": Make.tensor([3], [1, 2, 4]), "shira_indices": Make.integers([2, 3], [0, 1, 0, 1, 0, 1]),
        ])
        let patches = try SHiRA.patches(for: module, on: Make.target([2, 2]), in: Make.context(["peft_type": "SHIRA"]))
        #expect(try Make.merged(patches, Matrix(rows: 2, columns: 2, repeating: 1), strength: 2) == [1, 11, 5, 1])
    }

    @Test func aRotationByARightAngleSwapsAPairOfOutputs() throws {
        let module = Make.module([
            "road_theta": Make.tensor([1], [.pi / 2]), "road_alpha": Make.tensor([1], [2]),
        ])
        let context = try Make.context(["peft_type": "ROAD", "variant": "road_1", "group_size": 2])
        let patches = try RoAd.patches(for: module, on: Make.target([2, 1], bias: 2), in: context)
        #expect(patches.count == 2)
        let values = try Make.merged(Array(patches.prefix(1)), Matrix(rows: 2, columns: 1, values: [3, 5]))
        #expect(abs(values[0] + 10) < 1e-5 && abs(values[1] - 6) < 1e-5)
    }

    /// T terms of the Cayley–Neumann series: 0.16 and 0.17 end with a 2, later releases with a 1.
    @Test(
        arguments: [
            (1, [], []), (2, [2], [2]), (3, [2, 2], [2, 2, 1]), (4, [2, 2, 2], [2, 2, 1]),
            (5, [2, 2, 2, 2], [2, 2, 2, 1]),
        ] as [(Int, [Double], [Double])])
    func theSeriesEndsByTheRelease(terms: Int, old: [Double], new: [Double]) throws {
        // Q = [[0, q], [−q, 0]] has Q² = −q²·I, so R tells the coefficients of even and odd powers.
        let q = 0.5
        for (version, coefficients) in [("", old), ("0.18.1.dev0@abc", new)] {
            var members: [JSON.Member] = [
                .init("peft_type", "OFT"), .init("use_cayley_neumann", true),
                .init("num_cayley_neumann_terms", JSON(terms)),
            ]
            if !version.isEmpty { members.append(.init("peft_version", JSON(version))) }
            let module = Make.module(["oft_R.weight": Make.tensor([1, 1], [Float(q)])])
            let patches = try PEFTOFT.patches(for: module, on: Make.target([2, 2]), in: Make.context(.object(members)))
            let identity = Matrix(rows: 2, columns: 2, values: [1, 0, 0, 1])
            let transposed = try Make.merged(patches, identity)
            let even =
                1
                + zip(coefficients.indices, coefficients).filter { $0.0 % 2 == 1 }.reduce(0.0) {
                    $0 + $1.1 * ($1.0 % 4 == 1 ? -1 : 1) * power(q, $1.0 + 1)
                }
            let odd = zip(coefficients.indices, coefficients).filter { $0.0 % 2 == 0 }.reduce(0.0) {
                $0 + $1.1 * ($1.0 % 4 == 2 ? -1 : 1) * power(q, $1.0 + 1)
            }
            let expected = [even, -odd, odd, even].map { Float($0) }
            #expect(
                zip(transposed, expected).allSatisfy { abs($0 - $1) < 1e-6 }, "\(version) \(transposed) \(expected)")
        }
    }

    private func power(_ base: Double, _ exponent: Int) -> Double {
        (0..<exponent).reduce(1) { value, _ in value * base }
    }

    /// Rotating outputs, peft ≤ 0.13: one shared block for all positions, the last one cut.
    @Test func aSharedOldBlockIsUsedEverywhereAndCut() throws {
        // Q = [[0, 1], [−1, 0]], so R = (I − Q)(I + Q)⁻¹ = [[0, −1], [1, 0]] and Rᵀ = [[0, 1], [−1, 0]].
        let module = Make.module(["oft_r": Make.tensor([1, 2, 2], [0, 2, 0, 0])])
        let context = try Make.context(["peft_type": "OFT", "r": 2, "block_share": true])
        let patches = try PEFTOFT.patches(for: module, on: Make.target([3, 1]), in: context)
        #expect(try Make.merged(patches, Matrix(rows: 3, columns: 1, values: [3, 5, 7])) == [5, -3, 0])
    }

    @Test func prunedToNothingMeansNoChange() throws {
        let module = Make.module([
            "lora_E": Make.tensor([0, 1]), .down: Make.tensor([0, 3]), .up: Make.tensor([2, 0]),
        ])
        let context = try Make.context(["peft_type": "ADALORA", "init_r": 4, "lora_alpha": 8])
        #expect(try AdaLoRA.patches(for: module, on: Make.target([2, 3]), in: context).isEmpty)
    }

    @Test(arguments: ["pissa", "olora"])
    func aStartOfFullRankLeavesOnlyTheDelta(start: String) throws {
        let module = Make.module([
            .down: Make.tensor([2, 3], [1, 0, 0, 0, 0, 0]), .up: Make.tensor([2, 2], [1, 0, 0, 0]),
        ])
        let context = try Make.context(["peft_type": "LORA", "lora_alpha": 2, "init_lora_weights": JSON(start)])
        let patches = try LoRA.patches(for: module, on: Make.target([2, 3]), in: context)
        let base = Matrix(rows: 2, columns: 3, values: [3, 1, 2, -1, 4, 0.5])
        // The start is taken away whole at any strength, the delta by the strength.
        let values = try Make.merged(patches, base, strength: 0.5)
        #expect(zip(values, [0.5, 0, 0, 0, 0, 0]).allSatisfy { abs($0 - $1) < 1e-5 }, "\(values)")
    }

    @Test func versionsAreComparedByNumbers() throws {
        #expect(try #require(PEFTVersion(parsing: "0.9.0")) < #require(PEFTVersion(parsing: "0.18.1.dev0@unknown")))
        #expect(PEFTVersion(parsing: "main") == nil)
    }
}
