"""U-Nets alone, each for a few options of diffusers' configuration, and what is to be refused."""
import inspect
from re import findall

import diffusers
import torch
from diffusers.models.unets import unet_2d_blocks

from common import HERE, fresh, randomise, save_json, save_lines, save_tensors, save_weights
from pipelines import BETAS, PIXELS, check, probe_unet, save_runs, values

#: What the networks have in common unless they say otherwise; contexts are of `sd2-tiny`'s width.
COMMON = {
    "sample_size": 4, "block_out_channels": [4, 8], "layers_per_block": 1, "norm_num_groups": 2, "cross_attention_dim": 8,
    "attention_head_dim": 2, "down_block_types": ["CrossAttnDownBlock2D", "DownBlock2D"],
    "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D"],
}
#: Attention on both levels.
ATTENTIVE = {"down_block_types": ["CrossAttnDownBlock2D"] * 2, "up_block_types": ["CrossAttnUpBlock2D"] * 2}


#: No attention at all, for options that are about time only.
PLAIN = {"down_block_types": ["DownBlock2D"] * 2, "up_block_types": ["UpBlock2D"] * 2, "mid_block_type": "UNetMidBlock2D",
         "block_out_channels": [4, 4]}


class Network:
    """`about`: where it is found; `inputs`: what it takes besides sample, times and context."""

    def __init__(self, about, config, inputs=None, times=(981, 1), family=True):
        self.about, self.config, self.times, self.family = about, {**COMMON, **config}, times, family
        self.inputs = inputs or (lambda: {})


NETWORKS = {
    "inpaint": Network("inpainting: 4 latent, 1 mask and 4 masked picture channels", {"in_channels": 9}),
    "lcm": Network("distilled for few steps: guidance is an input", {"time_cond_proj_dim": 8},
                   lambda: {"timestep_cond": values(2, 8)}),
    "no-middle": Network("small distilled Stable Diffusion 1: no middle block; layers per block differ",
                         {"mid_block_type": None, "layers_per_block": [2, 1]}),
    "plain-middle": Network(
        "small distilled SDXL: middle block of one residual layer; transformer layers per layer, other ones going up",
        {**ATTENTIVE, "mid_block_type": "UNetMidBlock2D", "use_linear_projection": True,
         "transformer_layers_per_block": [[1], [2]], "reverse_transformer_layers_per_block": [[2, 1], [1, 1]]}),
    "upscaler": Network(
        "picture upscaler: 7 channels, noise level as a class, no self-attention on some levels",
        {**ATTENTIVE, "in_channels": 7, "num_class_embeds": 12, "only_cross_attention": [True, False]},
        lambda: {"class_labels": torch.tensor([0, 11])}),
    "class-projection": Network(
        "picture variations: an embedding of a picture, projected as a time is",
        {**PLAIN, "class_embed_type": "projection", "projection_class_embeddings_input_dim": 12},
        lambda: {"class_labels": values(2, 12)}),
    "class-timestep": Network("class labels as times", {**PLAIN, "class_embed_type": "timestep"},
                              lambda: {"class_labels": torch.tensor([3, 250])}),
    "class-identity": Network("class embeddings as they are", {**PLAIN, "class_embed_type": "identity"},
                              lambda: {"class_labels": values(2, 16)}),
    "class-concat": Network(
        "class embeddings by one layer and beside the time's, not added to it",
        {**PLAIN, "class_embed_type": "simple_projection", "projection_class_embeddings_input_dim": 12,
         "class_embeddings_concat": True}, lambda: {"class_labels": values(2, 12)}),
    "text-projection": Network(
        "SDXL with a language model's text: the context goes through a linear layer first",
        {"encoder_hid_dim": 20, "encoder_hid_dim_type": "text_proj", "addition_embed_type": "text_time",
         "addition_time_embed_dim": 8, "projection_class_embeddings_input_dim": 6 * 8 + 12, "use_linear_projection": True},
        lambda: {"added_cond_kwargs": {"text_embeds": values(2, 12), "time_ids": 64 * values(2, 6).abs()}}),
    "self-attention": Network(
        "self-attention without a context; scale and shift by time; here attention_head_dim is the size of a head",
        {"down_block_types": ["AttnDownBlock2D", "DownBlock2D"], "up_block_types": ["UpBlock2D", "AttnUpBlock2D"],
         "resnet_time_scale_shift": "scale_shift"}),
    "other-numbers": Network(
        "every option that changes a number or a function, off its default",
        {"act_fn": "gelu", "norm_eps": 1e-3, "downsample_padding": 0, "mid_block_scale_factor": 1.5, "conv_in_kernel": 5,
         "conv_out_kernel": 1, "flip_sin_to_cos": False, "freq_shift": 1, "time_embedding_dim": 12,
         "time_embedding_act_fn": "silu", "timestep_post_act": "mish", "center_input_sample": True, "out_channels": 3,
         "upcast_attention": True, "cross_attention_dim": [8, 8], "attention_head_dim": [1, 4]}),
    "fourier": Network("time by random frequencies, stored as a weight; times are small numbers",
                       {**PLAIN, "time_embedding_type": "fourier", "act_fn": "mish"}, times=(0.75, -0.25)),
    "pixel": Network(
        "as in cascades that draw pixels: attention over picture and text at once, residual layers that scale the picture, "
        "pooled text by attention", {
            "down_block_types": ["ResnetDownsampleBlock2D", "SimpleCrossAttnDownBlock2D"],
            "up_block_types": ["SimpleCrossAttnUpBlock2D", "ResnetUpsampleBlock2D"],
            "mid_block_type": "UNetMidBlock2DSimpleCrossAttn", "cross_attention_dim": 32, "encoder_hid_dim": 20,
            "addition_embed_type": "text", "addition_embed_type_num_heads": 4, "cross_attention_norm": "group_norm",
            "attention_head_dim": 4, "resnet_time_scale_shift": "scale_shift", "resnet_skip_time_act": True,
            "resnet_out_scale_factor": 1.41421, "act_fn": "gelu"}, family=False),
}

