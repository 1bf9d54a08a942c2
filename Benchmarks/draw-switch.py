#!/usr/bin/env python3
"""What the first picture with another adapter costs, at the service's own door.

The base has the size of Stable Diffusion 1.5 (drawing_models.py); each adapter is a LoRA of every linear layer of the U-Net's
attention, of every convolution of its resnets and samplers, or of both. Pictures of one step are drawn by turns with an adapter
that has drawn before and with one that has not. The adapters that have not are deleted afterwards, so that the next one gets their
memory, as in a service that has been running.
`merge` and `infer` are the times of the answer's Server-Timing: the second holds the step, decoding, and whatever another adapter
costs beside its merge.

usage: Benchmarks/draw-switch.py --cache FOLDER [--size 256] [--rank 4] [--rounds 7] [--type f32]
                                 [--touching attention] [--bin .build/release]
"""
import argparse
import json
import re
import statistics
import sys
import tempfile

import drawing_models
from measuring import Connection, Umbel, header, machine, safetensors


def touched(unet, what):
    """Name and shape of each weight that the adapters change."""
    parts = {"attention": [".attn"], "convolutions": [".conv"], "both": [".attn", ".conv"]}[what]
    for name, entry in header(unet)[0].items():
        if name.endswith(".weight") and any(part in name for part in parts):
            yield name, entry


def adapter(path, unet, what, rank, seed):
    tensors = []
    for name, entry in touched(unet, what):
        outputs, inputs, *kernel = entry["shape"]
        stem = "lora_unet_" + name.removesuffix(".weight").replace(".", "_")
        tensors += [(f"{stem}.lora_down.weight", (rank, inputs, *kernel)),
                    (f"{stem}.lora_up.weight", (outputs, rank, *(1 for _ in kernel)))]
    safetensors(tensors, path, seed)
    with open(path, "rb") as file:
        return file.read()


def touched_bytes(unet, what):
    return sum(entry["data_offsets"][1] - entry["data_offsets"][0] for _, entry in touched(unet, what))


def draw(port, model, size):
    """Milliseconds of merging and of drawing."""
    connection = Connection(port)
    body = json.dumps({"model": model, "prompt": "a red circle", "size": f"{size}x{size}", "steps": 1, "seed": 1}).encode()
    connection.socket.sendall(connection.head("POST", "/v1/images/generations", len(body)) + body)
    received = bytearray()
    while b"\r\n\r\n" not in received:
        received += connection.socket.recv(1 << 16)
    head = received.split(b"\r\n\r\n", 1)[0].decode()
    connection.close()
    if " 200 " not in head.split("\r\n")[0]:
        raise RuntimeError(received.decode(errors="replace")[:500])
    timing = re.search(r"server-timing: (.*)", head, re.IGNORECASE)[1]
    times = dict(re.findall(r"(\w+);dur=([0-9.]+)", timing))
    return float(times.get("merge", 0)), float(times["infer"])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", required=True)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--rank", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--type", default="f32", choices=["f32", "bf16"])
    parser.add_argument("--touching", default="attention", choices=["attention", "convolutions", "both"])
    parser.add_argument("--bin", default=".build/release")
    arguments = parser.parse_args()
    folder = drawing_models.write(arguments.cache, "sd15")
    unet = f"{folder}/unet/diffusion_pytorch_model.safetensors"
    print(machine())
    with tempfile.TemporaryDirectory() as scratch:
        service = Umbel(arguments.bin, f"{scratch}/data", [f"sd={folder}"], [f"drawing.compute_type={arguments.type}"])
        control = Connection(service.port)
        names = ["known", *(f"new{index}" for index in range(arguments.rounds + 2))]
        for seed, name in enumerate(names):
            content = adapter(f"{scratch}/{name}.safetensors", unet, arguments.touching, arguments.rank, seed + 1)
            status, body = control.request("PUT", f"/v1/adapters/{name}", content)
            if status not in (200, 201):
                raise RuntimeError(body.decode()[:500])
        draw(service.port, "sd+known", arguments.size)
        known, new = [], []
        for name in names[1:]:
            new.append(draw(service.port, f"sd+{name}", arguments.size))
            known.append(draw(service.port, "sd+known", arguments.size))
            status, body = control.request("GET", "/v1/variants")
            for variant in json.loads(body)["data"]:
                if name in json.dumps(variant):
                    control.request("DELETE", f"/v1/variants/{variant['id']}")
            control.request("DELETE", f"/v1/adapters/{name}?force=true")
        service.stop()
    # The first ones take fresh memory.
    print(f"rank {arguments.rank}, {touched_bytes(unet, arguments.touching) / 1e6:.0f} MB of weights touched, one step at {arguments.size}²,"
          f" {arguments.type}, median of {arguments.rounds} rounds\n")
    print("| picture | merge ms | infer ms |")
    print("|---------|----------|----------|")
    for label, times in (("the adapter drew before", known[2:]), ("another adapter", new[2:]), ("the very first other one", new[:1])):
        merge, infer = (statistics.median(column) for column in zip(*times))
        print(f"| {label} | {merge:.1f} | {infer:.1f} |")


if __name__ == "__main__":
    sys.exit(main())
