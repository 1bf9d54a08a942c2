import Testing
import UmbelFormats
import UmbelNames
import UmbelTensor
import UmbelTesting

@testable import UmbelAdapters

/// What an adapter file is taken for before any base is there.
@Suite("Reading adapters")
struct AdapterReadingTests {
    private static func tensor(_ name: String, _ shape: [Int]) -> TestTensor {
        TestTensor(name, shape, (0..<shape.elementCount).map { Float($0 % 5 + 1) / 8 })
    }

    private static func pair(_ stem: String, rank: Int = 2, out: Int = 4, inputs: Int = 4) -> [TestTensor] {
        [tensor("\(stem).lora_down.weight", [rank, inputs]), tensor("\(stem).lora_up.weight", [out, rank])]
    }

    private func error(_ tensors: [TestTensor]) -> AdapterError? {
        do {
            _ = try Adapter(tensors)
            return nil
        } catch {
            return error as? AdapterError
        }
    }

    @Test("Files that are no adapters are refused with what is wrong")
    func refusals() {
        #expect(error([]) == .noTensors)
        #expect(
            error(Self.pair("lycoris_a") + [Self.tensor("lycoris_a.hada_w1_a", [4, 2])])
                == .module(.twoFamilies(module: "lycoris_a", algorithms: ["lora", "loha"])))
        #expect(
            error([Self.tensor("lycoris_a.frobnicate", [2])])
                == .module(.unknownAlgorithm(module: "lycoris_a", keys: ["lycoris_a.frobnicate"])))
        #expect(
            error([Self.tensor("lycoris_a.alpha", [])])
                == .module(.unknownAlgorithm(module: "lycoris_a", keys: ["lycoris_a.alpha"])))
        #expect(
            error([Self.tensor("m.q.lora_A.weight", [2, 4]), Self.tensor("m.q.lora.down.weight", [2, 4])])
                == .duplicateRole(module: "m.q", keys: ["m.q.lora_A.weight", "m.q.lora.down.weight"]))
        #expect(
            error([TestTensor("lycoris_a.diff", [2], [1, .nan])])
                == .module(.nonFinite(key: "lycoris_a.diff", index: 1)))
    }

    @Test("What an adapter holds beside its modules is told")
    func notes() throws {
        let adapter = try Adapter(
            Self.pair("lycoris_a") + [
                Self.tensor("lycoris_a.frobnicate", [1]), Self.tensor("somewhere.else", [1]),
                Self.tensor("bundle_emb.cat.string_to_param.*", [1, 2]), Self.tensor("lycoris_a.bias_values", [1]),
                Self.tensor("base_model.model.h.original_module.weight", [2]),
            ])
        #expect(adapter.modules.count == 1)
        #expect(adapter.unknownKeys.sorted() == ["lycoris_a.frobnicate", "somewhere.else"])
        #expect(adapter.embeddings.map(\.name) == ["cat"])
        let codes = adapter.notes.map(\.code)
        #expect(
            codes.contains(.keyIgnored) && codes.contains(.residualNotApplied) && codes.contains(.bundledEmbeddings))
        #expect(codes.contains(.scaleGuessed), "no alpha and no settings")
    }

    @Test("The format is told by names, settings and metadata")
    func formats() throws {
        #expect(try Adapter(Self.pair("lora_unet_a")).format == .kohya)
        #expect(try Adapter(Self.pair("lycoris_a")).format == .lycoris)
        #expect(
            try Adapter(Self.pair("lora_unet_a"), metadata: [("ss_network_module", "lycoris.kohya")]).format == .lycoris
        )
        #expect(try Adapter(Self.pair("unet.a.to_q")).format == .diffusers)
        #expect(try Adapter(Self.pair("base_model.model.a")).format == .peft)
        #expect(try Adapter([Self.tensor("lora_unet_a.diff", [2])]).format == .lycoris)
    }

    @Test("A torn module is found without a base")
    func structuralErrors() throws {
        #expect(try Adapter(Self.pair("lycoris_a")).structuralError() == nil)
        #expect(
            try Adapter([Self.tensor("lycoris_a.lora_up.weight", [4, 2])]).structuralError()
                == .missingFactor(module: "lycoris_a", key: "lycoris_a.lora_down.weight"))
        let ranks = [
            Self.tensor("lycoris_a.lora_up.weight", [4, 3]), Self.tensor("lycoris_a.lora_down.weight", [2, 4]),
        ]
        guard case .rankMismatch? = try Adapter(ranks).structuralError() else {
            Issue.record("ranks that disagree are not found")
            return
        }
    }

    // MARK: Scales (lycoris.md 3)

    @Test(
        "Alpha over rank, where 0 and nothing mean 1",
        arguments: [(nil, 1), (0, 1), (8, 2), (-2, -0.5), (4, 1), (1, 0.25)] as [(Float?, Double)])
    func alpha(_ alpha: Float?, _ scale: Double) throws {
        for shape in [[], [1]] {
            var module = ModuleFactors(stem: "m")
            if let alpha { _ = module.add(.alpha, key: "m.alpha", TestTensor("m.alpha", shape, [alpha]).view) }
            #expect(try AdapterContext().scale(of: module, path: "m", rank: 4) == scale)
        }
    }

    @Test("Alpha may be of any numeric type, and must be one finite number")
    func alphaTypes() throws {
        func scale(_ tensor: TestTensor) throws -> Double {
            var module = ModuleFactors(stem: "m")
            _ = module.add(.alpha, key: "m.alpha", tensor.view)
            return try AdapterContext().scale(of: module, path: "m", rank: 4)
        }
        for dtype in [DType.f64, .f32, .f16, .bf16, .f8e4m3, .f8e5m2] {
            #expect(try scale(TestTensor("m.alpha", [], [8], as: dtype)) == 2)
        }
        #expect(try scale(.integers("m.alpha", [], [8])) == 2)
        #expect(throws: ModuleError.nonFinite(key: "m.alpha", index: 0)) {
            try scale(TestTensor("m.alpha", [], [.infinity]))
        }
        #expect(throws: ModuleError.self) { try scale(TestTensor("m.alpha", [2], [1, 2])) }
    }

    @Test("Settings scale by their own rules, and a tensor beats them")
    func settings() throws {
        func scale(_ settings: JSON, path: String = "a.q_proj", alpha: Float? = nil) throws -> Double {
            var context = AdapterContext()
            context.peft = try PEFTConfig(fields: settings)
            var module = ModuleFactors(stem: "base_model.model.\(path)")
            if let alpha { _ = module.add(.alpha, key: "alpha", TestTensor("alpha", [], [alpha]).view) }
            return try context.scale(of: module, path: path, rank: 4)
        }
        #expect(try scale(["lora_alpha": 8]) == 2)
        #expect(try scale(["lora_alpha": 0]) == 0, "0 means 0 there")
        #expect(try scale(["r": 16]) == 1)
        #expect(try scale(["lora_alpha": 8, "use_rslora": true]) == 4)
        #expect(try scale(["lora_alpha": 8, "alpha_pattern": ["q_proj": 2]]) == 0.5)
        #expect(try scale(["lora_alpha": 8, "alpha_pattern": ["k_proj": 2]]) == 2)
        #expect(try scale(["lora_alpha": 8], alpha: 1) == 0.25)
    }

    @Test("A plain pattern is compared as its regular expression would be")
    func plainPatterns() throws {
        let words = ["a", "b1", ".", "..", "_", "-", "^", "\n", "q_proj", "ü"]
        Fuzz.run { random, seed in
            func text(_ most: Int, _ words: [String]) -> String {
                (0..<Int.random(in: 0...most, using: &random)).map { _ in words.randomElement(using: &random) ?? "" }
                    .joined()
            }
            let pattern = (Bool.random(using: &random) ? "^" : "") + text(4, Array(words.prefix(6)))
            let path = text(4, words) + (Bool.random(using: &random) ? pattern.replacing("^", with: "") : "")
            let (plain, full) = (PEFTPattern(pattern), PEFTPattern.expression(pattern))
            #expect(plain?.matches(path) == full?.matchesWhole(path), "\(seed): \(pattern) on \(path)")
        }
    }

    @Test("A pattern that a backtracking matcher would never finish is answered")
    func catastrophicPatterns() throws {
        let path = String(repeating: "a", count: 400) + "!"
        for pattern in ["(a+)+$", "(a*)*b", "(a|a)*b", "(.*)*x", "((a+)+)+b", "(a?){200}a{200}", "([a-z]+)*\\d"] {
            #expect(PEFTPattern(pattern)?.matches(path) == false, "\(pattern)")
        }
        for pattern in ["(a)\\1", "(?=a)a", "(?<!b)a", "a{300}", "((a{200}){200}){200}", "(", "a)", "[", "*a", "a**"] {
            #expect(PEFTPattern(pattern) == nil || pattern == "a)", "\(pattern)")
        }
    }

    @Test("Patterns that ask for much together are refused, hundreds of module paths are not")
    func patternCost() throws {
        let paths = (0..<2000).map { JSON.Member("transformer.blocks.\($0).attn.to_q", .number("4")) }
        let config = try PEFTConfig(fields: ["alpha_pattern": .object(paths)])
        #expect(config.scale(path: "transformer.blocks.1999.attn.to_q", rank: 2) == 2)
        let repeats = (0..<600).map { JSON.Member("(a{250}){16}b\($0)", .number("4")) }
        #expect(throws: PEFTConfigError.wrongType(field: "alpha_pattern")) {
            try PEFTConfig(fields: ["alpha_pattern": .object(repeats)])
        }
    }

    // MARK: DoRA's axis (lycoris.md 6)

    @Test(
        "The axis of dora_scale is read off its whole shape",
        arguments: [
            ([4, 6], [4, 1], .output), ([4, 6], [1, 6], .input), ([4, 6], [4], .output), ([4, 6], [6], nil),
            ([4, 6], [6, 1], nil), ([4, 6], [1, 4], nil), ([4, 4], [4, 1], .output), ([4, 4], [1, 4], .input),
            ([1, 6], [1, 6], .input), ([1, 6], [1, 1], .output), ([6, 1], [6, 1], .output), ([6, 1], [1, 1], .input),
            ([1, 1], [1, 1], .output), ([8, 4, 3, 3], [8, 1, 1, 1], .output), ([8, 4, 3, 3], [1, 4, 1, 1], .input),
            ([8, 4, 3, 3], [8, 1], .output), ([8, 4, 3, 3], [1, 4, 3, 3], nil), ([8, 4, 3, 3], [1, 36], nil),
            ([8, 4, 3, 3], [8, 4, 1, 1], nil), ([4, 6], [], nil),
        ] as [([Int], [Int], DoRA.Axis?)])
    func doraAxis(weight: [Int], shape: [Int], axis: DoRA.Axis?) {
        let view = TargetView(pieces: [Piece(tensor: 0)], shape: weight)
        let found = try? DoRA.axis(of: shape, in: ModuleFactors(stem: "m"), on: view)
        #expect(found == axis)
    }

    // MARK: Lint

    @Test("One alpha for every rank is told of where it makes layers too strong")
    func networkWideAlpha() throws {
        func notes(_ ranks: [Int], alpha: Float) throws -> [String] {
            let tensors = ranks.enumerated().flatMap { index, rank in
                Self.pair("lora_unet_m\(index)", rank: rank) + [TestTensor("lora_unet_m\(index).alpha", [], [alpha])]
            }
            let adapter = try Adapter(tensors)
            return ScaleLint.notes(adapter, context: adapter.context).filter { $0.code == .alphaInconsistent }.flatMap(
                \.keys)
        }
        #expect(try notes([16, 2, 4], alpha: 16) == ["lora_unet_m1", "lora_unet_m2"])
        #expect(try notes([16, 16], alpha: 16) == [])
        #expect(try notes([16, 2], alpha: 1) == [], "weak everywhere is a choice")
        #expect(try notes([4, 4], alpha: 16) == [], "strong everywhere is one as well")
    }

    @Test("Queries, keys and values saved as one pair are told of")
    func fusedRanks() throws {
        func notes(_ up: [Float]) throws -> Int {
            let adapter = try Adapter([
                Self.tensor("lora_unet_qkv.lora_down.weight", [3, 4]),
                TestTensor("lora_unet_qkv.lora_up.weight", [6, 3], up),
                TestTensor("lora_unet_qkv.alpha", [], [1]),
            ])
            return ScaleLint.notes(adapter, context: adapter.context).filter { $0.code == .alphaInconsistent }.count
        }
        let blocks: [Float] = [1, 0, 0, 2, 0, 0, 0, 3, 0, 0, 4, 0, 0, 0, 5, 0, 0, 6]
        #expect(try notes(blocks) == 1)
        var dense = blocks
        dense[1] = 1
        #expect(try notes(dense) == 0)
    }

    @Test("Settings of another rank than the tensors' are told of, and the tensors count")
    func rankBesideSettings() throws {
        let adapter = try Adapter(
            [
                Self.tensor("base_model.model.a.lora_A.weight", [2, 4]),
                Self.tensor("base_model.model.a.lora_B.weight", [4, 2]),
            ], config: PEFTConfig(fields: ["peft_type": "LORA", "r": 8, "lora_alpha": 8]))
        let notes = ScaleLint.notes(adapter, context: adapter.context)
        #expect(notes.map(\.code) == [.rankDiffersFromConfig])
    }
}

