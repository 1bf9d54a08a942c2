"""Runs of the tiny SD 2 whose sigmas begin without any signal, in float64: what float32 only comes near to.

The first sigma is 4096 there, and the sample is noise times that. diffusers takes a step from it in float32 as
sample + (sample - picture) / sigma * (next - sigma): two numbers of some 10,000, of which a few units are left, so that the
last bits of float32 are lost a thousandfold.
"""
import functools
import sys

import diffusers
import torch

from common import HERE, save_tensors
from pipelines import perform, scheduler_runs

RUNS = ("scheduler-euler-zero", "scheduler-euler-ancestral-zero")


class Wide:
    """torch, for a scheduler's module, whose float32 is float64: schedulers compute their steps in float32 by name."""
    float32 = torch.float64

    def __getattr__(self, name):
        return getattr(torch, name)


def wide(scheduler):
    """The same scheduler with steps in float64; its sigmas are the same float32 numbers."""
    kind = type(scheduler)
    module = sys.modules[kind.__module__]

    class Exact(kind):
        def set_timesteps(self, *arguments, **options):
            super().set_timesteps(*arguments, **options)
            self.sigmas = self.sigmas.double()

        # The pipeline looks at the parameters to know whether it may pass the generator.
        @functools.wraps(kind.step)
        def step(self, *arguments, **options):
            module.torch = Wide()
            try:
                return kind.step(self, *arguments, **options)
            finally:
                module.torch = torch

    return Exact.from_config(scheduler.config)


def noise_of(randn):
    """float32 noise, widened: the generator draws other numbers for float64."""
    return lambda *size, **options: randn(*size, **{**options, "dtype": torch.float32}).double()


def make():
    folder = HERE / "sd2-tiny"
    base = diffusers.StableDiffusionPipeline.from_pretrained(
        str(folder), safety_checker=None, requires_safety_checker=False)
    for model in (base.unet, base.vae, base.text_encoder):
        model.to(torch.float64)
    runs = {run["name"]: (run, scheduler) for run, scheduler, _ in scheduler_runs(base.scheduler)}
    randn = torch.randn
    for name in RUNS:
        run, scheduler = runs[name]
        run.pop("without")
        torch.randn = noise_of(randn)
        try:
            tensors = perform(base, "sd", run, wide(scheduler))[1]
        finally:
            torch.randn = randn
        kept = {key: value for key, value in tensors.items() if key.startswith("latents_after_step")}
        if not all(value.dtype == torch.float64 for value in kept.values()):
            raise RuntimeError(f"{name}: something was computed in float32")
        save_tensors(folder / "goldens" / "exact" / f"{name}.safetensors",
                     {key: value.float() for key, value in kept.items()})