#: Changes to COMMON that no text-to-image network of the family has, and what diffusers itself does with them.
REFUSED = [
    ("down_block_types", ["SkipDownBlock2D", "DownBlock2D"], "builds it and cannot run it"),
    ("down_block_types", ["AttnSkipDownBlock2D", "DownBlock2D"], "builds it for some widths only and cannot run it"),
    ("down_block_types", ["DownEncoderBlock2D", "DownBlock2D"], "builds it and cannot run it: a block of the VAE"),
    ("down_block_types", ["AttnDownEncoderBlock2D", "DownBlock2D"], "builds it and cannot run it: a block of the VAE"),
    ("down_block_types", ["KDownBlock2D", "DownBlock2D"], "runs it in the latent upscaler, which is another pipeline"),
    ("down_block_types", ["KCrossAttnDownBlock2D", "DownBlock2D"], "runs it in the latent upscaler"),
    ("up_block_types", ["UpBlock2D", "SkipUpBlock2D"], "builds it and cannot run it"),
    ("up_block_types", ["UpBlock2D", "AttnSkipUpBlock2D"], "builds it for some widths only and cannot run it"),
    ("up_block_types", ["UpBlock2D", "UpDecoderBlock2D"], "builds it and cannot run it: a block of the VAE"),
    ("up_block_types", ["UpBlock2D", "AttnUpDecoderBlock2D"], "builds it and cannot run it: a block of the VAE"),
    ("up_block_types", ["UpBlock2D", "KUpBlock2D"], "runs it in the latent upscaler"),
    ("up_block_types", ["UpBlock2D", "KCrossAttnUpBlock2D"], "runs it in the latent upscaler"),
    ("down_block_types", ["DownBlock3D", "DownBlock2D"], "refuses it: a block of video models"),
    ("mid_block_type", "UNetMidBlock3DCrossAttn", "refuses it: a block of video models"),
    ("dual_cross_attention", True, "builds it and cannot run it in this version"),
    ("attention_type", "gated", "runs it; boxes that say where things are need a pipeline of their own"),
    ("attention_type", "gated-text-image", "runs it, as above"),
    ("addition_embed_type", "text_image", "runs it with embeddings of pictures"),
    ("addition_embed_type", "image", "runs it with embeddings of pictures"),
    ("addition_embed_type", "image_hint", "runs it with embeddings of pictures and a hint"),
    ("encoder_hid_dim_type", "text_image_proj", "runs it with embeddings of pictures"),
    ("encoder_hid_dim_type", "image_proj", "runs it with embeddings of pictures"),
    ("encoder_hid_dim_type", "ip_image_proj", "refuses it in a configuration; picture prompts set it later"),
    ("num_attention_heads", 2, "refuses it: attention_head_dim is the number of heads"),
    ("time_embedding_type", "learned", "refuses it: unknown"),
    ("class_embed_type", "learned", "ignores it: unknown"),
    ("act_fn", "tanh", "refuses it: unknown"),
]
#: What the options above need beside them to be valid in themselves.
BESIDE = {
    "addition_embed_type": {"encoder_hid_dim": 8}, "encoder_hid_dim_type": {"encoder_hid_dim": 8},
    "KDownBlock2D": {"block_out_channels": [32, 32], "norm_num_groups": 32},
}


