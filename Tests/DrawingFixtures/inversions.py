"""Textual inversions: embeddings of two vectors, and what diffusers draws when a prompt has their words."""
import diffusers
import torch

from common import HERE, SHAPES, fresh, save_lines, save_tensors
from pipelines import NEGATIVE, check, perform

#: Diffusers calls the vectors of one word `<ink-style>`, `<ink-style>_1` and so on.
WORD = "<ink-style>"
PROMPTS = [f"a {WORD} circle on a blue background", f"a circle, in the style of {WORD}"]
#: The largest tensors of a run, of which the first run is enough.
CONTEXT = ("unet0.context", "unet0.sample", "unet0.out", "image")


def vectors(encoder, seed):
    """Two vectors as far from the mean of the trained ones as those are."""
    table = encoder.get_input_embeddings().weight
    noise = torch.randn(2, table.shape[1], generator=torch.Generator().manual_seed(seed))
    return (table.mean(0) + noise * table.std(0)).half().float()


def runs(folder, name, pipe, family, size):
    facts = []
    for number, prompt in enumerate(PROMPTS):
        run = {"name": f"{name}-{number}", "kind": "text", "height": size, "width": size, "prompt": prompt,
               "negative_prompt": NEGATIVE}
        fact, tensors = perform(pipe, family, run, type(pipe.scheduler).from_config(pipe.scheduler.config))
        check(run["name"], tensors)
        facts.append({key: fact[key] for key in ("name", "prompt", "negative_prompt", "height", "width", "seed",
                                                 "num_inference_steps", "guidance_scale")})
        kept = {key: value for key, value in tensors.items()
                if key.startswith(("unet0.", "latents_")) and not (number and key in CONTEXT)}
        save_tensors(folder / f"{run['name']}.safetensors", kept)
    return facts


def shapes(folder):
    """One encoder; the file is as diffusers saves one, called as its word."""
    pipe = diffusers.StableDiffusionPipeline.from_pretrained(SHAPES, torch_dtype=torch.float32, safety_checker=None)
    embedding = vectors(pipe.text_encoder, 61)
    save_tensors(folder / "ink.safetensors", {WORD: embedding})
    pipe.load_textual_inversion({WORD: embedding})
    return runs(folder, "shapes-sd", pipe, "sd", 32)


def sdxl(folder):
    """Two encoders, a tensor for each."""
    pipe = diffusers.StableDiffusionXLPipeline.from_pretrained(HERE / "sdxl-tiny", torch_dtype=torch.float32)
    pairs = {"clip_l": (pipe.text_encoder, pipe.tokenizer, 62), "clip_g": (pipe.text_encoder_2, pipe.tokenizer_2, 63)}
    tensors = {key: vectors(encoder, seed) for key, (encoder, _, seed) in pairs.items()}
    save_tensors(folder / "ink-xl.safetensors", tensors)
    for key, (encoder, tokenizer, _) in pairs.items():
        pipe.load_textual_inversion({WORD: tensors[key]}, tokenizer=tokenizer, text_encoder=encoder)
    # By the rule of old configurations (2) the text ends at its largest token, and that would be the new word.
    for module in pipe.text_encoder_2.modules():
        if hasattr(module, "eos_token_id"):
            module.eos_token_id = 999
    pipe.text_encoder_2.config.eos_token_id = 999
    return runs(folder, "sdxl-tiny", pipe, "sdxl", 32)


def make():
    folder = fresh(HERE / "inversions")
    save_lines(folder / "runs.json", "runs", shapes(folder) + sdxl(folder))
