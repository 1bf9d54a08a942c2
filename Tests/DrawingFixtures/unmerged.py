"""Adapters that act beside the weights of the trained pipeline: y = W x + s·B(A x) in every layer they touch.

PEFT computes the low-rank products while the network runs, and no weight is changed by them; diffusers loads the files
as any user would have it.
"""
import diffusers
import torch
from peft.tuners.lora import LoraLayer

from common import HERE, SHAPES, fresh, save_lines, save_tensors

ADAPTERS = SHAPES.parent.parent / "adapters" / "shapes-sd"
PROMPT = "a red circle on the left on a blue background"
#: Adapters with their strengths in the U-Net and, where they have a part for it, in the text encoder.
RUNS = {
    "attention": {"lora-te-pastel": (0.8, 0.8)},
    "attention-apart": {"lora-te-pastel": (1.2, 0.25)},
    "text-alone": {"lora-te-pastel": (0.0, 1.5)},
    "convolutions": {"locon-outline": (0.6, None)},
    "convolutions-strong": {"locon-outline": (1.3, None)},
    "both": {"locon-outline": (0.7, None), "lora-te-pastel": (0.5, 1.0)},
}


def layers(pipe, adapter):
    """How many layers of each component an adapter acts beside."""
    counts = {}
    for component in ("unet", "text_encoder"):
        found = [module for module in getattr(pipe, component).modules()
                 if isinstance(module, LoraLayer) and adapter in module.lora_A]
        if any(module.merged for module in found):
            raise RuntimeError(f"{adapter}: weights were changed")
        counts[component] = len(found)
    return counts


def perform(name, adapters):
    pipe = diffusers.StableDiffusionPipeline.from_pretrained(
        str(SHAPES), safety_checker=None, requires_safety_checker=False)
    pipe.set_progress_bar_config(disable=True)
    settings = {"prompt": PROMPT, "seed": 3, "num_inference_steps": 6, "guidance_scale": 4.0}
    arguments = {key: value for key, value in settings.items() if key != "seed"}
    draw = lambda: pipe(generator=torch.Generator().manual_seed(3), output_type="latent", **arguments).images
    base, facts = draw(), []
    for adapter, (unet, text) in adapters.items():
        pipe.load_lora_weights(str(ADAPTERS), weight_name=f"{adapter}.safetensors", adapter_name=adapter)
        facts.append({"adapter": adapter, "unet": unet, "text_encoder": text, "layers": layers(pipe, adapter)})
    weights = [{"unet": unet, "text_encoder": unet if text is None else text} for unet, text in adapters.values()]
    pipe.set_adapters(list(adapters), weights)
    latents = draw()
    change = (latents - base).abs().max().item()
    if change < 0.1:
        raise RuntimeError(f"{name}: changes nothing")
    save_tensors(HERE / "unmerged" / f"{name}.safetensors", {"latents_final": latents})
    return {"name": name, **settings, "adapters": facts, "change": round(change, 3)}


def make():
    fresh(HERE / "unmerged")
    save_lines(HERE / "unmerged" / "runs.json", "runs", [perform(*run) for run in RUNS.items()])
