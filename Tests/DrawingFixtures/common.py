"""What the makers here share: places, seeded random weights, and writing of tensors and of JSON."""
import json
import shutil
from pathlib import Path

import torch
from safetensors.torch import save_file

HERE = Path(__file__).parent
#: The trained tiny pipeline that draws shapes. Its tokenizer: 1000 tokens, 998 begins a text, 999 ends it.
SHAPES = HERE.parent.parent / "demo" / "bases" / "shapes-sd"


@torch.no_grad()
def randomise(model, seed):
    """Fills a model so that every stage stays near unit size and every tensor matters.

    Matrices and kernels get a deviation of 1/√(inputs), scales lie around one, biases around zero. Values are rounded
    to float16, so that what is stored is exactly what the reference computed with.
    """
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in model.named_parameters():
        values = torch.randn(parameter.shape, generator=generator)
        if parameter.dim() > 1:
            values *= parameter[0].numel() ** -0.5
        elif name.endswith("bias"):
            values *= 0.1
        else:
            values = 1 + 0.2 * values
        parameter.copy_(values.half().float())
    return model.eval().requires_grad_(False)


def save_tensors(path, tensors):
    """Writes tensors in the order of their names; whole numbers become int32, except pictures, which stay uint8."""
    path.parent.mkdir(parents=True, exist_ok=True)
    values = {}
    for name, tensor in sorted(tensors.items()):
        tensor = tensor.detach().clone().contiguous()
        values[name] = tensor.int() if tensor.dtype == torch.int64 else tensor
    save_file(values, str(path), {"format": "pt"})


def save_weights(path, model, prefix=""):
    """The weights of a model as float16, which loses nothing after `randomise`."""
    save_tensors(path, {prefix + name: tensor.half() for name, tensor in model.state_dict().items()})


def save_json(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def save_lines(path, title, entries):
    """JSON with one entry of a list a line."""
    lines = ",\n".join(json.dumps(entry, ensure_ascii=False) for entry in entries)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'{{"{title}": [\n{lines}\n]}}\n')


def config_of(model):
    """A diffusers configuration without the facts of this machine."""
    return {key: value for key, value in model.config.items() if not key.startswith("_")}


def save_component(folder, model):
    """A U-Net or a VAE as diffusers stores it, with float16 weights."""
    config = {"_class_name": type(model).__name__, "_diffusers_version": "0.42.1", **config_of(model)}
    save_json(folder / "config.json", {key: config[key] for key in sorted(config)})
    save_weights(folder / "diffusion_pytorch_model.safetensors", model)


def fresh(folder):
    """An empty folder."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def picture(height, width):
    """A picture of smooth colours with an edge, uint8 [height, width, 3]; the same on every machine."""
    y = torch.arange(height).view(-1, 1).expand(height, width)
    x = torch.arange(width).view(1, -1).expand(height, width)
    red, green, blue = (7 * x + 3 * y) % 256, (255 - 5 * y + x * y // 9) % 256, (11 * (x - y)) % 256
    disc = (x - width // 3) ** 2 + (y - height // 2) ** 2 < (min(height, width) // 4) ** 2
    channels = [torch.where(disc, torch.full_like(red, level), channel)
                for level, channel in ((240, red), (32, green), (16, blue))]
    return torch.stack(channels, dim=-1).to(torch.uint8)


def mask(height, width):
    """What is to be painted anew is white; a grey rim on both sides of one half; uint8 [height, width]."""
    values = torch.zeros(height, width, dtype=torch.uint8)
    values[height // 4: height - height // 8, width // 3: width - width // 8] = 255
    values[: height // 4, width // 3: width // 2] = 140
    values[: height // 4, width // 2:] = 100
    return values
