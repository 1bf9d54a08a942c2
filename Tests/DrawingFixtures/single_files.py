"""The same weights in one file, in the layout that the models were first published in.

A name goes part by part from the folder's layout to the original one; nothing depends on widths.
"""
import re

import torch
from safetensors.torch import load_file, save_file

from common import HERE, SHAPES, fresh, save_json

RESNET = {"norm1": "in_layers.0", "conv1": "in_layers.2", "time_emb_proj": "emb_layers.1", "norm2": "out_layers.0",
          "conv2": "out_layers.3", "conv_shortcut": "skip_connection"}
UNET = {"conv_in": "input_blocks.0.0", "conv_norm_out": "out.0", "conv_out": "out.2",
        "time_embedding.linear_1": "time_embed.0", "time_embedding.linear_2": "time_embed.2",
        "add_embedding.linear_1": "label_emb.0.0", "add_embedding.linear_2": "label_emb.0.2",
        "class_embedding.linear_1": "label_emb.0.0", "class_embedding.linear_2": "label_emb.0.2"}
VAE_ATTENTION = {"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out"}
OPEN_CLIP = {"layer_norm1": "ln_1", "layer_norm2": "ln_2", "mlp.fc1": "mlp.c_fc", "mlp.fc2": "mlp.c_proj",
             "self_attn.out_proj": "attn.out_proj"}
OPEN_CLIP_TOP = {"embeddings.token_embedding.weight": "token_embedding.weight",
                 "embeddings.position_embedding.weight": "positional_embedding",
                 "final_layer_norm.weight": "ln_final.weight", "final_layer_norm.bias": "ln_final.bias"}


def unet_module(module, layers, attentive):
    """Original name of a module. `layers` a block has; `attentive`: numbers of the up blocks with attention."""
    if module in UNET:
        return UNET[module]
    if found := re.fullmatch(r"mid_block\.(resnets|attentions)\.(\d)\.(.+)", module):
        kind, number, rest = found.groups()
        return (f"middle_block.{2 * int(number)}.{RESNET[rest]}" if kind == "resnets" else f"middle_block.1.{rest}")
    side, block, kind, layer, rest = re.fullmatch(r"(down|up)_blocks\.(\d+)\.(\w+)\.(\d+)\.(.+)", module).groups()
    block, layer = int(block), int(layer)
    place = f"input_blocks.{1 + block * (layers + 1) + layer}" if side == "down" \
        else f"output_blocks.{block * (layers + 1) + layer}"
    if kind == "resnets":
        return f"{place}.0.{RESNET[rest]}"
    if kind == "attentions":
        return f"{place}.1.{rest}"
    if kind == "downsamplers":
        return f"input_blocks.{(block + 1) * (layers + 1)}.0.op"
    return f"output_blocks.{block * (layers + 1) + layers}.{2 if block in attentive else 1}.conv"


def vae_module(module, levels):
    """Original name of a module of the VAE."""
    if module in ("quant_conv", "post_quant_conv"):
        return module
    side, rest = module.split(".", 1)
    if rest == "conv_norm_out":
        return f"{side}.norm_out"
    if rest in ("conv_in", "conv_out"):
        return module
    if found := re.fullmatch(r"mid_block\.attentions\.0\.(.+)", rest):
        return f"{side}.mid.attn_1.{VAE_ATTENTION[found[1]]}"
    if found := re.fullmatch(r"mid_block\.resnets\.(\d)\.(.+)", rest):
        return f"{side}.mid.block_{int(found[1]) + 1}.{found[2]}".replace("conv_shortcut", "nin_shortcut")
    way, block, kind, layer, rest = re.fullmatch(r"(down|up)_blocks\.(\d+)\.(\w+)\.(\d+)\.(.+)", rest).groups()
    level = block if way == "down" else levels - 1 - int(block)
    if kind == "resnets":
        return f"{side}.{way}.{level}.block.{layer}.{rest}".replace("conv_shortcut", "nin_shortcut")
    return f"{side}.{way}.{level}.{way}sample.conv"


def numbers(names, pattern):
    return {int(found[1]) for name in names if (found := re.match(pattern, name))}


def modules(names, original, prefix, component):
    """Original module → component/module, in the order of the names."""
    stems = sorted({name.rsplit(".", 1)[0] for name in names})
    return {prefix + original(stem): f"{component}/{stem}" for stem in stems}


def unet_map(names):
    layers = len(numbers(names, r"down_blocks\.0\.resnets\.(\d+)"))
    attentive = numbers(names, r"up_blocks\.(\d+)\.attentions")
    return modules(names, lambda module: unet_module(module, layers, attentive), "model.diffusion_model.", "unet")


def vae_map(names):
    levels = len(numbers(names, r"encoder\.down_blocks\.(\d+)"))
    return modules(names, lambda module: vae_module(module, levels), "first_stage_model.", "vae")


