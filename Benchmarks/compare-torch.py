#!/usr/bin/env python3
"""The same merges by the reference implementations on torch, beside umbel-bench, on the same threads.

For each algorithm: `umbel-bench generate` writes a base and an adapter; LyCORIS' merge_to (PEFT's merge_and_unload for
peft-lora, and for plain LoRA also torch.addmm into a warm buffer, the best that torch can do) merges it into torch
modules, and umbel-bench merges the same shapes. Each is divided by a plain copy of the same bytes taken in its own
process, rounds of both taking turns. Pinned versions: requirements.txt.

usage: Benchmarks/compare-torch.py [--model sd15] [--rank 16] [--threads 2] [--rounds 3] [--bin .build/release]
"""
import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time

import torch
from safetensors.torch import load_file


def seconds(body):
    start = time.perf_counter()
    body()
    return time.perf_counter() - start


def modules(weights):
    """A tree of Linear and Conv2d with the base's names; norms are left out."""
    root = torch.nn.Module()
    for name, weight in weights.items():
        if not name.endswith(".weight") or weight.dim() not in (2, 4) or "embed_tokens" in name:
            continue
        path = name.removesuffix(".weight").split(".")
        bias = weights.get(".".join(path) + ".bias")
        if weight.dim() == 2:
            layer = torch.nn.Linear(weight.shape[1], weight.shape[0], bias is not None, dtype=weight.dtype)
        else:
            kernel = tuple(weight.shape[2:])
            layer = torch.nn.Conv2d(weight.shape[1], weight.shape[0], kernel, bias=bias is not None, dtype=weight.dtype)
        layer.weight.data = weight.clone()
        if bias is not None:
            layer.bias.data = bias.clone()
        parent = root
        for part in path[:-1]:
            if part not in parent._modules:
                parent.add_module(part, torch.nn.Module())
            parent = parent._modules[part]
        parent.add_module(path[-1], layer)
    return root


def lycoris_merge(root, adapter):
    from lycoris import create_lycoris_from_weights

    state = {re.sub("^lora_unet_", "lycoris_", key): value for key, value in load_file(adapter).items()}
    network, _ = create_lycoris_from_weights(0.7, "", root, weights_sd=state)
    # What it found, so that a name that is not matched is not taken for speed.
    touched = [module.org_module[0].weight for module in network.loras]
    return touched, lambda: [module.merge_to(0.7) for module in network.loras]


def peft_merge(root, rank):
    from peft import LoraConfig, get_peft_model

    names = [name for name, module in root.named_modules() if isinstance(module, torch.nn.Linear)]
    model = get_peft_model(root, LoraConfig(r=rank, lora_alpha=8, target_modules=names, init_lora_weights=False))
    layers = [module for module in model.modules() if hasattr(module, "merge") and hasattr(module, "lora_A")]
    touched = [layer.get_base_layer().weight for layer in layers]

    def run():
        # merge_and_unload is a merge of each layer; unloading itself would end the measurement.
        for layer in layers:
            layer.merge()
            layer.merged_adapters.clear()

    return touched, run


def addmm_merge(root, rank):
    layers = [module for module in root.modules() if isinstance(module, (torch.nn.Linear, torch.nn.Conv2d))]
    weights = [layer.weight.data.flatten(1) for layer in layers]
    pairs = [
        (torch.randn(w.shape[0], rank).to(w.dtype) * 0.05, torch.randn(rank, w.shape[1]).to(w.dtype) * 0.05)
        for w in weights
    ]
    outputs = [torch.zeros_like(w) for w in weights]

    def run():
        for weight, (up, down), out in zip(weights, pairs, outputs):
            torch.addmm(weight, up, down, alpha=0.7, out=out)

    return weights, run


def measure(touched, run, rounds):
    targets = [torch.zeros_like(weight) for weight in touched]

    def copy():
        for source, target in zip(touched, targets):
            target.copy_(source)

    with torch.no_grad():
        copy()
        run()
        copies, merges = [], []
        for _ in range(rounds):
            copies.append(seconds(copy))
            merges.append(seconds(run))
    size = sum(weight.numel() * weight.element_size() for weight in touched)
    return size, statistics.median(copies), statistics.median(merges)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", default="sd15")
    parser.add_argument("--rank", type=int, default=16)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--bin", default=".build/release")
    parser.add_argument("--algorithms", default="lora,loha,lokr,dora-out,glora,full,diag-oft,boft,peft-lora,addmm")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    bench = os.path.join(arguments.bin, "umbel-bench")
    print(f"torch {torch.__version__}, {arguments.threads} threads, {arguments.model} bf16, rank {arguments.rank}")
    print("algorithm    torch MB   torch ms  of copy   umbel MB   umbel ms  of copy  umbel/torch per byte")
    for name in arguments.algorithms.split(","):
        ours = {"addmm": "lora"}.get(name, name)
        with tempfile.TemporaryDirectory() as folder:
            base, adapter = f"{folder}/base.safetensors", f"{folder}/adapter.safetensors"
            made = "lora" if name in ("addmm", "peft-lora") else name
            command = [bench, "generate", "--model", arguments.model, "--rank", str(arguments.rank), "--algorithm", made]
            subprocess.run(command + ["--base", base, "--adapter", adapter], check=True, stdout=subprocess.DEVNULL)
            root = modules(load_file(base))
            try:
                if name == "addmm":
                    touched, run = addmm_merge(root, arguments.rank)
                elif name == "peft-lora":
                    touched, run = peft_merge(root, arguments.rank)
                else:
                    touched, run = lycoris_merge(root, adapter)
                size, copy, merge = measure(touched, run, arguments.rounds)
            except Exception as error:  # what the reference cannot do is part of the result
                print(f"{name:12} {type(error).__name__}: {str(error)[:90]}", flush=True)
                continue
            del root, touched, run
        command = [bench, "merge", "--model", arguments.model, "--rank", str(arguments.rank), "--algorithm", ours]
        command += ["--threads", str(arguments.threads), "--repetitions", str(arguments.rounds), "--json"]
        result = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)["results"][0]
        speed = (merge / size) / (result["merge_seconds"] / result["bytes"])
        print(
            f"{name:12} {size / 1e6:8.1f} {merge * 1e3:10.1f} {copy / merge:8.3f} {result['bytes'] / 1e6:10.1f}"
            f" {result['merge_seconds'] * 1e3:10.1f} {result['ratio_to_copy']:8.3f} {speed:8.1f}",
            flush=True,
        )


if __name__ == "__main__":
    sys.exit(main())