def blocks_of_library():
    """Every type that UNet2DConditionModel builds, read from the library, so that none is forgotten."""
    return {side: findall(r'== "(\w+)"', inspect.getsource(getattr(unet_2d_blocks, f"get_{side}_block")))
            for side in ("down", "mid", "up")}


def covered():
    """Types that occur in a network here or among what is refused."""
    found = {"UNetMidBlock2DCrossAttn"}
    for config in [network.config for network in NETWORKS.values()] + [{key: value} for key, value, _ in REFUSED]:
        for key in ("down_block_types", "up_block_types"):
            found |= set(config.get(key, []))
        found.add(config.get("mid_block_type"))
    return found


def make_network(folder, seed, network):
    """Configuration with what is not the default, weights, and one evaluation of two samples."""
    model = randomise(diffusers.UNet2DConditionModel(**network.config), seed)
    save_json(folder / "config.json", {"_class_name": "UNet2DConditionModel", "_diffusers_version": "0.42.1",
                                       **dict(sorted(network.config.items()))})
    save_weights(folder / "diffusion_pytorch_model.safetensors", model)
    width = network.config.get("encoder_hid_dim") or 8
    tensors = probe_unet({}, model, list(network.times), (4, 6), values(2, 5, width),
                         layers="DownBlock2D" != network.config["down_block_types"][0], **network.inputs())
    check(folder.name, tensors)
    save_tensors(folder / "golden.safetensors", tensors)


def runs():
    """Whole runs of networks whose inputs make another pipeline of them, with the other parts of `sd2-tiny`."""
    base = diffusers.StableDiffusionPipeline.from_pretrained(HERE / "sd2-tiny", torch_dtype=torch.float32)
    without = ("image", "unet0.context", *PIXELS)
    size = {"height": 48, "width": 64, "without": without}
    ddim = diffusers.DDIMScheduler(**BETAS, clip_sample=False, set_alpha_to_one=False, steps_offset=1)
    lcm = diffusers.LCMScheduler(**BETAS, set_alpha_to_one=True, steps_offset=1)
    wanted = {
        "inpaint": [({"name": "inpaint", "kind": "inpaint", "strength": 1.0, **size}, ddim),
                    ({"name": "inpaint-strength", "kind": "inpaint", "strength": 0.7, "num_inference_steps": 4,
                      "num_images_per_prompt": 2, **size}, ddim)],
        "lcm": [({"name": "text", "kind": "text", "guidance_scale": 7.5, "num_inference_steps": 4, **size}, lcm)],
    }
    for name, entries in wanted.items():
        unet = diffusers.UNet2DConditionModel.from_pretrained(HERE / "unets" / name, torch_dtype=torch.float32)
        save_runs(HERE / "unets" / name, base, "sd", [(run, scheduler, unet) for run, scheduler in entries])


def refused():
    entries = []
    for option, value, why in REFUSED:
        config = {**COMMON, **BESIDE.get(option, {}), option: value}
        entries.append({"option": option, "value": value, "diffusers": why, "config": config})
    return entries


def make():
    known = {name for side in blocks_of_library().values() for name in side}
    if not known <= covered():
        raise RuntimeError(f"not covered: {sorted(known - covered())}")
    root = fresh(HERE / "unets")
    index = {}
    for seed, (name, network) in enumerate(NETWORKS.items(), start=100):
        make_network(root / name, seed, network)
        index[name] = {"about": network.about, "stable_diffusion": network.family}
    runs()
    save_json(root / "networks.json", index)
    save_lines(root / "refused.json", "refused", refused())
