"""Looks over the shoulder of a model or a whole pipeline and keeps what went through."""
import contextlib

import torch


def _tensor(output):
    if isinstance(output, tuple):
        output = output[0]
    return (output.sample if hasattr(output, "sample") else output).detach().clone()


@contextlib.contextmanager
def outputs_of(model, names):
    """The outputs of the modules with these names, in a dictionary that fills while the context lasts."""
    kept, modules = {}, dict(model.named_modules())

    def keep(name):
        return lambda _module, _inputs, output: kept.__setitem__(name, _tensor(output))

    handles = [modules[name].register_forward_hook(keep(name)) for name in names]
    yield kept
    for handle in handles:
        handle.remove()


class Run:
    """A context in which one pipeline is called once; `tensors` is what a test compares with.

    It keeps each draw of normal noise, what the U-Net was given at first and each of its answers' times, the latents
    after each step, what the VAE encoded, and the decoded picture before it is clamped.
    """

    def __init__(self, pipe):
        self.pipe, self.tensors, self.times = pipe, {}, []
        self.noises = self.steps = self.encodings = 0

    def __enter__(self):
        self.randn, self.encode, self.decode = torch.randn, self.pipe.vae.encode, self.pipe.vae.decode
        torch.randn, self.pipe.vae.encode, self.pipe.vae.decode = self._randn, self._encode, self._decode
        self.hook = self.pipe.unet.register_forward_hook(self._unet, with_kwargs=True)
        return self

    def __exit__(self, *_):
        torch.randn = self.randn
        del self.pipe.vae.encode, self.pipe.vae.decode
        self.hook.remove()
        self.tensors["timesteps"] = self.pipe.scheduler.timesteps.float()
        if hasattr(self.pipe.scheduler, "sigmas"):
            self.tensors["sigmas"] = self.pipe.scheduler.sigmas.float()
        self.tensors["unet_times"] = torch.tensor(self.times)

    def step(self, _pipe, index, _time, kwargs):
        """For `callback_on_step_end`."""
        self.tensors[f"latents_after_step{self.steps}"] = kwargs["latents"].clone()
        self.steps += 1
        return kwargs

    def _randn(self, *size, **options):
        values = self.randn(*size, **options)
        self.tensors[f"noise{self.noises}"] = values.clone()
        self.noises += 1
        return values

    def _encode(self, pixels, **options):
        result = self.encode(pixels, **options)
        name = f"encode{self.encodings}"
        self.encodings += 1
        self.tensors |= {f"{name}.pixels": pixels.clone(), f"{name}.mean": result.latent_dist.mean,
                         f"{name}.logvar": result.latent_dist.logvar}
        return result

    def _decode(self, latents, **options):
        result = self.decode(latents, **options)
        self.tensors["image"] = _tensor(result)
        return result

    def _unet(self, _module, arguments, options, output):
        sample, time = arguments[:2]
        self.times.append(float(time))
        if len(self.times) > 1:
            return
        self.tensors |= {"unet0.sample": sample.clone(), "unet0.out": _tensor(output),
                         "unet0.context": options["encoder_hidden_states"].clone()}
        for name, value in (options.get("added_cond_kwargs") or {}).items():
            self.tensors[f"unet0.{name}"] = value.clone()
        if options.get("timestep_cond") is not None:
            self.tensors["unet0.timestep_cond"] = options["timestep_cond"].clone()
