"""VAEs alone, each for an option that the pipelines here leave at its default."""
import diffusers
import torch

from common import HERE, fresh, randomise, save_json, save_tensors, save_weights
from pipelines import check, probe_vae

COMMON = {
    "sample_size": 16, "block_out_channels": [4, 4], "layers_per_block": 1, "norm_num_groups": 2, "latent_channels": 4,
    "down_block_types": ["DownEncoderBlock2D"] * 2, "up_block_types": ["UpDecoderBlock2D"] * 2, "scaling_factor": 0.18215,
}
AUTOENCODERS = {
    "no-attention": {"mid_block_add_attention": False},
    "no-quant": {"use_quant_conv": False, "use_post_quant_conv": False, "latent_channels": 16, "shift_factor": 0.1159,
                 "scaling_factor": 0.3611, "force_upcast": True},
    "latent-statistics": {"latents_mean": [-1.6574, 1.886, -1.383, 2.5155], "latents_std": [8.4927, 5.9022, 6.5498, 5.2299],
                          "scaling_factor": 0.5, "force_upcast": False},
    # The attention's names of old folders: query, key, value, proj_attn.
    "old-names": {},
    "two-layers": {"layers_per_block": 2, "act_fn": "gelu"},
}
OLD_NAMES = {"to_q.": "query.", "to_k.": "key.", "to_v.": "value.", "to_out.0.": "proj_attn."}


def renamed(tensors):
    """The names of a folder that was written by an early version of the library."""
    result = {}
    for name, tensor in tensors.items():
        for new, old in OLD_NAMES.items():
            name = name.replace(new, old)
        result[name] = tensor.half()
    return result


def normalised(latents, config):
    """What a U-Net is given of latents: with mean and deviation of each channel where the configuration has them, as
    SDXL's pipelines do, else shifted and scaled; the shift is from later families."""
    if config.get("latents_mean") is not None:
        mean, deviation = (torch.tensor(config[name]).view(1, -1, 1, 1) for name in ("latents_mean", "latents_std"))
        return (latents - mean) * config["scaling_factor"] / deviation
    return (latents - config.get("shift_factor", 0)) * config["scaling_factor"]


def make():
    root = fresh(HERE / "vaes")
    for seed, (name, options) in enumerate(AUTOENCODERS.items(), start=200):
        config = {**COMMON, **options}
        model = randomise(diffusers.AutoencoderKL(**config), seed)
        save_json(root / name / "config.json",
                  {"_class_name": "AutoencoderKL", "_diffusers_version": "0.42.1", **dict(sorted(config.items()))})
        weights = root / name / "diffusion_pytorch_model.safetensors"
        if name == "old-names":
            save_tensors(weights, renamed(model.state_dict()))
        else:
            save_weights(weights, model)
        tensors = probe_vae({}, model, 8, 12)
        tensors["vae.normalised_mean"] = normalised(tensors["vae.mean"], config)
        check(name, tensors)
        save_tensors(root / name / "golden.safetensors", tensors)
