"""Writes noise.json: what torch's CPU generator draws, and what the web UIs' reproduction of CUDA's draws.

Run with torch 2.13 and numpy: `python noise.py` in this folder.
"""
import json
import math
from pathlib import Path

import numpy as np
import torch

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


SEEDS = [0, 1, 42, 123456789, 2**32 - 1, 2**40 + 5]
LENGTHS = [[16], [17], [15], [1], [40], [64, 64], [3, 20, 2], [1, 1, 16, 1], [31, 33]]

result = {
    "torch": [{"seed": s, "lengths": n, "draws": torch_draws(s, n)} for s in SEEDS for n in LENGTHS],
    "philox": [{"seed": s, "draws": [cuda_like(s, 12, d) for d in range(2)]} for s in SEEDS + [2**63 + 7]],
}
text = json.dumps(result, separators=(",", ":"))
Path(__file__).with_suffix(".json").write_text(text.replace('},{"seed"', '},\n{"seed"') + "\n")
