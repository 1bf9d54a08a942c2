#!/usr/bin/env python3
"""The parts of drawing by diffusers on torch and by Umbel, in turns, with the same weights, threads and type.

Models of the size of Stable Diffusion 1.5 and of SDXL with random weights are written once to a folder (10 GB for both).
What is timed, without loading:

  unet  one step with guidance: one evaluation of two samples of N/8 × N/8 latents and 77 tokens
  vae   decoding N/8 × N/8 latents to one picture of N × N, whole or (--tiled) in tiles of the size it was trained on
  text  the hidden states of two prompts of 77 tokens, by every text encoder of the model

Each measurement is a process of its own, so that only one model is in memory at a time: one of this script for torch, one
of `umbel-bench draw --model FOLDER --part PART --size N --threads T --dtype TYPE --rounds E --json`. Each builds its model,
evaluates once to be warm, and E times more or for two seconds. They take turns, and figures are medians of the rounds; the
gigabytes are the most that a process held. torch is tried with channels first and last, and the faster order counts.

usage: Benchmarks/compare-diffusers.py --cache FOLDER [--models sd15 sdxl] [--parts unet vae text] [--sizes 256 512 1024]
                                       [--types f32 bf16] [--threads 2] [--rounds 3] [--evaluations 1] [--tiled]
                                       [--bin .build/release] [--only torch|umbel]
       pip install -r Benchmarks/requirements.txt
"""
import argparse
import json
import os
import resource
import statistics
import sys
import time

import torch

import drawing_models
import measuring

TYPES = {"f32": torch.float32, "bf16": torch.bfloat16}
#: Short evaluations are repeated until this many seconds have gone by.
LEAST_SECONDS = 2
#: Longer evaluations are not repeated only to be warm.
LONG_SECONDS = 20