/// Adapters fitted to small bases.
@Suite("Binding adapters")
struct BinderTests {
    private static func pair(_ stem: String, out: Int = 4, inputs: Int = 4) -> [TestTensor] {
        [
            TestTensor("\(stem).lora_down.weight", [1, inputs], [Float](repeating: 0.5, count: inputs)),
            TestTensor("\(stem).lora_up.weight", [out, 1], [Float](repeating: 1, count: out)),
        ]
    }

    private static func weight(_ name: String, _ shape: [Int] = [4, 4]) -> TestTensor {
        TestTensor(name, shape, [Float](repeating: 1, count: shape.elementCount))
    }

    private func report(_ adapter: [TestTensor], _ base: [TestTensor]) throws -> BindingReport {
        let base = base.base
        return Binder.bind(try Adapter(adapter), to: base, names: NameTable(catalog: base.catalog)).report
    }

    @Test("A stem that is nowhere is told with the nearest one, and a part needs leave")
    func unmatched() throws {
        let base = [Self.weight("blocks.0.attn.weight"), Self.weight("blocks.1.attn.weight")]
        let report = try report(Self.pair("lycoris_blocks_0_attn") + Self.pair("lycoris_blocks_1_atn"), base)
        #expect(report.matches.map(\.stem) == ["lycoris_blocks_0_attn"])
        #expect(report.unmatched.map(\.stem) == ["lycoris_blocks_1_atn"])
        #expect(report.unmatched.first?.nearest == "lycoris_blocks_1_attn")
        #expect(report.unmatched.first?.keys.count == 2)
        #expect(report.refusal(allowsUnmatched: false) == .partialMatch)
        #expect(report.refusal(allowsUnmatched: true) == nil)
        let none = try self.report(Self.pair("lycoris_somewhere_else"), base)
        #expect(none.refusal(allowsUnmatched: true) == .noModuleMatched(modules: 1))
    }

