"""Writes noise.json: what torch's CPU generator draws, what the web UIs' reproduction of CUDA's draws, the words of NumPy's
SeedSequence, and pieces of torchsde's Brownian motions: {seed, times: [begin, end, from, to], increments}.

Run with torch 2.13, torchsde 0.2.6 and numpy: `python noise.py` in this folder.
"""
import json
import math
from pathlib import Path

import numpy as np
import torch
import torchsde

MASK = 0xFFFFFFFF


def philox(counter, key):
    """Philox4x32-10 in plain integers, one counter at a time."""
    a, b, c, d = counter
    k, l = key
    for _ in range(10):
        p, q = 0xD2511F53 * a, 0xCD9E8D57 * c
        a, b, c, d = (q >> 32) ^ b ^ k, q & MASK, (p >> 32) ^ d ^ l, p & MASK
        k, l = (k + 0x9E3779B9) & MASK, (l + 0xBB67AE85) & MASK
    return [a, b, c, d]


def cuda_like(seed, count, draw):
    step = float(np.float32(2.3283064e-10))
    turn = float(np.float32(2.3283064e-10 * 6.2831855))
    out = []
    for i in range(count):
        x, y, _, _ = philox((draw, 0, i, 0), (seed & MASK, seed >> 32))
        out.append(math.sqrt(-2 * math.log(x * step + step / 2)) * math.sin(y * turn + turn / 2))
    return [float(np.float32(v)) for v in out]


def torch_draws(seed, lengths):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(n, generator=generator).tolist() for n in lengths]


def seed_words(seed, path, size):
    sequence = np.random.SeedSequence(entropy=seed, spawn_key=path, pool_size=size)
    return {"seed": seed, "path": path, "size": size, "words": [int(word) for word in sequence.generate_state(30)]}


def brownian(seed, begin, end):
    """The motion as k-diffusion's noise sampler has it, asked for pieces that overlap."""
    motion = torchsde.BrownianInterval(t0=begin, t1=end, size=(4, 5), dtype=torch.float32, entropy=seed, tol=1e-6, pool_size=24,
                                       halfway_tree=True)
    pieces = [(7.727663, 14.614647), (begin, 0.1), (0.3333335, 5.092418), (5.092418193817139, 5.0924187), (begin, end), (2.0, 2.5)]
    return [{"seed": seed, "times": [begin, end, *piece], "increments": motion(*piece).flatten().tolist()} for piece in pieces]


SEEDS = [0, 1, 42, 123456789, 2**32 - 1, 2**40 + 5]
LENGTHS = [[16], [17], [15], [1], [40], [64, 64], [3, 20, 2], [1, 1, 16, 1], [31, 33]]

result = {
    "torch": [{"seed": s, "lengths": n, "draws": torch_draws(s, n)} for s in SEEDS for n in LENGTHS],
    "philox": [{"seed": s, "draws": [cuda_like(s, 12, d) for d in range(2)]} for s in SEEDS + [2**63 + 7]],
    "seeds": [seed_words(seed, path, size) for seed in [0, 2**40 + 5]
              for path, size in [([], 4), ([], 24), ([0, 0], 24), ([2**35 + 3, 36], 24)]],
    "brownian": brownian(7, 0.0291675, 14.614647) + brownian(2**63 + 11, 0.03125, 14.75),
}
text = json.dumps(result, separators=(",", ":"))
Path(__file__).with_suffix(".json").write_text(text.replace('},{"seed"', '},\n{"seed"') + "\n")
