"""Writes shapes.safetensors and shapes.json: the first step of some runs of the shapes-sd pipeline.

`python shapes.py GOLDENS` with the folder of that model's reference results (index.json, base/). Of one run for each
scheduler: timesteps, sigmas, the model's first answer after guidance, and the latents after the first step.
"""
import json
import sys
from pathlib import Path

from safetensors.numpy import load_file, save_file

source = Path(sys.argv[1])
index = json.loads((source / "index.json").read_text())
tensors, runs = {}, {}
for entry in index["runs"]:
    name = entry["scheduler"]
    if name in runs:
        continue
    run = load_file(source / "base" / f"{entry['name']}.safetensors")
    for key, kept in {"timesteps": "timesteps", "sigmas": "sigmas", "unet0_guided": "output",
                      "latents_after_step0": "after"}.items():
        if key in run:
            tensors[f"{name}.{kept}"] = run[key]
    runs[name] = {"seed": entry["seed"], "steps": entry["steps"], **index["schedulers"][name]}
here = Path(__file__).parent
save_file(tensors, here / "shapes.safetensors")
(here / "shapes.json").write_text(json.dumps(runs, indent=1) + "\n")