    @Test("A name of two modules is an error with both, whatever is allowed")
    func ambiguity() throws {
        let report = try report(Self.pair("lycoris_a_b_c"), [Self.weight("a.b_c.weight"), Self.weight("a_b.c.weight")])
        #expect(report.ambiguities.map { Set($0.modules) } == [["a.b_c", "a_b.c"]])
        #expect(report.refusal(allowsUnmatched: true) == .ambiguous)
    }

    @Test("Two stems of one file for the same rows are an error with both")
    func conflict() throws {
        let report = try report(Self.pair("lycoris_m_q") + Self.pair("m.q"), [Self.weight("m.q.weight")])
        #expect(report.ambiguities.map { Set($0.stems) } == [["lycoris_m_q", "m.q"]])
        #expect(report.ambiguities.first?.modules == ["m.q.weight"])
    }

    @Test("A shape that does not fit is told with both shapes")
    func shapes() throws {
        let report = try report(Self.pair("lycoris_m", out: 5), [Self.weight("m.weight")])
        #expect(
            report.errors == [
                .shapeMismatch(
                    module: "lycoris_m", key: "lycoris_m.lora_up.weight", shape: [5, 1], expected: "[4, 4]")
            ])
        #expect(report.refusal(allowsUnmatched: true) == .modulesDoNotFit)
    }

    @Test("A change of a bias that the base lacks is left out beside a weight's, and an error alone")
    func leftOutBias() throws {
        let base = [Self.weight("m.weight")]
        let bias = Self.weight("lycoris_m.diff_b", [4])
        let beside = try report(Self.pair("lycoris_m") + [bias], base)
        #expect(beside.refusal(allowsUnmatched: false) == nil)
        #expect(beside.notes.filter { $0.code == .leftOut }.map(\.keys) == [["lycoris_m.diff_b"]])
        let alone = try report([bias], base)
        #expect(alone.errors == [.noSuchParameter(module: "lycoris_m", parameter: "bias")])
        let both = try report(Self.pair("lycoris_m") + [bias], base + [Self.weight("m.bias", [4])])
        #expect(both.refusal(allowsUnmatched: false) == nil && !both.notes.contains { $0.code == .leftOut })
    }

    @Test("A module whose difference is zero is told of")
    func noEffect() throws {
        let zero = [
            TestTensor("lycoris_m.lora_down.weight", [1, 4], [1, 2, 3, 4]),
            TestTensor("lycoris_m.lora_up.weight", [4, 1], [0, 0, 0, 0]),
        ]
        let report = try report(zero, [Self.weight("m.weight")])
        #expect(report.notes.filter { $0.code == .noEffect }.map(\.keys) == [["lycoris_m"]])
    }

    @Test("Integers of the base cannot be merged into")
    func quantised() throws {
        let base = [TestTensor("m.weight", .i8, [4, 4], bytes: [UInt8](repeating: 1, count: 16))]
        let report = try report(Self.pair("lycoris_m"), base)
        #expect(report.errors == [.quantised(module: "lycoris_m", tensor: "m.weight", dtype: .i8)])
    }

    /// A tiny language model whose head is its embedding; both are stored.
    private static let tied: [TestTensor] = [
        weight("model.embed_tokens.weight", [6, 4]), weight("lm_head.weight", [6, 4]),
    ]

    @Test("LoKr's factors are measured before they are multiplied out")
    func largeKroneckerFactors() throws {
        let base = [
            TestTensor("flat.weight", [4, 4], [Float](repeating: 1, count: 16)),
            TestTensor("conv.weight", [4, 4, 3, 3], [Float](repeating: 1, count: 144)),
        ].base
        func error(_ stem: String, _ shapes: KeyValuePairs<String, [Int]>) throws -> [ModuleError] {
            let adapter = try Adapter(
                shapes.map { key, shape in
                    TestTensor("lycoris_\(stem).\(key)", shape, [Float](repeating: 0.5, count: shape.elementCount))
                })
            return Binder.bind(adapter, to: base, names: NameTable(catalog: base.catalog)).report.errors
        }
        func mismatch(_ stem: String, _ role: String, _ shape: [Int], _ expected: String) -> [ModuleError] {
            let stem = "lycoris_\(stem)"
            return [.shapeMismatch(module: stem, key: "\(stem).\(role)", shape: shape, expected: expected)]
        }
        // The factor alone is named, not the product with the other one: that is looked at afterwards.
        let long = 2000
        #expect(
            try error("flat", ["lokr_w1_a": [long, 1], "lokr_w1_b": [1, long], "lokr_w2": [2, 2]])
                == mismatch("flat", "lokr_w1_a", [long, long], [4, 4].shapeText))
        #expect(
            try error("flat", ["lokr_w1": [2, 2], "lokr_w2_a": [2, 1], "lokr_w2_b": [1, long]])
                == mismatch("flat", "lokr_w2_a", [2, long], [4, 4].shapeText))
        #expect(
            try error(
                "conv",
                ["lokr_w1": [2, 2], "lokr_t2": [1, 1, 3, 3], "lokr_w2_a": [1, 2], "lokr_w2_b": [1, long]])
                == mismatch("conv", "lokr_w2_a", [2, 9 * long], [4, 4, 3, 3].shapeText))
    }

    private func tiedBase(_ tensors: [TestTensor]) -> BaseWeights {
        BaseWeights(
            catalog: BaseCatalog(
                tensors: tensors.map { BaseTensor(name: $0.name, shape: $0.shape) }, modelType: "llama",
                tiesEmbeddings: true), views: tensors.map(\.view))
    }

    @Test("Of tied tensors that are both stored, a change of one is a change of both")
    func tiedTensors() throws {
        let base = tiedBase(Self.tied)
        let adapter = try Adapter(
            [
                TestTensor("base_model.model.lm_head.lora_A.weight", [1, 4], [1, 0, 0, 0]),
                TestTensor("base_model.model.lm_head.lora_B.weight", [6, 1], [1, 2, 3, 4, 5, 6]),
            ], config: PEFTConfig(fields: ["peft_type": "LORA", "r": 1, "lora_alpha": 1]))
        let binding = Binder.bind(adapter, to: base, names: NameTable(catalog: base.catalog))
        #expect(binding.report.refusal(allowsUnmatched: false) == nil, "\(binding.report)")
        let plan = MergePlan(base: base, steps: [.init(binding: binding, strength: 1)])
        #expect(plan.touched == [0, 1])
        let merger = TensorMerger(plan: plan, pool: ComputePool(threads: 1))
        let (embedding, head) = (try merger.merge(0)[0]?.copiedBytes, try merger.merge(1)[1]?.copiedBytes)
        #expect(embedding != nil && embedding == head)
    }

    @Test("A vocabulary that was resized for training replaces the base's, and the pair is added to it")
    func resizedVocabulary() throws {
        let base = tiedBase([Self.weight("model.embed_tokens.weight", [6, 4])])
        let adapter = try Adapter(
            [
                TestTensor(
                    "base_model.model.model.embed_tokens.base_layer.weight", [8, 4], [Float](repeating: 2, count: 32)),
                TestTensor("base_model.model.model.embed_tokens.lora_embedding_A", [1, 8], [1, 2, 3, 4, 5, 6, 7, 8]),
                TestTensor("base_model.model.model.embed_tokens.lora_embedding_B", [4, 1], [1, 0, 0, 0]),
            ], config: PEFTConfig(fields: ["peft_type": "LORA", "r": 1, "lora_alpha": 1]))
        let binding = Binder.bind(adapter, to: base, names: NameTable(catalog: base.catalog))
        #expect(binding.report.refusal(allowsUnmatched: false) == nil, "\(binding.report.errors)")
        #expect(binding.report.notes.contains { $0.code == .shapeChanged })
        let plan = MergePlan(base: base, steps: [.init(binding: binding, strength: 1)])
        #expect(plan.shape(of: 0) == [8, 4])
        let merged = try #require(try TensorMerger(plan: plan, pool: ComputePool(threads: 1)).merge(0)[0])
        let expected = (1...8).flatMap { token -> [Float] in [2 + Float(token), 2, 2, 2] }
        #expect(withExtendedLifetime(merged) { merged.view.values() } == expected)
    }
}
