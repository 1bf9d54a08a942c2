#!/usr/bin/env python3
"""The layers of a U-Net by torch and by Umbel, in turns: is any part slower?

The layers are those of `umbel-bench layers`, whose names say their sizes; torch computes the same ones with random numbers.
Linear layers get their rows as the layer before leaves them, in bf16 if products are; “linear and packing” gets bf16 from
torch and f32 from Umbel, as layers do that do not follow a norm, a gate or attention. Convolutions are tried with channels
first and last, and the faster order counts. Times are the fastest repetition of all rounds, in milliseconds: a neighbour on
the machine can only make them longer.

usage: Benchmarks/compare-layers.py [--types f32 bf16] [--threads 2] [--rounds 3] [--repetitions 9] [--bin .build/release]
"""
import argparse
import os
import re
import subprocess
import sys
import time

import torch
import torch.nn.functional as F

import measuring

TYPES = {"f32": torch.float32, "bf16": torch.bfloat16}
LINE = re.compile(r"^(\S.*?)\s+(f32|bf16)\s+(\d+)\s+([0-9.]+)\s+([0-9.]+)\s+[0-9.]+$")


def numbers(name):
    return [int(number) for number in re.findall(r"\d+", name)]


def linear(name, dtype):
    rows, inputs, outputs = numbers(name)
    x, layer = torch.randn(rows, inputs, dtype=dtype), torch.nn.Linear(inputs, outputs).to(dtype)
    return [lambda: layer(x)]


def gated(x):
    value, gate = x.chunk(2, dim=-1)
    return value * F.gelu(gate)


def geglu(name, dtype):
    rows, inputs, outputs = numbers(name)
    x, layer = torch.randn(rows, inputs, dtype=dtype), torch.nn.Linear(inputs, outputs).to(dtype)
    return [lambda: gated(layer(x))]


def conv(name, dtype):
    inputs, outputs, size, *stride = numbers(name)
    found = []
    for order in (torch.contiguous_format, torch.channels_last):
        layer = torch.nn.Conv2d(inputs, outputs, 3, stride[0] if stride else 1, 1).to(dtype).to(memory_format=order)
        x = torch.randn(1, inputs, size, size, dtype=dtype).to(memory_format=order)
        found.append(lambda layer=layer, x=x: layer(x))
    return found


def attention(name, dtype):
    heads, places, seen, size = numbers(name)
    query, keys = torch.randn(1, heads, places, size, dtype=dtype), torch.randn(1, heads, seen, size, dtype=dtype)
    return [lambda: F.scaled_dot_product_attention(query, keys, keys)]


def group_norm(name, dtype):
    channels, size = numbers(name)
    norm = torch.nn.GroupNorm(32, channels).to(dtype)
    found = []
    for order in (torch.contiguous_format, torch.channels_last):
        x = torch.randn(1, channels, size, size, dtype=dtype).to(memory_format=order)
        found.append(lambda x=x: F.silu(norm(x)))
    return found


def layer_norm(name, dtype):
    rows, columns = numbers(name)
    x, norm = torch.randn(rows, columns, dtype=dtype), torch.nn.LayerNorm(columns).to(dtype)
    return [lambda: norm(x)]


def gelu_gate(name, dtype):
    rows, columns = numbers(name)
    x = torch.randn(rows, 2 * columns, dtype=dtype)
    return [lambda: gated(x)]


KINDS = {"linear": linear, "geglu": geglu, "conv": conv, "attention": attention, "group norm": group_norm,
         "layer norm": layer_norm, "gelu gate": gelu_gate}


def ours(arguments):
    """Milliseconds by (name, type)."""
    command = [os.path.join(arguments.bin, "umbel-bench"), "layers", "--repetitions", str(arguments.repetitions), "--threads",
               str(arguments.threads)]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    lines = filter(None, map(LINE.match, printed.splitlines()))
    return {(line[1], line[2]): float(line[5]) for line in lines if line[2] in arguments.types}


def milliseconds(body):
    begin = time.perf_counter()
    body()
    return 1e3 * (time.perf_counter() - begin)


def theirs(arguments, cases):
    bodies = {}
    for name, dtype in cases:
        kind = next(kind for kind in KINDS if name.startswith(kind + " "))
        bodies[name, dtype] = KINDS[kind](name.removeprefix(kind), TYPES[dtype])
    times = {case: [] for case in bodies}
    for repetition in range(arguments.repetitions + 1):
        for case, ways in bodies.items():
            for body in ways:
                spent = milliseconds(body)
                if repetition:
                    times[case].append(spent)
    return {case: min(values) for case, values in times.items()}


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--types", nargs="+", default=list(TYPES), choices=TYPES)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--repetitions", type=int, default=9)
    parser.add_argument("--bin", default=".build/release")
    return parser.parse_args()


def main():
    arguments = parse()
    torch.set_num_threads(arguments.threads)
    print(measuring.machine())
    print(f"torch {torch.__version__}, {arguments.threads} threads, fastest of {arguments.rounds} rounds of"
          f" {arguments.repetitions}\n")
    rounds = []
    with torch.inference_mode():
        for _ in range(arguments.rounds):
            own = ours(arguments)
            rounds.append((own, theirs(arguments, own)))
    print("| layer | type | torch ms | Umbel ms | torch / Umbel |")
    print("|-------|------|----------|----------|---------------|")
    for case in rounds[0][0]:
        own, other = (min(results[side][case] for results in rounds) for side in (0, 1))
        print(f"| {case[0]:28} | {case[1]:4} | {other:8.2f} | {own:8.2f} | {other / own:13.2f} |")


if __name__ == "__main__":
    sys.exit(main())
