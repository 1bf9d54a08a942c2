"""Pipelines of the size of Stable Diffusion 1.5 and of SDXL, with random weights, as folders that diffusers reads."""
import argparse
import json
import math
import os
import struct

import torch

CROSS, PLAIN = "CrossAttnDownBlock2D", "DownBlock2D"
BETAS = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "num_train_timesteps": 1000}
CLIP = {"vocab_size": 49408, "max_position_embeddings": 77, "layer_norm_eps": 1e-5, "bos_token_id": 49406, "eos_token_id": 49407,
        "pad_token_id": 49407}
CLIP_L = {**CLIP, "hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12,
          "hidden_act": "quick_gelu", "projection_dim": 768}
CLIP_G = {**CLIP, "hidden_size": 1280, "intermediate_size": 5120, "num_hidden_layers": 32, "num_attention_heads": 20,
          "hidden_act": "gelu", "projection_dim": 1280}
VAE = {
    "sample_size": 512, "block_out_channels": [128, 256, 512, 512], "layers_per_block": 2, "latent_channels": 4,
    "norm_num_groups": 32, "down_block_types": ["DownEncoderBlock2D"] * 4, "up_block_types": ["UpDecoderBlock2D"] * 4,
}
MODELS = {
    "sd15": {
        "class": "StableDiffusionPipeline",
        "unet": {
            "sample_size": 64, "block_out_channels": [320, 640, 1280, 1280], "layers_per_block": 2, "cross_attention_dim": 768,
            "attention_head_dim": 8, "down_block_types": [CROSS, CROSS, CROSS, PLAIN],
            "up_block_types": [kind.replace("Down", "Up") for kind in (PLAIN, CROSS, CROSS, CROSS)],
        },
        "vae": {**VAE, "scaling_factor": 0.18215},
        "text": {"text_encoder": ("CLIPTextModel", CLIP_L)},
    },
    "sdxl": {
        "class": "StableDiffusionXLPipeline",
        "unet": {
            "sample_size": 128, "block_out_channels": [320, 640, 1280], "layers_per_block": 2, "cross_attention_dim": 2048,
            "attention_head_dim": [5, 10, 20], "transformer_layers_per_block": [1, 2, 10], "use_linear_projection": True,
            "addition_embed_type": "text_time", "addition_time_embed_dim": 256,
            "projection_class_embeddings_input_dim": 2816, "down_block_types": [PLAIN, CROSS, CROSS],
            "up_block_types": [kind.replace("Down", "Up") for kind in (CROSS, CROSS, PLAIN)],
        },
        "vae": {**VAE, "sample_size": 1024, "scaling_factor": 0.13025, "force_upcast": True},
        "text": {"text_encoder": ("CLIPTextModel", CLIP_L), "text_encoder_2": ("CLIPTextModelWithProjection", CLIP_G)},
    },
}


def write_json(path, value):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        json.dump(value, file, indent=1)


def random_values(name, shape, generator):
    """Activations stay near unit size: matrices have a deviation of 1/√(inputs), scales lie around one."""
    values = torch.randn(shape, generator=generator)
    if len(shape) > 1:
        return values * (shape[0] / math.prod(shape)) ** 0.5
    return values * 0.1 if name.endswith("bias") else 1 + 0.2 * values


def stored_name(name):
    """Files of text encoders have a level that transformers 5 does without."""
    return f"text_model.{name}" if name.startswith(("embeddings.", "encoder.layers.", "final_layer_norm.")) else name


def write_weights(model, path):
    """A safetensors file of bf16 values, tensor after tensor, so that the whole never has to be in memory."""
    entries, offset = {}, 0
    shapes = {stored_name(name): tuple(parameter.shape) for name, parameter in model.named_parameters()}
    for name, shape in shapes.items():
        size = 2 * math.prod(shape)
        entries[name] = {"dtype": "BF16", "shape": list(shape), "data_offsets": [offset, offset + size]}
        offset += size
    header = json.dumps({"__metadata__": {"format": "pt"}, **entries}).encode()
    header += b" " * (-len(header) % 8)
    generator = torch.Generator().manual_seed(1)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path + ".part", "wb") as file:
        file.write(struct.pack("<Q", len(header)) + header)
        for name, shape in shapes.items():
            values = random_values(name, shape, generator).to(torch.bfloat16)
            file.write(values.contiguous().view(torch.int16).numpy().tobytes())
    os.rename(path + ".part", path)


