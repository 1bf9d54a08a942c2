import Testing
import UmbelAdapters
import UmbelTesting

/// Random damage to `adapter_config.json`, which comes with uploads.
@Suite("Fuzzing of adapter_config.json")
struct FuzzConfigTests {
    private static let seeds: [[UInt8]] = [
        """
        {"peft_type":"LORA","r":8,"lora_alpha":16,"use_rslora":true,"rank_pattern":{"q_proj":4,"^model\\\\.layers\\\\.[0-9]+":2},
        "alpha_pattern":{"(.*)v_proj":3.5},"init_lora_weights":"pissa","target_modules":["a","b"],"bias":"none"}
        """,
        """
        {"peft_type":"OFT","oft_block_size":4,"use_cayley_neumann":true,"num_cayley_neumann_terms":5,"peft_version":"0.18.1.dev0@x"}
        """,
        "{\"peft_type\":\"IA3\",\"feedforward_modules\":[\"down_proj\"],\"token_indices\":[1,2]}",
    ].map { Array($0.utf8) }

    @Test("Damaged settings are refused, or give a scale")
    func settings() throws {
        var fuzzer = Fuzzer()
        try fuzzer.run(Self.seeds) { bytes in
            guard let config = try? PEFTConfig(parsing: bytes) else { return }
            #expect(config.scale(path: "model.layers.0.self_attn.q_proj", rank: 4).isFinite)
            _ = config.rank(path: "model.layers.11.mlp.v_proj")
        }
    }

    @Test("Random patterns are refused or answered")
    func patterns() throws {
        var fuzzer = Fuzzer()
        let seeds = ["(a|b)*\\.[^c-e]+x{2,3}$", "^model\\.layers\\.\\d+\\..*", "((a+)+b)?"].map { Array($0.utf8) }
        let path = String(repeating: "model.layers.0.", count: 20)
        try fuzzer.run(seeds) { bytes in
            _ = BoundedPattern(String(decoding: bytes, as: UTF8.self))?.matchesWhole(path)
        }
    }
}
