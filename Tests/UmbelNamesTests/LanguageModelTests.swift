import Testing
import UmbelNames

@Suite("Language models")
struct LanguageModelTests {
    private func table(
        _ tensors: [(String, [Int])], modelType: String? = nil, heads: HeadCounts? = nil, tied: Bool = false
    ) -> NameTable {
        NameTable(
            catalog: BaseCatalog(tensors: base(tensors), modelType: modelType, heads: heads, tiesEmbeddings: tied))
    }

    @Test("A base saved without its head takes an adapter trained with it, and the reverse")
    func prefixEdit() {
        let bare = table([("h.0.attn.c_attn.weight", [4, 12])], modelType: "gpt2")
        #expect(bare.resolve(["base_model.model.transformer.h.0.attn.c_attn"])[0].target?.module == "h.0.attn.c_attn")
        #expect(bare.resolve(["lycoris_transformer_h_0_attn_c_attn"])[0].target?.module == "h.0.attn.c_attn")
        let headed = table([("model.layers.0.q_proj.weight", [4, 4]), ("lm_head.weight", [9, 4])])
        let found = headed.resolve(["base_model.model.layers.0.q_proj", "base_model.model.lm_head"])
        #expect(found.map { $0.target?.module } == ["model.layers.0.q_proj", "lm_head"])
    }

    @Test("Experts stacked under mlp are found under the names Mixtral had before")
    func mixtralStacked() {
        let stacked = table(
            [
                ("model.layers.0.mlp.gate.weight", [3, 4]), ("model.layers.0.mlp.experts.gate_up_proj", [3, 10, 4]),
                ("model.layers.0.mlp.experts.down_proj", [3, 4, 5]),
            ], modelType: "mixtral")
        let names = ["gate", "experts.1.w1", "experts.1.w3", "experts.2.w2"]
        let found = stacked.resolve(names.map { "base_model.model.model.layers.0.block_sparse_moe.\($0)" })
        #expect(found.map { $0.target?.weight?.shape } == [[3, 4], [5, 4], [5, 4], [4, 5]])
        let moved = stacked.resolve(["base_model.model.model.layers.0.mlp.experts.1.w3"])
        #expect(moved[0].target?.weight == found[2].target?.weight)
    }

    @Test("One file is edited in one way: what only another edit would find stays unknown")
    func oneEdit() {
        let mixed = table([
            ("model.layers.0.a.weight", [4, 4]), ("model.layers.1.a.weight", [4, 4]),
            ("model.layers.2.a.weight", [4, 4]),
        ])
        let found = mixed.resolve(["layers.0.a", "layers.1.a", "bert.model.layers.2.a"])
        #expect(found[0].target != nil)
        #expect(found[1].target != nil)
        #expect(found[2].target == nil)
    }

    @Test("The model type decides about Conv1D; without one, the shape of c_attn does")
    func conv1D() throws {
        let tensors = [
            ("h.0.attn.c_attn.weight", [4, 12]), ("h.0.attn.c_proj.weight", [4, 4]), ("h.0.ln.weight", [4]),
        ]
        for modelType in ["gpt2", nil] {
            let found = table(tensors, modelType: modelType).resolve(["h.0.attn.c_attn", "h.0.attn.c_proj", "h.0.ln"])
            #expect(found.map { $0.target?.weight?.pieces[0].transposed } == [true, true, false])
            #expect(found[0].target?.weight?.shape == [12, 4])
        }
        let big = table(
            [("h.0.attn.c_attn.weight", [12, 4]), ("h.0.attn.c_proj.weight", [4, 4])], modelType: "gpt_bigcode")
        #expect(big.resolve(["h.0.attn.c_proj"])[0].target?.weight?.pieces[0].transposed == false)
        let port = table([("h.0.attn.c_attn.weight", [12, 4]), ("h.0.attn.c_proj.weight", [4, 4])])
        #expect(port.resolve(["h.0.attn.c_proj"])[0].target?.weight?.pieces[0].transposed == false)
    }

    @Test("Split projections on GPT-2 are columns of c_attn")
    func splitConv1D() throws {
        let gpt2 = table([("h.0.attn.c_attn.weight", [4, 12]), ("h.0.attn.c_attn.bias", [12])], modelType: "gpt2")
        let target = try #require(gpt2.resolve(["h.0.attn.k_proj"])[0].target)
        var piece = Piece(tensor: 0)
        piece.transposed = true
        piece.rows = 4..<8
        #expect(target.weight == TargetView(pieces: [piece], shape: [4, 4]))
        #expect(target.bias?.pieces[0].rows == 4..<8)
    }