def unet_work(folder, size, dtype, _tiled):
    from diffusers import UNet2DConditionModel

    model = UNet2DConditionModel.from_pretrained(f"{folder}/unet", torch_dtype=dtype).eval()
    sample = torch.randn(2, 4, size // 8, size // 8, dtype=dtype)
    context = torch.randn(2, 77, model.config.cross_attention_dim, dtype=dtype)
    added = None
    if model.config.addition_embed_type == "text_time":
        sizes = torch.tensor([[size, size, 0, 0, size, size]] * 2, dtype=dtype)
        pooled = model.config.projection_class_embeddings_input_dim - 6 * model.config.addition_time_embed_dim
        added = {"text_embeds": torch.randn(2, pooled, dtype=dtype), "time_ids": sizes}
    return [model], lambda: model(sample, 500, context, added_cond_kwargs=added)


def vae_work(folder, size, dtype, tiled):
    from diffusers import AutoencoderKL

    model = AutoencoderKL.from_pretrained(f"{folder}/vae", torch_dtype=dtype).eval()
    if tiled:
        model.enable_tiling()
    latents = torch.randn(1, 4, size // 8, size // 8, dtype=dtype)
    return [model], lambda: model.decode(latents)


def text_work(folder, _size, dtype, _tiled):
    import transformers

    models = []
    for part, (kind, config) in drawing_models.MODELS[os.path.basename(folder)]["text"].items():
        models.append(getattr(transformers, kind).from_pretrained(f"{folder}/{part}", dtype=dtype).eval())
    ids = torch.randint(1000, 40000, (2, 77), generator=torch.Generator().manual_seed(1))
    ids[:, 0], ids[:, 20:] = drawing_models.CLIP["bos_token_id"], drawing_models.CLIP["eos_token_id"]
    return models, lambda: [model(ids, output_hidden_states=True) for model in models]


WORK = {"unet": unet_work, "vae": vae_work, "text": text_work}


def seconds(body):
    begin = time.perf_counter()
    body()
    return time.perf_counter() - begin


def measure(arguments):
    """What the process for torch does: the faster order of memory, then repetitions in that order."""
    torch.set_num_threads(arguments.threads)
    with torch.inference_mode():
        models, body = WORK[arguments.part](arguments.model, arguments.size, TYPES[arguments.dtype], arguments.tiled)
        orders = {"first": torch.contiguous_format, "last": torch.channels_last}
        if arguments.part == "text":
            orders.pop("last")
        best = {}
        for name, order in orders.items():
            for model in models:
                model.to(memory_format=order)
            # The first evaluation is there to be warm, and counts only where it is the fastest all the same, or takes so long
            # that what it does besides does not.
            best[name] = seconds(body)
            if best[name] < LONG_SECONDS:
                best[name] = min(best[name], seconds(body))
        order = min(best, key=best.get)
        for model in models:
            model.to(memory_format=orders[order])
        times = [best[order]] if best[order] >= LONG_SECONDS else [seconds(body)]
        while len(times) < arguments.rounds or sum(times) < LEAST_SECONDS:
            times.append(seconds(body))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
    print(json.dumps({"seconds": statistics.median(times), "channels": order, "peak_bytes": peak}))


NOTHING = {"seconds": float("nan"), "peak_bytes": float("nan"), "channels": ""}


def round_of(arguments, folder, part, size, dtype):
    """One measurement of each."""
    options = ["--model", folder, "--part", part, "--size", str(size), "--threads", str(arguments.threads), "--dtype", dtype,
               "--rounds", str(arguments.evaluations)]
    if arguments.tiled and part == "vae":
        options.append("--tiled")
    commands = {
        "torch": [sys.executable, os.path.abspath(__file__), "measure", *options],
        "umbel": [os.path.join(arguments.bin, "umbel-bench"), "draw", *options, "--json"],
    }
    return [NOTHING if arguments.only not in (None, side) else measuring.answer(command, arguments.threads)
            for side, command in commands.items()]


def compare(arguments, folder, part, size, dtype):
    """For torch, then for Umbel: the median of the seconds and the largest peak in bytes; and torch's order of memory."""
    rounds = [round_of(arguments, folder, part, size, dtype) for _ in range(arguments.rounds)]
    results = [(statistics.median(result["seconds"] for result in column), max(result["peak_bytes"] for result in column))
               for column in zip(*rounds)]
    return *results, rounds[0][0]["channels"]


def parse():
    parser = drawing_models.comparison_parser(__doc__, sizes=[256, 512, 1024], types=list(TYPES))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--parts", nargs="+", default=list(WORK), choices=WORK)
    parser.add_argument("--evaluations", type=int, default=1, help="of a measurement at least, after the first")
    parser.add_argument("--tiled", action="store_true", help="decode in tiles")
    parser.add_argument("--only", choices=["torch", "umbel"])
    return parser.parse_args()


def parse_measurement():
    parser = argparse.ArgumentParser()
    for name in ("model", "part", "dtype"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--size", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--tiled", action="store_true")
    return parser.parse_args(sys.argv[2:])


def main():
    if sys.argv[1:2] == ["measure"]:
        return measure(parse_measurement())
    arguments = parse()
    from importlib.metadata import version

    print(measuring.machine())
    print(f"torch {torch.__version__}, diffusers {version('diffusers')}, transformers {version('transformers')},"
          f" {arguments.threads} threads, median of {arguments.rounds} rounds\n")
    print("| model | part | size | type | torch s | channels | torch GB | Umbel s | Umbel GB | torch / Umbel |")
    print("|-------|------|------|------|---------|----------|----------|---------|----------|---------------|")
    for name in arguments.models:
        folder = drawing_models.write(arguments.cache, name)
        for part in arguments.parts:
            for size in arguments.sizes[:1] if part == "text" else arguments.sizes:
                for dtype in arguments.types:
                    cells = f"| {name:5} | {part:4} | {'' if part == 'text' else size:>4} | {dtype:4} |"
                    try:
                        (theirs, held), (ours, taken), order = compare(arguments, folder, part, size, dtype)
                    except RuntimeError as error:  # what one of them cannot do is part of the result
                        print(cells, str(error).replace("\n", " "), flush=True)
                        continue
                    print(f"{cells} {theirs:7.3f} | {order:8} | {held / 1e9:8.1f} | {ours:7.3f} | {taken / 1e9:8.1f} |"
                          f" {theirs / ours:13.2f} |", flush=True)


if __name__ == "__main__":
    sys.exit(main())
