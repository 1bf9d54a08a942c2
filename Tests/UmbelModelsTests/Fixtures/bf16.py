"""The trained U-Net in diffusers with f32 and with bf16: bf16.safetensors beside this file.

    python bf16.py            # diffusers 0.42.1, torch 2.13.0 on the CPU, safetensors
"""
from pathlib import Path

import torch
from diffusers import UNet2DConditionModel
from safetensors.torch import save_file

HERE = Path(__file__).parent
UNET = HERE.parents[2] / "demo/bases/shapes-sd/unet"

generator = torch.Generator().manual_seed(3)
tensors = {
    "sample": torch.randn(4, 4, 16, 16, generator=generator),
    "context": torch.randn(4, 16, 64, generator=generator),
    "times": torch.tensor([981.0, 601.0, 201.0, 21.0]),
}
for name, dtype in {"f32": torch.float32, "bf16": torch.bfloat16}.items():
    unet = UNet2DConditionModel.from_pretrained(UNET, torch_dtype=dtype).eval()
    with torch.no_grad():
        out = unet(tensors["sample"].to(dtype), tensors["times"], tensors["context"].to(dtype)).sample
    tensors[name] = out.float().contiguous()
save_file(tensors, str(HERE / "bf16.safetensors"))
