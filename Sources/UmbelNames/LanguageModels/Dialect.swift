/// Names of language models that moved between versions of transformers (names.md 13): on disk, in memory, in older
/// adapters. Each is a second spelling of the same modules.
struct Dialect: Sendable {
    /// Whether a base with these names speaks it.
    let applies: @Sendable (TensorNames) -> Bool
    let spellings: [Family.Spelling]

    static let all: [Dialect] = [visionLanguage, qwenVision, mixtral, visionTransformer, gptNeoX, t5]

    /// LLaVA and relatives, Gemma 3, Mistral 3, PaliGemma, InternVL.
    private static let visionLanguage = Dialect(
        applies: {
            $0.contains(prefix: "language_model.model.") || $0.contains(prefix: "model.multi_modal_projector.")
        },
        spellings: [
            .init("language_model.model.{rest}", "model.language_model.{rest}"),
            .init("language_model.lm_head", "lm_head"),
            .init("vision_tower.{rest}", "model.vision_tower.{rest}"),
            .init("multi_modal_projector.{rest}", "model.multi_modal_projector.{rest}"),
        ])

    /// Qwen2-VL and Qwen2.5-VL.
    private static let qwenVision = Dialect(
        applies: { $0.contains(prefix: "visual.") || $0.contains(prefix: "model.visual.") },
        spellings: ["layers.{rest}", "embed_tokens", "norm"].map { .init("model.\($0)", "model.language_model.\($0)") }
            + [.init("visual.{rest}", "model.visual.{rest}")])

    /// Mixtral and PhiMoE: w1 is the gate, w3 the way up, w2 the way down. Stacked experts lie under `mlp`.
    private static let mixtral = Dialect(
        applies: { names in
            names.index.keys.contains { $0.utf8.count > 30 && $0.contains(".block_sparse_moe.") }
                || names.index.keys.contains { $0.hasSuffix(".mlp.experts.gate_up_proj") }
        },
        spellings: [
            .init("model.layers.{i}.block_sparse_moe.gate", "model.layers.{i}.mlp.gate"),
            .init("model.layers.{i}.block_sparse_moe.gate", "model.layers.{i}.mlp.router"),
            .init("model.layers.{i}.block_sparse_moe.experts", "model.layers.{i}.mlp.experts"),
        ]
            + [("w1", "gate_proj"), ("w3", "up_proj"), ("w2", "down_proj")].flatMap { old, new in
                [
                    .init(
                        "model.layers.{i}.block_sparse_moe.experts.{j}.\(old)",
                        "model.layers.{i}.mlp.experts.{j}.\(new)"),
                    .init(
                        "model.layers.{i}.block_sparse_moe.experts.{j}.\(old)",
                        "model.layers.{i}.mlp.experts.{j}.\(old)"),
                    .init("model.layers.{i}.mlp.experts.{j}.\(new)", "model.layers.{i}.mlp.experts.{j}.\(old)"),
                ]
            })

    private static let visionTransformer = Dialect(
        applies: { names in
            names.index.keys.contains { $0.contains("encoder.layer.0.attention.attention.query") }
                || names.contains(prefix: "layers.0.attention.q_proj.")
        },
        spellings: ["", "vit."].flatMap { start in
            [
                ("attention.attention.query", "attention.q_proj"), ("attention.attention.key", "attention.k_proj"),
                ("attention.attention.value", "attention.v_proj"), ("attention.output.dense", "attention.o_proj"),
                ("intermediate.dense", "mlp.fc1"), ("output.dense", "mlp.fc2"),
                ("layernorm_before", "layernorm_before"), ("layernorm_after", "layernorm_after"),
            ].map { .init("\(start)encoder.layer.{i}.\($0.0)", "\(start)layers.{i}.\($0.1)") }
        })

    private static let gptNeoX = Dialect(
        applies: { $0.contains("embed_out.weight") }, spellings: [.init("embed_out", "lm_head")])

    private static let t5 = Dialect(
        applies: { $0.contains("shared.weight") },
        spellings: [.init("shared", "encoder.embed_tokens"), .init("shared", "decoder.embed_tokens")])
}
