#!/usr/bin/env python3
"""Loads what make.py has written as any user would, and compares with the goldens beside it.

usage: check.py
"""
import os
import sys
import warnings

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import diffusers
import torch
import transformers
from safetensors.torch import load_file

from common import HERE
from pipelines import CLASSES


def compare(name, expected, actual, limit=1e-4):
    difference = (expected - actual).abs().max().item()
    print(f"{name}: {difference:.1e}")
    if difference > limit:
        raise RuntimeError(f"{name} differs by {difference}")


def folder(name, family):
    """The first run of a pipeline, by the stock class from the folder alone."""
    pipe = getattr(diffusers, CLASSES[family]["text"]).from_pretrained(HERE / name, torch_dtype=torch.float32)
    drawn(name, name, pipe)


def drawn(title, name, pipe):
    expected = load_file(HERE / name / "goldens" / "text.safetensors")
    pipe.set_progress_bar_config(disable=True)
    size = {"height": expected["image"].shape[2], "width": expected["image"].shape[3]}
    result = pipe("a small red star on the left on a blue background", negative_prompt="green, blurry", guidance_scale=5.0,
                  num_inference_steps=4, generator=torch.Generator().manual_seed(7), output_type="pt", **size)
    compare(title, (expected["image"] / 2 + 0.5).clamp(0, 1), result.images)


def main():
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore", category=FutureWarning)
    diffusers.logging.set_verbosity_error()
    transformers.logging.set_verbosity_error()
    folder("sd2-tiny", "sd")
    folder("sdxl-tiny", "sdxl")


if __name__ == "__main__":
    sys.exit(main())
