"""Writes single-files/full-size.json: what is in the published models' single files, by name and shape, without numbers.

Each entry has the names as a tree, cut at the dots, with shapes as leaves; and the configurations of the folders that the same
models were published as, which is what a file's shapes have to tell.
"""
import json

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from common import HERE
from single_files import clip, moved, open_clip, unet_map, vae_map

def unet(levels, **settings):
    """`levels`: does each have attention?"""
    down = ["CrossAttnDownBlock2D" if attends else "DownBlock2D" for attends in levels]
    up = ["CrossAttnUpBlock2D" if attends else "UpBlock2D" for attends in reversed(levels)]
    return {"_class_name": "UNet2DConditionModel", "down_block_types": down, "up_block_types": up, "in_channels": 4,
            "out_channels": 4, "layers_per_block": 2, "norm_num_groups": 32, **settings}


def vae(size, scaling):
    return {"_class_name": "AutoencoderKL", "in_channels": 3, "out_channels": 3, "latent_channels": 4,
            "down_block_types": ["DownEncoderBlock2D"] * 4, "up_block_types": ["UpDecoderBlock2D"] * 4, "layers_per_block": 2,
            "block_out_channels": [128, 256, 512, 512], "norm_num_groups": 32, "sample_size": size, "scaling_factor": scaling}


def text(size, layers, act, **settings):
    return {"model_type": "clip_text_model", "vocab_size": 49408, "hidden_size": size, "intermediate_size": 4 * size,
            "num_hidden_layers": layers, "num_attention_heads": size // 64, "max_position_embeddings": 77, "hidden_act": act,
            "projection_dim": size, "eos_token_id": 49407, **settings}


BIG = [320, 640, 1280, 1280]
MODELS = {
    "sd1": {
        "unet": unet([1, 1, 1, 0], block_out_channels=BIG, cross_attention_dim=768, attention_head_dim=8, sample_size=64),
        "vae": vae(512, 0.18215), "text_encoder": text(768, 12, "quick_gelu")},
    "sd2": {
        "unet": unet([1, 1, 1, 0], block_out_channels=BIG, cross_attention_dim=1024, attention_head_dim=[5, 10, 20, 20],
                     use_linear_projection=True, upcast_attention=True, sample_size=96),
        "vae": vae(512, 0.18215), "text_encoder": text(1024, 23, "gelu")},
    "sdxl": {
        "unet": unet([0, 1, 1], block_out_channels=BIG[:3], cross_attention_dim=2048, attention_head_dim=[5, 10, 20],
                     use_linear_projection=True, transformer_layers_per_block=[1, 2, 10], sample_size=128,
                     addition_embed_type="text_time", addition_time_embed_dim=256, projection_class_embeddings_input_dim=2816),
        "vae": vae(1024, 0.13025), "text_encoder": text(768, 12, "quick_gelu"), "text_encoder_2": text(1280, 32, "gelu")},
}


def network(component, settings):
    settings = {name: value for name, value in settings.items() if not name.startswith("_")}
    if component == "unet":
        return UNet2DConditionModel(**settings)
    if component == "vae":
        return AutoencoderKL(**settings)
    kind = CLIPTextModelWithProjection if component == "text_encoder_2" else CLIPTextModel
    return kind(CLIPTextConfig(**settings))


def single(name, tensors):
    result = {**moved(tensors["unet"], unet_map(tensors["unet"])), **moved(tensors["vae"], vae_map(tensors["vae"]))}
    if name == "sd1":
        return result | clip(tensors["text_encoder"], "cond_stage_model.transformer.")
    if name == "sd2":
        return result | open_clip(tensors["text_encoder"], "cond_stage_model.model.", spare=True)
    return (result | clip(tensors["text_encoder"], "conditioner.embedders.0.transformer.")
            | open_clip(tensors["text_encoder_2"], "conditioner.embedders.1.model.", spare=False))


def tree(tensors):
    root = {}
    for name, tensor in tensors.items():
        *path, last = name.split(".")
        place = root
        for part in path:
            place = place.setdefault(part, {})
        place[last] = list(tensor.shape)
    return root


def make():
    models = {}
    with torch.device("meta"):
        for name, components in MODELS.items():
            tensors = {component: network(component, settings).state_dict() for component, settings in components.items()}
            models[name] = {"configurations": components, "tensors": tree(single(name, tensors))}
    (HERE / "single-files" / "full-size.json").write_text(json.dumps(models, separators=(",", ":")) + "\n")