def write_component(folder, kind, config):
    """A U-Net or a VAE; built without memory, for the names and shapes alone."""
    import diffusers

    with torch.device("meta"):
        model = getattr(diffusers, kind)(**config)
    write_json(f"{folder}/config.json", {"_class_name": kind, "_diffusers_version": diffusers.__version__, **config})
    write_weights(model, f"{folder}/diffusion_pytorch_model.safetensors")


def write_text_encoder(folder, kind, config):
    import transformers

    with torch.device("meta"):
        model = getattr(transformers, kind)(transformers.CLIPTextConfig(**config))
    write_json(f"{folder}/config.json", {"architectures": [kind], "model_type": "clip_text_model", **config})
    write_weights(model, f"{folder}/model.safetensors")


def write_tokenizer(folder):
    """A tokenizer of the size of CLIP's, with merges of no language: what is timed does not depend on them."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    symbols = [chr(byte) for byte in printable] + [chr(256 + index) for index in range(256 - len(printable))]
    words = symbols + [symbol + "</w>" for symbol in symbols]
    wanted = CLIP["vocab_size"] - 2 - len(words)
    merges = [(first, second) for first in symbols for second in symbols][:wanted]
    words += [first + second for first, second in merges] + ["<|startoftext|>", "<|endoftext|>"]
    write_json(f"{folder}/vocab.json", {word: index for index, word in enumerate(words)})
    with open(f"{folder}/merges.txt", "w") as file:
        file.write("#version: 0.2\n" + "".join(f"{first} {second}\n" for first, second in merges))
    tokens = {"bos_token": "<|startoftext|>", "eos_token": "<|endoftext|>", "unk_token": "<|endoftext|>",
              "pad_token": "<|endoftext|>"}
    write_json(f"{folder}/tokenizer_config.json", {"tokenizer_class": "CLIPTokenizer", "model_max_length": 77, **tokens})
    write_json(f"{folder}/special_tokens_map.json", tokens)


def write(cache, name):
    """Writes the folder of a model unless it is there; its path. model_index.json comes last: it says that all is there."""
    folder, model = os.path.join(cache, name), MODELS[name]
    if os.path.exists(f"{folder}/model_index.json"):
        return folder
    index = {"_class_name": model["class"], "scheduler": ["diffusers", "DDIMScheduler"],
             "unet": ["diffusers", "UNet2DConditionModel"], "vae": ["diffusers", "AutoencoderKL"]}
    write_component(f"{folder}/unet", "UNet2DConditionModel", model["unet"])
    write_component(f"{folder}/vae", "AutoencoderKL", model["vae"])
    for part, (kind, config) in model["text"].items():
        tokenizer = part.replace("text_encoder", "tokenizer")
        write_text_encoder(f"{folder}/{part}", kind, config)
        write_tokenizer(f"{folder}/{tokenizer}")
        index |= {part: ["transformers", kind], tokenizer: ["transformers", "CLIPTokenizer"]}
    write_json(f"{folder}/scheduler/scheduler_config.json", {
        "_class_name": "DDIMScheduler", **BETAS, "clip_sample": False, "set_alpha_to_one": False, "steps_offset": 1})
    write_json(f"{folder}/model_index.json", index)
    return folder


def comparison_parser(description, sizes, types):
    """What a comparison of drawing is asked for on the command line, whoever Umbel is compared with."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", required=True, help="where the models are, or are to be written")
    parser.add_argument("--models", nargs="+", default=list(MODELS), choices=MODELS)
    parser.add_argument("--sizes", type=int, nargs="+", default=sizes)
    parser.add_argument("--types", nargs="+", default=types, choices=types)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--bin", default=".build/release")
    return parser
