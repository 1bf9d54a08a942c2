#!/usr/bin/env python3
"""More golden cases on the bases of ../peft, for tuners and options that it leaves out.

    python make_more.py        # writes cases/ and index.json beside itself

Same layout, same generator: this only runs the cases below through ../peft/make_golden.py, after checking that the bases
it would build are the committed ones, byte for byte. Written with torch 2.15.0 (CPU), peft 0.21.2, transformers 5.23.0.
"""
import json, os, sys

here = os.path.dirname(os.path.abspath(__file__))
golden = os.path.join(here, "..", "peft")
sys.path.insert(0, golden)
import make_golden as g
import torch


def case(id, base, tuner, modules, std=0.3, notes=None, scale=None, **config):
    adapter = {"name": "adapter", "tuner": tuner, "config": {"target_modules": modules, **config}, "std": std}
    return {"id": id, "base": base, "adapters": [adapter], **({"notes": notes} if notes else {})}


CASES = [
    case("gralora-llama", "llama", "GRALORA", ["q_proj", "v_proj", "down_proj"], r=4, alpha=6, gralora_k=2),
    case("gralora-llama-hybrid", "llama", "GRALORA", ["q_proj", "up_proj"], r=8, alpha=5, gralora_k=4, hybrid_r=2),
    case("gralora-gpt2", "gpt2", "GRALORA", ["c_attn"], r=4, alpha=6, gralora_k=2, fan_in_fan_out=True),
    case("randlora-llama", "llama", "RANDLORA", ["q_proj", "v_proj", "down_proj", "up_proj"], r=5, randlora_alpha=7),
    case("randlora-gpt2", "gpt2", "RANDLORA", ["c_fc", "c_proj"], r=4, randlora_alpha=8, fan_in_fan_out=True),
    case("randlora-llama-sparse", "llama", "RANDLORA", ["v_proj", "down_proj"], r=4, randlora_alpha=4, sparse=True),
    case("road1-qwen2", "qwen2", "ROAD", ["q_proj", "v_proj", "down_proj"], variant="road_1", group_size=4),
    case("road2-qwen2", "qwen2", "ROAD", ["q_proj", "o_proj"], variant="road_2", group_size=8),
    case("road4-qwen2", "qwen2", "ROAD", ["k_proj", "up_proj"], variant="road_4", group_size=4),
    case("vblora-llama", "llama", "VBLORA", ["q_proj", "v_proj", "down_proj"], r=3, num_vectors=11, vector_length=4, topk=2,
         save_only_topk_weights=False),
    case("vblora-llama-compact", "llama", "VBLORA", ["q_proj", "down_proj"], r=2, num_vectors=9, vector_length=4, topk=3,
         save_only_topk_weights=True),
    case("vblora-gpt2", "gpt2", "VBLORA", ["c_attn"], r=2, num_vectors=9, vector_length=4, topk=2, fan_in_fan_out=True),
    case("glora-qwen2", "qwen2", "GLORA", ["q_proj", "down_proj"], r=2, config_A_B="lora", config_C="lora", config_D_E="vector",
         init_weights=False),
    case("glora-qwen2-vector", "qwen2", "GLORA", ["q_proj", "v_proj"], r=2, config_A_B="vector", config_C="vector",
         config_D_E="constant", init_weights=False),
    case("glora-qwen2-plain", "qwen2", "GLORA", ["k_proj"], r=2, config_A_B="lora", config_C="none", config_D_E="vector",
         init_weights=False),
    case("glora-llama-constant", "llama", "GLORA", ["q_proj"], r=2, config_A_B="constant", config_C="none", config_D_E="none",
         init_weights=False),
    case("hira-conv", "conv", "HIRA", ["blocks.0.conv1", "blocks.0.conv2", "blocks.1.conv1d", "emb", "fc"], r=3),
    case("hira-gpt2", "gpt2", "HIRA", ["c_attn"], r=3),
    case("ia3-llama-suffix", "llama", "IA3", ["q_proj", "up_proj", "down_proj", "wn_proj"], feedforward_modules=["wn_proj", "up_proj"],
         notes="feedforward_modules match as plain suffixes: wn_proj means down_proj."),
    case("ia3-llama-regex", "llama", "IA3", ["q_proj", "v_proj"], feedforward_modules=r".*layers\.1.*q_proj"),
    case("oft-llama-coft-share", "llama", "OFT", ["q_proj", "down_proj"], oft_block_size=4, r=0, coft=True, eps=0.2,
         block_share=True, num_cayley_neumann_terms=2),
    case("oft-conv-terms1", "conv", "OFT", ["fc", "fc2"], oft_block_size=6, r=0, num_cayley_neumann_terms=1, bias="all",
         notes="One term is the identity: only the biases change."),
    case("pissa-gpt2", "gpt2", "LORA", ["c_attn", "c_proj"], r=3, lora_alpha=5, init_lora_weights="pissa", fan_in_fan_out=True),
    case("delora-qwen2", "qwen2", "DELORA", ["q_proj", "up_proj"], r=4),
    case("c3a-qwen2", "qwen2", "C3A", ["q_proj", "down_proj"], block_size=4),
    case("adalora-conv-alpha0", "conv", "ADALORA", ["fc2"], init_r=3, target_r=2, total_step=10, lora_alpha=0),
]
for name in ("pissa-gpt2",):
    next(c for c in CASES if c["id"] == name)["tolerance"] = {"rtol": 1e-3, "atol": 1e-4}


def main():
    spec = json.load(open(os.path.join(golden, "spec.json")))
    for base in sorted({c["base"] for c in CASES}):
        ours = g.on_disk(g.build(base, spec))
        theirs = g.load_file(os.path.join(golden, "bases", base, "model.safetensors"))
        assert ours.keys() == theirs.keys() and all(torch.equal(ours[k], theirs[k]) for k in ours), base
    index = []
    for c in CASES:
        if len(sys.argv) > 1 and c["id"] not in sys.argv[1:]:
            continue
        try:
            index.append(g.run_case(spec, c, here))
            print(c["id"], len(index[-1]["changed"]), flush=True)
        except Exception as error:
            print("FAILED", c["id"], type(error).__name__, str(error)[:300], flush=True)
    json.dump({"version": 1, "made_with": {"torch": torch.__version__.split("+")[0], "peft": g.peft.__version__,
                                           "transformers": g.transformers.__version__}, "cases": index},
              open(os.path.join(here, "index.json"), "w"), indent=1)


if __name__ == "__main__":
    main()