    @Test("Fused projections are cut by head counts, or by what the output projection takes in")
    func fusedProjections() {
        let tensors = [
            ("model.layers.0.self_attn.qkv_proj.weight", [16, 12]),
            ("model.layers.0.self_attn.o_proj.weight", [12, 8]),
            ("model.layers.0.mlp.gate_up_proj.weight", [10, 12]),
        ]
        for heads in [HeadCounts(attention: 4, keyValue: 2, size: 2), nil] {
            let found = table(tensors, modelType: "phi3", heads: heads).resolve(
                ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "mlp.gate_proj", "mlp.up_proj"]
                    .map { "base_model.model.model.layers.0.\($0)" })
            #expect(found.map { $0.target?.weight?.pieces[0].rows } == [0..<8, 8..<12, 12..<16, 0..<5, 5..<10])
        }
    }

    @Test("A fused adapter on a split base means the projections one above the other")
    func fusedOnSplit() throws {
        let llama = table(
            ["q", "k", "v"].map { ("model.layers.0.self_attn.\($0)_proj.weight", [$0 == "q" ? 8 : 4, 8]) })
        let weight = try #require(llama.resolve(["model.layers.0.self_attn.qkv_proj"])[0].target?.weight)
        #expect(weight == TargetView(pieces: [Piece(tensor: 0), Piece(tensor: 1), Piece(tensor: 2)], shape: [16, 8]))
    }

    @Test("Interleaved projections are not cut")
    func interleaved() {
        let neox = table(
            [
                ("gpt_neox.layers.0.attention.query_key_value.weight", [12, 4]),
                ("gpt_neox.layers.0.attention.dense.weight", [4, 4]),
            ],
            modelType: "gpt_neox")
        #expect(neox.resolve(["gpt_neox.layers.0.attention.q_proj"])[0].target == nil)
        #expect(neox.resolve(["gpt_neox.layers.0.attention.query_key_value"])[0].target != nil)
    }

    @Test("The head of a tied model is its embedding, of any other it is unknown")
    func tied() throws {
        let tensors = [("model.embed_tokens.weight", [9, 4])]
        let stems = ["base_model.model.lm_head", "base_model.model.model.embed_tokens"]
        let found = table(tensors, tied: true).resolve(stems)
        #expect(found[0].target?.weight == found[1].target?.weight)
        #expect(found[0].target?.weight?.pieces == [Piece(tensor: 0)])
        #expect(table(tensors).resolve(stems)[0].target == nil)
        let both = table(tensors + [("lm_head.weight", [9, 4])], tied: true)
        #expect(both.tied?.embedding == 0)
        #expect(both.tied?.head == 1)
    }

    @Test("torch's attention module is its in_proj_weight")
    func multiheadAttention() {
        let found = table([
            ("attn.in_proj_weight", [12, 4]), ("attn.in_proj_bias", [12]), ("attn.out_proj.weight", [4, 4]),
        ])
        .resolve(["base_model.model.attn", "base_model.model.attn.out_proj"])
        #expect(found[0].target?.weight?.pieces == [Piece(tensor: 0)])
        #expect(found[0].target?.bias?.pieces == [Piece(tensor: 1)])
        #expect(found[1].target?.weight?.pieces == [Piece(tensor: 2)])
    }

    @Test("Norms of old BERT files have gamma and beta")
    func gammaAndBeta() {
        let bert = table([("bert.LayerNorm.gamma", [4]), ("bert.LayerNorm.beta", [4]), ("layer.gamma", [4])])
        let target = bert.resolve(["bert.LayerNorm"])[0].target
        #expect(target?.weight?.pieces == [Piece(tensor: 0)])
        #expect(target?.bias?.pieces == [Piece(tensor: 1)])
        #expect(bert.resolve(["layer"])[0].target == nil)
    }

    @Test(
        "Names that moved between library versions mean the same module",
        arguments: [
            (
                "language_model.model.layers.0.q_proj", "model.language_model.layers.0.q_proj",
                "language_model.model.norm"
            ),
            ("visual.merger.mlp.0", "model.visual.merger.mlp.0", "model.norm"),
            ("model.layers.0.block_sparse_moe.gate", "model.layers.0.mlp.gate", "model.norm"),
            ("model.layers.0.block_sparse_moe.experts.3.w1", "model.layers.0.mlp.experts.3.gate_proj", "model.norm"),
            ("encoder.layer.0.attention.attention.query", "layers.0.attention.q_proj", "layernorm"),
            ("embed_out", "lm_head", "gpt_neox.embed_in"),
        ])
    func movedNames(onDisk: String, moved: String, other: String) {
        let model = table([(onDisk + ".weight", [4, 4]), (other + ".weight", [4])])
        #expect(model.resolve([moved])[0].target?.weight?.pieces == [Piece(tensor: 0)])
        #expect(model.resolve([onDisk])[0].target?.weight?.pieces == [Piece(tensor: 0)])
    }

    @Test("A weight with scales beside it is quantised, its neighbours are not")
    func quantized() {
        let model = table([
            ("a.weight", [4, 4]), ("a.weight_scale_inv", [1, 1]), ("b.weight", [4, 4]), ("c.weight", [4, 4]),
            ("c.weight.absmax", [1]), ("d.qweight", [4, 4]),
        ])
        #expect(model.quantized == [0, 3])
        #expect(model.resolve(["d"])[0].target == nil)
    }

    @Test("A model that is no language model is not edited")
    func noEdit() {
        #expect(table([("enc.fc.weight", [4, 4])]).resolve(["fc"])[0].target == nil)
    }
}
