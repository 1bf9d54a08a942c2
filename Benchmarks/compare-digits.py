#!/usr/bin/env python3
"""How far a U-Net's noise in bf16 is from the same in f32, by diffusers on torch and by Umbel: what each type's products cost in digits.

Both evaluate the same random weights once, for two samples, on the same numbers; f32 by torch is the yardstick. Each row has the
distance as a root of the mean square and at most, in units of the noise's own root of the mean square.

usage: Benchmarks/compare-digits.py --cache FOLDER [--models sd15 sdxl] [--sizes 256] [--types f32 bf16] [--threads 2]
                                    [--bin .build/release]
       pip install -r Benchmarks/requirements.txt
"""
import gc
import os
import subprocess
import sys
import tempfile

import numpy
import torch

import drawing_models
import measuring

TYPES = {"f32": torch.float32, "bf16": torch.bfloat16}


def numbers(rows, columns):
    """Those of `DrawModels.numbers` in umbel-bench."""
    counted = numpy.arange(rows * columns, dtype=numpy.int64)
    return torch.from_numpy(((counted * 7919 % 2001 - 1000) / 1000).astype(numpy.float32).reshape(rows, columns))


def of_torch(folder, size, dtype):
    """The noise: rows of four channels, picture after picture, row after row."""
    from diffusers import UNet2DConditionModel

    model = UNet2DConditionModel.from_pretrained(f"{folder}/unet", torch_dtype=dtype).eval()
    side, config = size // 8, model.config
    sample = numbers(2 * side * side, 4).reshape(2, side, side, 4).permute(0, 3, 1, 2).to(dtype)
    context = numbers(2 * 77, config.cross_attention_dim).reshape(2, 77, -1).to(dtype)
    added = None
    if config.addition_embed_type == "text_time":
        pooled = config.projection_class_embeddings_input_dim - 6 * config.addition_time_embed_dim
        added = {"text_embeds": torch.tensor([[n % 7 / 7 for n in range(pooled)]] * 2, dtype=dtype),
                 "time_ids": torch.tensor([[size, size, 0, 0, size, size]] * 2, dtype=dtype)}
    with torch.inference_mode():
        noise = model(sample, 500, context, added_cond_kwargs=added).sample
    return noise.float().permute(0, 2, 3, 1).reshape(-1, 4).numpy()


def of_umbel(arguments, folder, size, dtype):
    with tempfile.NamedTemporaryFile() as file:
        subprocess.run([os.path.join(arguments.bin, "umbel-bench"), "draw", "--model", folder, "--part", "unet", "--size", str(size),
                        "--threads", str(arguments.threads), "--dtype", dtype, "--values", file.name], check=True)
        return numpy.fromfile(file.name, numpy.float32).reshape(-1, 4)


def root_mean_square(values):
    return float(numpy.sqrt((values.astype(numpy.float64) ** 2).mean()))


def main():
    arguments = drawing_models.comparison_parser(__doc__, sizes=[256], types=list(TYPES)).parse_args()
    torch.set_num_threads(arguments.threads)
    print(measuring.machine(), f"torch {torch.__version__}\n", sep=", ")
    print("| model | size | type | torch, mean | at most | Umbel, mean | at most |")
    print("|-------|------|------|-------------|---------|-------------|---------|")
    for name in arguments.models:
        folder = drawing_models.write(arguments.cache, name)
        for size in arguments.sizes:
            exact = of_torch(folder, size, torch.float32)
            gc.collect()
            for dtype in arguments.types:
                cells = [f"{name:5}", f"{size:>4}", f"{dtype:4}"]
                for found in (of_torch(folder, size, TYPES[dtype]), of_umbel(arguments, folder, size, dtype)):
                    distance, unit = found - exact, root_mean_square(exact)
                    cells += [f"{root_mean_square(distance) / unit:.2e}", f"{abs(distance).max() / unit:.2e}"]
                    gc.collect()
                print("|", " | ".join(cells), "|", flush=True)


if __name__ == "__main__":
    sys.exit(main())
