"""Whole pipelines of random weights: one like Stable Diffusion 2, one like SDXL."""
import json
import shutil

import diffusers
import torch
from PIL import Image
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

from common import (HERE, SHAPES, fresh, mask, picture, randomise, save_component, save_json, save_lines, save_tensors,
                    save_weights)
from recording import Run, outputs_of

BETAS = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "num_train_timesteps": 1000}
PROMPT = "a small red star on the left on a blue background"
NEGATIVE = "green, blurry"
TEXTS = [PROMPT, "", "Two  WORDS; it's 12 o'clock!", "a very long text that goes on and on, " * 20]


def tokenizer(folder, pad):
    """A copy of the tiny tokenizer, padding with another token; SD 2 and the second one of SDXL pad with "!"."""
    folder.mkdir(parents=True)
    shutil.copy(SHAPES / "tokenizer" / "merges.txt", folder)
    vocabulary = json.loads((SHAPES / "tokenizer" / "vocab.json").read_text())
    (folder / "vocab.json").write_text(json.dumps(vocabulary, separators=(",", ":"), ensure_ascii=False))
    tokens = {"bos_token": "<|startoftext|>", "eos_token": "<|endoftext|>", "unk_token": "<|endoftext|>", "pad_token": pad}
    save_json(folder / "special_tokens_map.json", tokens)
    save_json(folder / "tokenizer_config.json", {
        "tokenizer_class": "CLIPTokenizer", **tokens, "model_max_length": 77, "do_lower_case": True,
        "add_prefix_space": False, "errors": "replace"})
    return CLIPTokenizer.from_pretrained(folder)


def text_encoder(folder, kind, seed, prefix, **config):
    """A CLIP text model. `prefix` is put before the names: older libraries write `text_model.`, new ones nothing."""
    settings = {"vocab_size": 1000, "max_position_embeddings": 77, "layer_norm_eps": 1e-5, "bos_token_id": 998,
                "eos_token_id": 999, "pad_token_id": 999, **config}
    model = randomise(kind(CLIPTextConfig(**settings)), seed)
    if not hasattr(model, "text_model"):
        # The library lost this level, and diffusers still asks for it when layers are skipped.
        object.__setattr__(model, "text_model", model)
    save_json(folder / "config.json", {"architectures": [kind.__name__], "model_type": "clip_text_model", **settings})
    save_weights(folder / "model.safetensors", model, prefix)
    return model


def save_pipeline(folder, pipe, entries):
    """model_index.json and the scheduler; the other folders are there already."""
    index = {"_class_name": type(pipe).__name__, "_diffusers_version": "0.42.1", **entries}
    for name, part in pipe.components.items():
        library = type(part).__module__.split(".")[0] if part is not None else None
        kind = {"CLIPTokenizer": "CLIPTokenizer"}.get(type(part).__name__, type(part).__name__)
        index[name] = [library, kind if part is not None else None]
    save_json(folder / "model_index.json", {key: index[key] for key in sorted(index)})
    save_scheduler(folder / "scheduler", pipe.scheduler)


def save_scheduler(folder, scheduler):
    save_json(folder / "scheduler_config.json", scheduler_config(scheduler))


def scheduler_config(scheduler):
    config = {key: value for key, value in scheduler.config.items() if not key.startswith("_")}
    return {"_class_name": type(scheduler).__name__, "_diffusers_version": "0.42.1", **dict(sorted(config.items()))}


def sd2(folder):
    """Linear projections, heads that differ between the blocks, v-prediction down to zero signal."""
    tokens = tokenizer(folder / "tokenizer", "!")
    text = text_encoder(folder / "text_encoder", CLIPTextModel, 21, "text_model.", hidden_size=8, intermediate_size=32,
                        num_hidden_layers=3, num_attention_heads=2, hidden_act="gelu", projection_dim=8)
    unet = randomise(diffusers.UNet2DConditionModel(
        sample_size=8, block_out_channels=(4, 8, 8), layers_per_block=1, norm_num_groups=2, cross_attention_dim=8,
        attention_head_dim=[1, 2, 4], use_linear_projection=True,
        down_block_types=("CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D")), 22)
    vae = randomise(diffusers.AutoencoderKL(
        sample_size=64, block_out_channels=(4, 8, 8, 8), layers_per_block=1, norm_num_groups=2, latent_channels=4,
        down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4, scaling_factor=0.18215), 23)
    scheduler = diffusers.DDIMScheduler(
        **BETAS, clip_sample=False, set_alpha_to_one=False, steps_offset=1, prediction_type="v_prediction",
        timestep_spacing="trailing", rescale_betas_zero_snr=True)
    save_component(folder / "unet", unet)
    save_component(folder / "vae", vae)
    pipe = diffusers.StableDiffusionPipeline(
        vae=vae, text_encoder=text, tokenizer=tokens, unet=unet, scheduler=scheduler, safety_checker=None,
        feature_extractor=None, requires_safety_checker=False)
    save_pipeline(folder, pipe, {"requires_safety_checker": False})
    return pipe


