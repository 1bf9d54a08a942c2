#!/usr/bin/env python3
"""The parts of drawing by stable-diffusion.cpp and by Umbel, in turns, with the same weights and threads.

Models with random weights are written once to a folder, which both of them read. The same parts are timed as by
compare-diffusers.py, without loading:

  unet  one step with guidance: two samples of N/8 × N/8 latents and 77 tokens (of several steps, without the first)
  vae   decoding N/8 × N/8 latents to one picture of N × N
  text  the hidden states of two prompts, by every text encoder of the model

stable-diffusion.cpp says them itself, in one process that draws; Umbel's are `umbel-bench draw --part PART`.

usage: Benchmarks/compare-sdcpp.py --cache FOLDER --sd-cli FILE [--models sd15 sdxl] [--sizes 256 512] [--types f32 bf16]
                                   [--threads 2] [--rounds 3] [--steps 4] [--bin .build/release] [--sd-version TEXT]
                                   [--checkpoint FILE]
"""
import os
import re
import statistics
import subprocess
import sys
import tempfile

import drawing_models
import measuring

#: What stable-diffusion.cpp prints when a part is computed, and in what part of a second.
ENDS = {"text": (r"computing condition graph completed, taking (\d+) ms", 1000),
        "vae": (r"computing vae decode graph completed, taking ([0-9.]+)s", 1)}


def their_seconds(arguments, folder, size, dtype):
    """Seconds of each part, from the lines that sd-cli writes."""
    with tempfile.TemporaryDirectory() as output:
        command = [arguments.sd_cli, "-m", arguments.checkpoint or folder, "-p", "a red circle", "-n", "blue", "--cfg-scale", "7", "--steps", str(arguments.steps),
                   "-W", str(size), "-H", str(size), "--type", dtype, "-t", str(arguments.threads), "--seed", "1",
                   "--sampling-method", "euler", "-v", "-o", os.path.join(output, "picture.png")]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    if done.returncode != 0:
        raise RuntimeError("sd-cli: " + done.stdout.strip()[-200:])
    found = {}
    for part, (line, unit) in ENDS.items():
        numbers = re.findall(line, done.stdout)
        if numbers:
            found[part] = sum(map(float, numbers)) / unit
    # "2/4 - 3.21s/it", or the other way round where a step takes less than a second.
    steps = [float(number) if unit == "s/it" else 1 / float(number)
             for number, unit in re.findall(r"/\d+ - ([0-9.]+)(s/it|it/s)", done.stdout)]
    if len(steps) > 1:
        found["unet"] = statistics.median(steps[1:])
    return found


def our_seconds(arguments, folder, part, size, dtype):
    command = [os.path.join(arguments.bin, "umbel-bench"), "draw", "--model", folder, "--part", part, "--size", str(size),
               "--threads", str(arguments.threads), "--dtype", dtype, "--json"]
    return measuring.answer(command, arguments.threads)["seconds"]


def compare(arguments, folder, size, dtype, parts):
    """Medians of the rounds, by part: theirs and ours."""
    theirs, ours = {part: [] for part in parts}, {part: [] for part in parts}
    for _ in range(arguments.rounds):
        said = their_seconds(arguments, folder, size, dtype)
        for part in parts:
            theirs[part].append(said.get(part, float("nan")))
            ours[part].append(our_seconds(arguments, folder, part, size, dtype))
    return {part: (statistics.median(theirs[part]), statistics.median(ours[part])) for part in parts}


def parse():
    parser = drawing_models.comparison_parser(__doc__, sizes=[256, 512], types=["f32", "bf16"])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sd-cli", required=True, help="the program of stable-diffusion.cpp")
    parser.add_argument("--checkpoint", help="what it reads instead of the folder: the same weights in one file, with --models NAME")
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--sd-version", help="what to print as its version, where the program does not know it")
    return parser.parse_args()


def main():
    arguments = parse()
    print(measuring.machine())
    said = subprocess.run([arguments.sd_cli, "--version"], capture_output=True, text=True).stdout.strip()
    print(f"{arguments.sd_version or said}, {arguments.threads} threads,"
          f" median of {arguments.rounds} rounds of {arguments.steps} steps\n")
    print("| model | part | size | type | stable-diffusion.cpp s | Umbel s | ratio |")
    print("|-------|------|------|------|------------------------|---------|-------|")
    for name in arguments.models:
        folder = drawing_models.write(arguments.cache, name)
        for size in arguments.sizes:
            parts = ["unet", "vae", "text"] if size == arguments.sizes[0] else ["unet", "vae"]
            for dtype in arguments.types:
                try:
                    found = compare(arguments, folder, size, dtype, parts)
                except RuntimeError as error:  # what one of them cannot do is part of the result
                    print(f"| {name} | | {size} | {dtype} |", str(error).replace("\n", " "), flush=True)
                    continue
                for part, (theirs, ours) in found.items():
                    print(f"| {name:5} | {part:4} | {size:>4} | {dtype:4} | {theirs:22.3f} | {ours:7.3f} | {theirs / ours:5.2f} |",
                          flush=True)


if __name__ == "__main__":
    sys.exit(main())
