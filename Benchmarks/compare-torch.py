#!/usr/bin/env python3
"""The same adapters merged by the reference implementations on torch and by Umbel, in turns, with the same threads.

For each algorithm one adapter file is made with LyCORIS' (or PEFT's) own modules, filled with random values in bf16, for every
layer of a generated base that the algorithm is for. Then each round times, one after the other: LyCORIS' merge_to of
create_lycoris_from_weights (or the merges of PEFT's merge_and_unload) on torch, and the merge of that file by
`umbel-bench repeat`, a process of its own that waits meanwhile. For LoRA there is also the best that torch can do: addmm
of factors that are in bf16 already into a warm buffer. Figures are medians of the rounds, ratios are ratios of them.

T-LoRA: LyCORIS decomposes the weights while it loads, Umbel while it merges, so loading is timed there too, and LyCORIS has
the base in f32, as it cannot merge into another type. DoRA over inputs and (IA)³: LyCORIS does not load its own files
back, so the modules that wrote them are merged.
Left out: DyLoRA, whose merge_to draws a rank at random; its files are LoRA files.

usage: Benchmarks/compare-torch.py [--model sd15-half] [--ranks 4 16] [--threads 2] [--rounds 3] [--bin .build/release]
       pip install -r Benchmarks/requirements.txt
"""
import argparse
import contextlib
import json
import logging
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings

import torch
from safetensors.torch import load_file, save_file

import measuring

STRENGTH = 0.7


class Algorithm:
    """How an adapter is made: which layers it is for, and the class of LyCORIS with its options."""

    def __init__(self, module, kinds=(torch.nn.Linear, torch.nn.Conv2d), every=1, ranked=True, loads=False,
                 refused=False, **options):
        self.module, self.kinds, self.every, self.ranked, self.options = module, kinds, every, ranked, options
        #: Is loading a part of what is timed?
        self.loads = loads
        #: Does create_lycoris_from_weights refuse such a file? Then the modules that wrote it are merged.
        self.refused = refused


NORMS = (torch.nn.LayerNorm,)
LINEAR = (torch.nn.Linear,)
LYCORIS = {
    "lora": Algorithm("LoConModule"),
    "lora-tucker": Algorithm("LoConModule", kinds=(torch.nn.Conv2d,), use_tucker=True),
    "dora-out": Algorithm("LoConModule", weight_decompose=True, wd_on_out=True),
    "dora-in": Algorithm("LoConModule", weight_decompose=True, wd_on_out=False, refused=True),
    "loha": Algorithm("LohaModule"),
    "lokr": Algorithm("LokrModule", factor=8),
    "ia3": Algorithm("IA3Module", kinds=LINEAR, ranked=False, refused=True),
    "full": Algorithm("FullModule", every=4, ranked=False),
    "norm": Algorithm("NormModule", kinds=NORMS, ranked=False),
    "diag-oft": Algorithm("DiagOFTModule"),
    "boft": Algorithm("ButterflyOFTModule"),
    "glora": Algorithm("GLoRAModule"),
    "tlora": Algorithm("TLoraModule", kinds=LINEAR, every=60, loads=True),
}
PEFT = ["peft-lora", "peft-dora", "peft-ia3", "peft-oft", "peft-boft", "peft-loha", "peft-lokr", "peft-hra"]


def modules(weights):
    """A tree of Linear, Conv2d and LayerNorm with the base's names."""
    root = torch.nn.Module()
    for name, weight in weights.items():
        if not name.endswith(".weight") or "embed_tokens" in name:
            continue
        path = name.removesuffix(".weight").split(".")
        bias = weights.get(".".join(path) + ".bias")
        with torch.device("meta"):
            layer = {
                1: lambda: torch.nn.LayerNorm(weight.shape[0], bias=bias is not None),
                2: lambda: torch.nn.Linear(weight.shape[1], weight.shape[0], bias is not None),
                4: lambda: torch.nn.Conv2d(weight.shape[1], weight.shape[0], weight.shape[2:], bias=bias is not None),
            }[weight.dim()]()
        layer.weight = torch.nn.Parameter(weight, requires_grad=False)
        if bias is not None:
            layer.bias = torch.nn.Parameter(bias, requires_grad=False)
        parent = root
        for part in path[:-1]:
            if part not in parent._modules:
                parent.add_module(part, torch.nn.Module())
            parent = parent._modules[part]
        parent.add_module(path[-1], layer)
    return root


def chosen(root, algorithm):
    found = [(name, layer) for name, layer in root.named_modules() if isinstance(layer, algorithm.kinds)]
    if algorithm.options.get("use_tucker"):
        found = [(name, layer) for name, layer in found if layer.kernel_size != (1, 1)]
    return found[:: algorithm.every]


def butterfly(outputs, wanted):
    """The size near the one wanted that gives a number of blocks which is a power of two."""
    size = outputs
    while size % 4 == 0 and size // 2 >= wanted:
        size //= 2
    return size


def random_like(name, tensor):
    """Small values; scales of DoRA around one; what is a constant stays."""
    if name in ("alpha", "on_input"):
        return tensor.detach().clone().float()
    values = torch.randn(tensor.shape) * 0.05
    return (values + 1 if "scale" in name or "lambda" in name else values).to(torch.bfloat16)


