"""What diffusers makes of a picture in tiles: tiling.safetensors beside this file.

    python tiling.py            # diffusers 0.42.1, torch 2.13.0 on the CPU, safetensors
"""
from pathlib import Path

import torch
from diffusers import AutoencoderKL
from safetensors.torch import save_file

HERE = Path(__file__).parent
VAE = HERE.parents[2] / "demo/bases/shapes-sd/vae"

vae = AutoencoderKL.from_pretrained(VAE, torch_dtype=torch.float32).eval()
vae.enable_tiling()
vae.tile_sample_min_size = 16
vae.tile_latent_min_size = 4
tensors = {}
with torch.no_grad():
    # Tiles begin every 12 pixels: whole ones, cut ones, and one of four pixels at an edge.
    for name, (height, width) in {"a": (40, 32), "b": (12, 28)}.items():
        rows = torch.linspace(-1, 1, height)[:, None]
        columns = torch.linspace(-1, 1, width)[None, :]
        pixels = torch.stack([rows * columns, rows.sin() + 0 * columns, (3 * columns + rows).cos()])[None]
        mean = vae.encode(pixels).latent_dist.mean
        tensors |= {f"{name}.pixels": pixels.contiguous(), f"{name}.mean": mean, f"{name}.decoded": vae.decode(mean).sample}
save_file({name: value.contiguous() for name, value in tensors.items()}, str(HERE / "tiling.safetensors"))