def moved(tensors, mapping):
    """The tensors of one component under their original names; the VAE's attention becomes 1 × 1 convolutions."""
    result = {}
    for original, place in mapping.items():
        stem = place.split("/", 1)[1]
        for kind in ("weight", "bias"):
            if f"{stem}.{kind}" in tensors:
                value = tensors[f"{stem}.{kind}"]
                result[f"{original}.{kind}"] = value[:, :, None, None] if becomes_kernel(original, value) else value
    return result


def becomes_kernel(original, value):
    return ".mid.attn_1." in original and value.dim() == 2


def clip(tensors, prefix):
    """The names of the folder, always with `text_model.`."""
    named = {name if name.startswith("text_model.") else f"text_model.{name}": value for name, value in tensors.items()}
    positions = torch.arange(77)[None]
    return {prefix + name: value for name, value in {**named, "text_model.embeddings.position_ids": positions}.items()}


def open_clip(tensors, prefix, spare):
    """The names of the other library: q, k and v in one tensor, the projection transposed.

    `spare`: does one more block follow that nothing uses? The folder of Stable Diffusion 2 leaves it out.
    """
    tensors = {name.removeprefix("text_model."): value for name, value in tensors.items()}
    result = {original: tensors[name] for name, original in OPEN_CLIP_TOP.items()}
    layers = 1 + max(numbers(tensors, r"encoder\.layers\.(\d+)"))
    for layer in range(layers):
        old, new = f"encoder.layers.{layer}", f"transformer.resblocks.{layer}"
        for kind in ("weight", "bias"):
            for name, original in OPEN_CLIP.items():
                result[f"{new}.{original}.{kind}"] = tensors[f"{old}.{name}.{kind}"]
            parts = [tensors[f"{old}.self_attn.{name}_proj.{kind}"] for name in "qkv"]
            result[f"{new}.attn.in_proj_{kind}"] = torch.cat(parts)
    if spare:
        last = f"transformer.resblocks.{layers - 1}."
        result |= {name.replace(last, f"transformer.resblocks.{layers}."): 0.5 * value
                   for name, value in result.items() if name.startswith(last)}
    width = tensors["final_layer_norm.weight"].shape[0]
    projection = tensors.get("text_projection.weight", torch.eye(width, dtype=torch.float16))
    result["text_projection"] = projection.T
    result["logit_scale"] = torch.tensor(4.6052, dtype=torch.float16)
    return {prefix + name: value for name, value in result.items()}


def component(folder, name):
    stem = "model" if name.startswith("text") else "diffusion_pytorch_model"
    return load_file(folder / name / f"{stem}.safetensors")


def body(folder):
    """The U-Net and the VAE of a pipeline."""
    unet, vae = component(folder, "unet"), component(folder, "vae")
    return {**moved(unet, unet_map(unet)), **moved(vae, vae_map(vae))}


def sd1(folder):
    return {**body(folder), **clip(component(folder, "text_encoder"), "cond_stage_model.transformer.")}


def sd2(folder):
    return {**body(folder), **open_clip(component(folder, "text_encoder"), "cond_stage_model.model.", spare=True)}


def sdxl(folder):
    return {**body(folder), **clip(component(folder, "text_encoder"), "conditioner.embedders.0.transformer."),
            **open_clip(component(folder, "text_encoder_2"), "conditioner.embedders.1.model.", spare=False)}


def write(tensors, path):
    save_file({name: value.contiguous() for name, value in sorted(tensors.items())}, str(path), {"format": "pt"})


def shapes_recipe():
    """Which module of the trained pipeline goes where, as its weights are too large to be here twice."""
    unet, vae, text = (component(SHAPES, name) for name in ("unet", "vae", "text_encoder"))
    mapping = {**unet_map(unet), **vae_map(vae)}
    stems = sorted({name.rsplit(".", 1)[0] for name in text})
    mapping |= {f"cond_stage_model.transformer.{stem}": f"text_encoder/{stem}" for stem in stems}
    kernels = [f"{original}.weight" for original, place in mapping.items()
               if place.startswith("vae/") and becomes_kernel(original, vae[place.split("/", 1)[1] + ".weight"])]
    return {"modules": mapping, "kernels": kernels}


def from_recipe(folder, recipe):
    """The tensors of the single file that a recipe describes."""
    parts = {name: component(folder, name) for name in ("unet", "vae", "text_encoder")}
    result = {}
    for original, place in recipe["modules"].items():
        part, stem = place.split("/", 1)
        for kind in ("weight", "bias"):
            if f"{stem}.{kind}" in parts[part]:
                value = parts[part][f"{stem}.{kind}"]
                name = f"{original}.{kind}"
                result[name] = value[:, :, None, None] if name in recipe["kernels"] else value
    return result


def make():
    root = fresh(HERE / "single-files")
    write(sd2(HERE / "sd2-tiny"), root / "sd2-tiny.safetensors")
    write(sdxl(HERE / "sdxl-tiny"), root / "sdxl-tiny.safetensors")
    save_json(root / "shapes-sd.json", shapes_recipe())