def made(kind, stem, layer, rank, algorithm):
    """A module of LyCORIS' own, as training begins."""
    if algorithm.module == "TLoraModule":
        return kind(stem, layer, 1.0, rank, alpha=4, use_data_init=False)
    if algorithm.module == "IA3Module":
        return kind(stem, layer, 1.0, train_on_input=".ff." in stem.replace("_", ".") or "down_proj" in stem)
    if algorithm.module == "ButterflyOFTModule":
        return kind(stem, layer, 1.0, butterfly(layer.weight.shape[0], rank), alpha=0)
    alpha = 0 if algorithm.module == "DiagOFTModule" else 4
    return kind(stem, layer, 1.0, rank, alpha=alpha, **algorithm.options)


def write_lycoris(root, algorithm, rank, path):
    """The modules that were made, with the values that are in the file."""
    import lycoris.modules as library

    kind, state, modules = getattr(library, algorithm.module), {}, []
    for name, layer in chosen(root, algorithm):
        stem = "lycoris_" + name.replace(".", "_")
        has_bias = layer.bias is not None
        if algorithm.module == "FullModule":
            # Its file holds differences, which the module has only after it was applied.
            tensors = {"diff": layer.weight} | ({"diff_b": layer.bias} if has_bias else {})
        elif algorithm.module == "NormModule":
            tensors = {"w_norm": layer.weight} | ({"b_norm": layer.bias} if has_bias else {})
        else:
            module = made(kind, stem, layer, rank, algorithm)
            tensors = module.custom_state_dict() or module.state_dict()
            modules.append(module)
        values = {key: random_like(key, value).contiguous() for key, value in tensors.items()}
        if algorithm.refused:
            modules[-1].load_state_dict(values, strict=False)
        state |= {f"{stem}.{key}": value for key, value in values.items()}
    save_file(state, path)
    return modules


def prepare_lycoris(root, algorithm, rank, folder):
    """Writes the adapter; what it touches, what merges it, and the arguments for umbel-bench."""
    from lycoris import create_lycoris_from_weights

    path = f"{folder}/adapter.safetensors"
    if algorithm.loads:
        # Its start state stays in f32, so it cannot be merged into another type.
        for _, layer in chosen(root, algorithm):
            layer.weight.data = layer.weight.data.float()
    made_modules = write_lycoris(root, algorithm, rank, path)

    def load():
        return create_lycoris_from_weights(STRENGTH, path, root)[0].loras

    loras = made_modules if algorithm.refused else load()
    touched = [module.org_module[0].weight for module in loras]
    if len(touched) != len(chosen(root, algorithm)):
        raise RuntimeError(f"it found {len(touched)} of {len(chosen(root, algorithm))} layers")

    def run():
        # What merge_to of the network does.
        for module in load() if algorithm.loads else loras:
            module.merge_to(STRENGTH)

    return touched, run, ["--adapter", path]


def peft_config(name, rank, targets):
    import peft

    common = {"target_modules": targets}
    down = [target for target in targets if target.endswith(("ff.net.2", "down_proj"))]
    make = {
        "peft-lora": lambda: peft.LoraConfig(r=rank, lora_alpha=8, **common),
        "peft-dora": lambda: peft.LoraConfig(r=rank, lora_alpha=8, use_dora=True, **common),
        "peft-ia3": lambda: peft.IA3Config(feedforward_modules=down, **common),
        "peft-oft": lambda: peft.OFTConfig(r=0, oft_block_size=rank, **common),
        "peft-boft": lambda: peft.BOFTConfig(boft_block_size=rank, boft_n_butterfly_factor=2, **common),
        "peft-loha": lambda: peft.LoHaConfig(r=rank, alpha=8, **common),
        "peft-lokr": lambda: peft.LoKrConfig(r=rank, alpha=8, decompose_factor=8, **common),
        "peft-hra": lambda: peft.HRAConfig(r=rank, **common),
    }
    return make[name]()


def prepare_peft(root, name, rank, folder):
    from peft import get_peft_model
    from peft.tuners.tuners_utils import BaseTunerLayer

    targets = [path for path, layer in root.named_modules() if isinstance(layer, torch.nn.Linear)]
    model = get_peft_model(root, peft_config(name, rank, targets))
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                around = 1 if name == "peft-ia3" or parameter.dim() == 1 else 0
                parameter.copy_(torch.randn(parameter.shape) * 0.05 + around)
    model.save_pretrained(folder)
    layers = [layer for layer in model.modules() if isinstance(layer, BaseTunerLayer) and hasattr(layer, "merge")]
    touched = [layer.get_base_layer().weight for layer in layers]

    def run():
        # merge_and_unload is a merge of each layer; unloading itself would end the measurement.
        for layer in layers:
            layer.merge()
            layer.merged_adapters.clear()

    files = ["--adapter", f"{folder}/adapter_model.safetensors", "--config", f"{folder}/adapter_config.json"]
    return touched, run, files


