#!/usr/bin/env python3
"""Loads what make.py has written as any user would, and compares with the goldens beside it.

usage: check.py
"""
import json
import os
import sys
import tempfile
import warnings
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import diffusers
import torch
import transformers
from safetensors.torch import load_file

import single_files
from common import HERE, SHAPES
from pipelines import CLASSES

#: Files have it, folders do not; it counts from 0 to 76.
POSITIONS = "cond_stage_model.transformer.text_model.embeddings.position_ids"


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


def single(name, family, path, config):
    """What the library makes of a single file, given the configurations of the folder it came from."""
    pipe = getattr(diffusers, CLASSES[family]["text"]).from_single_file(
        str(path), config=str(config), local_files_only=True, torch_dtype=torch.float32)
    folder = getattr(diffusers, CLASSES[family]["text"]).from_pretrained(config, torch_dtype=torch.float32)
    for part, model in folder.components.items():
        if isinstance(model, torch.nn.Module):
            actual = pipe.components[part].state_dict()
            for key, tensor in model.state_dict().items():
                if not torch.equal(tensor, actual[key]):
                    raise RuntimeError(f"{path}: {part} {key}")
    print(f"{path.name}: the same weights")
    if name:
        drawn(path.name, name, pipe)


def single_shapes():
    """The trained pipeline in one file, by the recipe that the tests follow."""
    tensors = single_files.from_recipe(SHAPES, json.loads((HERE / "single-files" / "shapes-sd.json").read_text()))
    if set(tensors) ^ set(single_files.sd1(SHAPES)) != {POSITIONS}:
        raise RuntimeError("the recipe of shapes-sd leaves something out")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "shapes-sd.safetensors"
        single_files.write(tensors, path)
        single(None, "sd", path, SHAPES)


def main():
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore", category=FutureWarning)
    diffusers.logging.set_verbosity_error()
    transformers.logging.set_verbosity_error()
    folder("sd2-tiny", "sd")
    folder("sdxl-tiny", "sdxl")
    single("sd2-tiny", "sd", HERE / "single-files" / "sd2-tiny.safetensors", HERE / "sd2-tiny")
    single("sdxl-tiny", "sdxl", HERE / "single-files" / "sdxl-tiny.safetensors", HERE / "sdxl-tiny")
    single_shapes()


if __name__ == "__main__":
    sys.exit(main())