def sdxl(folder):
    """Two text encoders that are side by side in the context, sizes as a further input, no attention at the first level."""
    unet = randomise(diffusers.UNet2DConditionModel(
        sample_size=8, block_out_channels=(4, 8, 8), layers_per_block=2, norm_num_groups=2, cross_attention_dim=20,
        attention_head_dim=[1, 2, 4], use_linear_projection=True, transformer_layers_per_block=[1, 1, 2],
        addition_embed_type="text_time", addition_time_embed_dim=8, projection_class_embeddings_input_dim=6 * 8 + 10,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D")), 32)
    vae = randomise(diffusers.AutoencoderKL(
        sample_size=32, block_out_channels=(4, 8, 8), layers_per_block=1, norm_num_groups=2, latent_channels=4,
        down_block_types=("DownEncoderBlock2D",) * 3, up_block_types=("UpDecoderBlock2D",) * 3, scaling_factor=0.13025,
        force_upcast=True), 33)
    save_component(folder / "unet", unet)
    save_component(folder / "vae", vae)
    pipe = diffusers.StableDiffusionXLPipeline(
        vae=vae, unet=unet, tokenizer=tokenizer(folder / "tokenizer", "<|endoftext|>"),
        tokenizer_2=tokenizer(folder / "tokenizer_2", "!"),
        text_encoder=text_encoder(
            folder / "text_encoder", CLIPTextModel, 30, "", hidden_size=8, intermediate_size=32, num_hidden_layers=2,
            num_attention_heads=2, hidden_act="quick_gelu", projection_dim=8),
        # An end token of 2 is what old configurations have: then the text ends at the greatest id.
        text_encoder_2=text_encoder(
            folder / "text_encoder_2", CLIPTextModelWithProjection, 31, "", hidden_size=12, intermediate_size=48,
            num_hidden_layers=3, num_attention_heads=3, hidden_act="gelu", projection_dim=10, eos_token_id=2),
        scheduler=diffusers.EulerDiscreteScheduler(**BETAS, steps_offset=1, timestep_spacing="leading"),
        force_zeros_for_empty_prompt=True, add_watermarker=False)
    save_pipeline(folder, pipe, {"force_zeros_for_empty_prompt": True})
    return pipe


def probe_texts(tensors, name, tokens, model):
    """Token ids of all texts; every hidden state of the first, what the model returns of the first two."""
    ids = tokens(TEXTS, padding="max_length", max_length=77, truncation=True, return_tensors="pt").input_ids
    result = model(ids[:2], output_hidden_states=True)
    tensors[f"{name}.input_ids"] = ids
    for index, hidden in enumerate(result.hidden_states):
        tensors[f"{name}.hidden{index}"] = hidden[:1]
    tensors[f"{name}.last_hidden_state"] = result.last_hidden_state
    if hasattr(result, "text_embeds"):
        tensors[f"{name}.text_embeds"] = result.text_embeds
    else:
        tensors[f"{name}.pooler_output"] = result.pooler_output


def blocks_of(unet, layers):
    """What is worth a look inside a U-Net: embeddings, blocks, and if wanted the layers that the blocks consist of."""
    tops = ("time_proj", "time_embedding", "class_embedding", "add_time_proj", "add_embedding", "encoder_hid_proj",
            "time_embed_act", "conv_in", "mid_block", "conv_norm_out")
    names = [name for name in tops if getattr(unet, name, None) is not None]
    for side in ("down_blocks", "up_blocks"):
        for index, block in enumerate(getattr(unet, side)):
            names.append(f"{side}.{index}")
            for part in ("resnets", "attentions", "downsamplers", "upsamplers") if layers else ():
                count = len(getattr(block, part, None) or [])
                names += [f"{side}.{index}.{part}.{number}" for number in range(count)]
    return names


def values(*shape):
    """The same normal numbers every time."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(9))


def probe_unet(tensors, unet, times, size, context, layers=False, **extra):
    """One evaluation of two samples at two times, with the output of every block."""
    generator = torch.Generator().manual_seed(4)
    sample = torch.randn(2, unet.config.in_channels, *size, generator=generator)
    tensors |= {"unet.sample": sample, "unet.timesteps": torch.tensor(times), "unet.context": context}
    tensors |= {f"unet.{name}": value for name, value in (extra.get("added_cond_kwargs") or {}).items()}
    tensors |= {f"unet.{name}": value for name, value in extra.items() if torch.is_tensor(value)}
    with outputs_of(unet, blocks_of(unet, layers)) as kept:
        tensors["unet.out"] = unet(sample, torch.tensor(times), context, **extra).sample
    tensors |= {f"unet.{name}": value for name, value in kept.items()}
    return tensors


def probe_vae(tensors, vae, height, width):
    """A picture encoded, and the mean of that decoded, not scaled."""
    pixels = picture(height, width).permute(2, 0, 1)[None].float() / 127.5 - 1
    names = ["encoder.conv_in", "encoder.mid_block", "decoder.conv_in", "decoder.mid_block"]
    names += [f"encoder.down_blocks.{index}" for index in range(len(vae.encoder.down_blocks))]
    names += [f"decoder.up_blocks.{index}" for index in range(len(vae.decoder.up_blocks))]
    with outputs_of(vae, names) as kept:
        encoded = vae.encode(pixels).latent_dist
        tensors |= {"vae.pixels": pixels, "vae.mean": encoded.mean, "vae.logvar": encoded.logvar,
                    "vae.decoded_mean": vae.decode(encoded.mean).sample}
    tensors |= {f"vae.{name}": value for name, value in kept.items() if value.numel() <= 2048}
    return tensors


def probe_sd2(pipe):
    tensors = {}
    probe_texts(tensors, "text", pipe.tokenizer, pipe.text_encoder)
    probe_unet(tensors, pipe.unet, [981, 1], (8, 8), values(2, 9, 8))
    return probe_vae(tensors, pipe.vae, 32, 48)


def probe_sdxl(pipe):
    tensors = {}
    probe_texts(tensors, "text", pipe.tokenizer, pipe.text_encoder)
    probe_texts(tensors, "text_2", pipe.tokenizer_2, pipe.text_encoder_2)
    sizes = torch.tensor([[32.0, 48, 0, 0, 32, 48], [512, 512, 16, 8, 1024, 768]])
    added = {"text_embeds": tensors["text_2.text_embeds"], "time_ids": sizes}
    probe_unet(tensors, pipe.unet, [981, 1], (8, 8), values(2, 9, 20), added_cond_kwargs=added)
    return probe_vae(tensors, pipe.vae, 16, 24)


def text_to_image(name, height, width, **arguments):
    return {"name": name, "kind": "text", "height": height, "width": width, **arguments}


def painted(name, kind, height, width, **arguments):
    return {"name": name, "kind": kind, "height": height, "width": width, **arguments}


CLASSES = {
    "sd": {"text": "StableDiffusionPipeline", "image": "StableDiffusionImg2ImgPipeline",
           "inpaint": "StableDiffusionInpaintPipeline"},
    "sdxl": {"text": "StableDiffusionXLPipeline", "image": "StableDiffusionXLImg2ImgPipeline",
             "inpaint": "StableDiffusionXLInpaintPipeline"},
}


def perform(base, family, run, scheduler, unet=None):
    """Calls the pipeline that a run asks for, with the parts of `base`; the recorded tensors."""
    parts = {**base.components, "scheduler": scheduler, "unet": unet or base.unet}
    extra = {"requires_safety_checker": False} if family == "sd" else {}
    if family == "sdxl" and run["kind"] == "text":
        extra["add_watermarker"] = False
    pipe = getattr(diffusers, CLASSES[family][run["kind"]])(**parts, **extra)
    pipe.set_progress_bar_config(disable=True)
    arguments = {key: value for key, value in run.items() if key not in ("name", "kind", "seed", "unet", "height", "width")}
    arguments = {"prompt": PROMPT, "num_inference_steps": 3, "guidance_scale": 5.0, **arguments}
    seed, size = run.get("seed", 7), (run["height"], run["width"])
    tensors = {}
    if run["kind"] != "image":
        arguments |= {"height": run["height"], "width": run["width"]}
    if run["kind"] != "text":
        tensors["picture"] = picture(*size)
        arguments["image"] = Image.fromarray(tensors["picture"].numpy())
    if run["kind"] == "inpaint":
        tensors["mask"] = mask(*size)
        arguments["mask_image"] = Image.fromarray(tensors["mask"].numpy())
    with Run(pipe) as recorded:
        pipe(generator=torch.Generator().manual_seed(seed), callback_on_step_end=recorded.step, output_type="pt",
             **arguments)
    facts = {"name": run["name"], "class": type(pipe).__name__, "height": run["height"], "width": run["width"], "seed": seed,
             **arguments, "scheduler": scheduler_config(pipe.scheduler)}
    facts = {key: value for key, value in facts.items() if key not in ("image", "mask_image")}
    return facts, {**tensors, **recorded.tensors}


#: What a run leaves out, as another one shows it already: pictures and contexts are most of a file.
STEPS = ("image", "unet0.context", "unet0.sample")
PIXELS = ("encode0.pixels", "encode1.pixels")


def save_runs(folder, base, family, runs):
    """Performs all and writes `goldens/<run>.safetensors` and `goldens/index.json`."""
    index = []
    for run, scheduler, unet in runs:
        without = run.pop("without", ())
        facts, tensors = perform(base, family, run, scheduler, unet)
        if "unet" in run:
            facts["unet"] = run["unet"]
        check(run["name"], tensors)
        index.append(facts)
        kept = {key: value for key, value in tensors.items() if key not in without}
        save_tensors(folder / "goldens" / f"{run['name']}.safetensors", kept)
    save_lines(folder / "goldens" / "runs.json", "runs", index)


def check(name, tensors):
    """Numbers that overflow, or that vanish, would make every test pass or fail."""
    for key, value in tensors.items():
        values = value.float()
        if not torch.isfinite(values).all() or values.abs().max() > 1e3 and "time" not in key and key != "sigmas":
            raise RuntimeError(f"{name}: {key} is up to {values.abs().max()}")


def sd2_runs(pipe):
    default = pipe.scheduler
    again = lambda **changes: type(default).from_config(default.config, **changes)
    runs = [
        text_to_image("text", 64, 64, negative_prompt=NEGATIVE, num_inference_steps=4),
        text_to_image("no-guidance", 48, 48, guidance_scale=1.0, without=STEPS),
        text_to_image("rescaled-guidance", 48, 48, guidance_rescale=0.7, without=STEPS),
        text_to_image("clip-skip", 48, 48, clip_skip=1, negative_prompt=NEGATIVE, without=("image",)),
        text_to_image("wide", 40, 56, without=("unet0.context",)),
        text_to_image("two", 48, 48, num_images_per_prompt=2, without=("image", "unet0.context")),
        text_to_image("eta", 48, 48, eta=0.6, without=STEPS),
        painted("image", "image", 48, 64, strength=0.6, num_inference_steps=5, without=("image", "unet0.context", *PIXELS)),
        painted("image-two", "image", 48, 48, strength=1.0, num_images_per_prompt=2, without=STEPS + PIXELS),
        painted("inpaint", "inpaint", 48, 64, strength=1.0, without=("image", "unet0.context", *PIXELS)),
        painted("inpaint-strength", "inpaint", 48, 48, strength=0.7, num_inference_steps=5, num_images_per_prompt=2,
                without=STEPS + PIXELS),
    ]
    return [(run, again(), None) for run in runs] + scheduler_runs(default)


def scheduler_runs(default):
    """Each scheduler, with v-prediction; those that can, down to zero signal."""
    v = {**BETAS, "prediction_type": "v_prediction"}
    leading = {**v, "steps_offset": 1, "timestep_spacing": "leading"}
    trailing = {**v, "steps_offset": 1, "timestep_spacing": "trailing"}
    zero = {"rescale_betas_zero_snr": True}
    made = {
        "ddim-leading": diffusers.DDIMScheduler(**leading, clip_sample=False, set_alpha_to_one=False),
        "ddpm": diffusers.DDPMScheduler(**leading, clip_sample=False),
        "ddpm-large-zero": diffusers.DDPMScheduler(**trailing, **zero, clip_sample=False, variance_type="fixed_large"),
        "pndm": diffusers.PNDMScheduler(**leading, skip_prk_steps=True, set_alpha_to_one=False),
        "lms": diffusers.LMSDiscreteScheduler(**leading),
        "euler": diffusers.EulerDiscreteScheduler(**leading),
        "euler-zero": diffusers.EulerDiscreteScheduler(**trailing, **zero),
        "euler-exponential": diffusers.EulerDiscreteScheduler(**leading, use_exponential_sigmas=True),
        "euler-ancestral": diffusers.EulerAncestralDiscreteScheduler(**leading),
        "euler-ancestral-zero": diffusers.EulerAncestralDiscreteScheduler(**trailing, **zero),
        "heun": diffusers.HeunDiscreteScheduler(**leading),
        "heun-karras": diffusers.HeunDiscreteScheduler(**leading, use_karras_sigmas=True),
        "dpmpp-2m": diffusers.DPMSolverMultistepScheduler(**leading),
        "dpmpp-2m-karras-zero": diffusers.DPMSolverMultistepScheduler(**trailing, **zero, use_karras_sigmas=True),
        "dpmpp-2m-exponential": diffusers.DPMSolverMultistepScheduler(**leading, use_exponential_sigmas=True),
        "dpmpp-2m-sde": diffusers.DPMSolverMultistepScheduler(**leading, algorithm_type="sde-dpmsolver++"),
        "dpmpp-2m-sde-karras": diffusers.DPMSolverMultistepScheduler(
            **leading, algorithm_type="sde-dpmsolver++", use_karras_sigmas=True),
        "unipc": diffusers.UniPCMultistepScheduler(**leading),
        "unipc-karras": diffusers.UniPCMultistepScheduler(**leading, use_karras_sigmas=True),
        "lcm": diffusers.LCMScheduler(**leading, set_alpha_to_one=True),
    }
    return [(text_to_image(f"scheduler-{name}", 48, 48, num_inference_steps=4, without=STEPS), scheduler, None)
            for name, scheduler in made.items()]


def sdxl_runs(pipe):
    default = pipe.scheduler
    again = lambda **changes: type(default).from_config(default.config, **changes)
    sizes = {"original_size": [40, 56], "crops_coords_top_left": [4, 8], "target_size": [32, 32]}
    negative = {"negative_original_size": [16, 16], "negative_crops_coords_top_left": [1, 2], "negative_target_size": [24, 32]}
    runs = [
        text_to_image("text", 32, 32, negative_prompt=NEGATIVE, num_inference_steps=4),
        text_to_image("no-negative", 32, 32, without=("image",)),
        text_to_image("no-guidance", 32, 32, guidance_scale=1.0, without=STEPS),
        text_to_image("second-prompt", 32, 32, prompt_2="a yellow circle", negative_prompt=NEGATIVE,
                      negative_prompt_2="dark", without=("image",)),
        text_to_image("sizes", 32, 32, negative_prompt=NEGATIVE, **sizes, without=STEPS),
        text_to_image("sizes-negative", 32, 32, negative_prompt=NEGATIVE, **sizes, **negative, without=STEPS),
        text_to_image("clip-skip", 32, 32, clip_skip=1, negative_prompt=NEGATIVE, without=("image",)),
        text_to_image("rescaled-guidance", 32, 32, guidance_rescale=0.7, without=STEPS),
        text_to_image("wide", 24, 40, without=("unet0.context",)),
        text_to_image("two", 32, 32, num_images_per_prompt=2, negative_prompt=NEGATIVE,
                      without=("image", "unet0.context")),
        painted("image", "image", 32, 40, strength=0.6, num_inference_steps=5, negative_prompt=NEGATIVE,
                without=("image", "unet0.context")),
        painted("inpaint", "inpaint", 32, 32, strength=0.8, num_inference_steps=4, without=("image", "unet0.context", *PIXELS)),
    ]
    return [(run, again(), None) for run in runs]


def make():
    for name, build, probe, family, runs in (("sd2-tiny", sd2, probe_sd2, "sd", sd2_runs),
                                             ("sdxl-tiny", sdxl, probe_sdxl, "sdxl", sdxl_runs)):
        folder = fresh(HERE / name)
        pipe = build(folder)
        tensors = probe(pipe)
        save_json(folder / "goldens" / "texts.json", TEXTS)
        check(name, tensors)
        save_tensors(folder / "goldens" / "probe.safetensors", tensors)
        save_runs(folder, pipe, family, runs(pipe))