def prepare_addmm(root, rank, folder):
    touched, _, files = prepare_lycoris(root, LYCORIS["lora"], rank, folder)
    state = load_file(files[1])
    stems = sorted({key.split(".")[0] for key in state})
    layers = {"lycoris_" + name.replace(".", "_"): layer for name, layer in root.named_modules()}
    work = []
    for stem in stems:
        weight = layers[stem].weight.data.flatten(1)
        up, down = state[f"{stem}.lora_up.weight"].flatten(1), state[f"{stem}.lora_down.weight"].flatten(1)
        work.append((weight, up, down, torch.zeros_like(weight)))

    def run():
        for weight, up, down, out in work:
            torch.addmm(weight, up, down, alpha=STRENGTH * 4 / rank, out=out)

    return touched, run, files


class Umbel:
    """umbel-bench with the same base and adapter, merging once whenever it is asked."""

    def __init__(self, arguments, files):
        command = [os.path.join(arguments.bin, "umbel-bench"), "repeat", "--model", arguments.model]
        command += ["--threads", str(arguments.threads)] + files
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("umbel-bench: " + self.process.stderr.read().strip()[-300:])
        self.bytes = json.loads(line)["bytes"]

    def measure(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        result = json.loads(self.process.stdout.readline())
        return result["copy_seconds"], result["merge_seconds"]

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def seconds(body):
    start = time.perf_counter()
    body()
    return time.perf_counter() - start


def measure(arguments, base, name, rank):
    """Medians over the rounds; the ratio is that of the medians."""
    with tempfile.TemporaryDirectory() as folder, torch.no_grad():
        root = modules(load_file(base))
        if name == "addmm":
            touched, run, files = prepare_addmm(root, rank, folder)
        elif name in PEFT:
            with torch.enable_grad():
                touched, run, files = prepare_peft(root, name, rank, folder)
        else:
            touched, run, files = prepare_lycoris(root, LYCORIS[name], rank, folder)
        size = sum(weight.numel() * weight.element_size() for weight in touched)
        umbel = Umbel(arguments, files)
        times = []
        # The first round warms up both.
        for _ in range(arguments.rounds + 1):
            times.append((seconds(run), *umbel.measure()))
        umbel.close()
    theirs, copy, ours = (statistics.median(column) for column in zip(*times[1:]))
    return {"name": name, "rank": rank, "bytes": size, "umbel_bytes": umbel.bytes, "torch": theirs, "copy": copy,
            "umbel": ours, "ratio": theirs / ours}


def row(result):
    rank = "" if result["rank"] is None else str(result["rank"])
    return (f"| {result['name']:11} | {rank:>4} | {result['bytes'] / 1e6:6.1f} | {result['torch'] * 1e3:9.1f} |"
            f" {result['umbel'] * 1e3:8.2f} | {result['copy'] * 1e3:7.2f} | {result['ratio']:13.1f} |")


def summary(title, results):
    if not results:
        return
    ratios = [result["ratio"] for result in results]
    least = min(results, key=lambda result: result["ratio"])
    print(f"{title}: median {statistics.median(ratios):.1f}, least {least['ratio']:.1f} ({least['name']}, rank {least['rank']})")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="sd15-half")
    parser.add_argument("--ranks", type=int, nargs="+", default=[4, 16])
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--bin", default=".build/release")
    parser.add_argument("--algorithms", nargs="+", default=[*LYCORIS, *PEFT, "addmm"])
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    from importlib.metadata import version

    print(measuring.machine())
    print(f"torch {torch.__version__}, lycoris-lora {version('lycoris-lora')}, peft {version('peft')},"
          f" {arguments.threads} threads, {arguments.model} bf16, median of {arguments.rounds} rounds\n")
    print("| algorithm   | rank |     MB |  torch ms | Umbel ms | copy ms | torch / Umbel |")
    print("|-------------|------|--------|-----------|----------|---------|---------------|")
    results = []
    with tempfile.TemporaryDirectory() as folder:
        base = f"{folder}/base.safetensors"
        command = [os.path.join(arguments.bin, "umbel-bench"), "generate", "--model", arguments.model, "--rank", "4"]
        subprocess.run([*command, "--base", base, "--adapter", f"{folder}/unused"], check=True, stdout=subprocess.DEVNULL)
        for name in arguments.algorithms:
            unranked = name == "peft-ia3" or (name in LYCORIS and not LYCORIS[name].ranked)
            for rank in [None] if unranked else arguments.ranks:
                try:
                    with contextlib.redirect_stdout(sys.stderr):
                        result = measure(arguments, base, name, rank)
                except Exception as error:  # what one of them cannot do is part of the result
                    print(f"| {name:11} | {rank or '':>4} | {type(error).__name__}: {str(error)[:200]}", flush=True)
                    continue
                results.append(result)
                print(row(result), flush=True)
    print()
    summary("torch / Umbel, LyCORIS", [result for result in results if result["name"] in LYCORIS])
    summary("torch / Umbel, PEFT", [result for result in results if result["name"] in PEFT])
    summary("torch / Umbel, addmm", [result for result in results if result["name"] == "addmm"])


if __name__ == "__main__":
    sys.exit(main())
