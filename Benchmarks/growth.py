#!/usr/bin/env python3
"""What the service costs as it grows: more adapters, more variants in memory, larger models.

adapters  1 to 1,000 registered: upload, list, first merged byte, start, memory
variants  1 to 32 in memory: making one more, a request, a swap of a route, memory
models    0.1 to 8 GB: start, first byte, whole downloads (merged anew and from memory), memory

Prints tables, and writes the curves to a folder as SVG. Files go to the folder of temporary files (TMPDIR), up to 9 GB, and
are removed.

usage: Benchmarks/growth.py [adapters] [variants] [models] [--figures docs/figures] [--bin .build/release]
"""
import argparse
import os
import random
import statistics
import subprocess
import tempfile
import time

from figures import curves
from measuring import Connection, Umbel, distinct, header, machine, safetensors

FILE = "base.safetensors"


def table(columns, rows):
    print("| " + " | ".join(columns) + " |")
    print("|" + "---|" * len(columns))
    for row in rows:
        print("| " + " | ".join("" if value is None else f"{value:,.2f}".removesuffix(".00") for value in row) + " |")
    print(flush=True)


def figure(arguments, name, title, x_label, y_label, columns, rows, chosen):
    """Writes some columns of a table against its first one."""
    series = {columns[index]: [(row[0], row[index]) for row in rows if row[index]] for index in chosen}
    os.makedirs(arguments.figures, exist_ok=True)
    with open(f"{arguments.figures}/{name}.svg", "w") as file:
        file.write(curves(title, x_label, y_label, {key.removesuffix(" ms").removesuffix(" MB"): line
                                                   for key, line in series.items()}))


def median(body, count=5):
    return statistics.median(body() for _ in range(count))


def timed(connection, method, path, body=None):
    """Milliseconds of a small request that has to succeed."""
    begin = time.perf_counter()
    status, answer = connection.request(method, path, body)
    seconds = time.perf_counter() - begin
    if status >= 300:
        raise RuntimeError(f"{method} {path}: {status} {answer[:300]}")
    return seconds * 1e3


def small_model(arguments, folder):
    """A base of 115 MB and a LoRA of rank 4 for all of it; the place of its largest tensor."""
    base, adapter = f"{folder}/{FILE}", f"{folder}/lora.safetensors"
    command = [f"{arguments.bin}/umbel-bench", "generate", "--model", "small", "--rank", "4"]
    subprocess.run([*command, "--base", base, "--adapter", adapter], check=True, stdout=subprocess.DEVNULL)
    with open(adapter, "rb") as file:
        return base, file.read(), largest(base)


def largest(base):
    entries, start = header(base)
    place = max((entry["data_offsets"] for entry in entries.values()), key=lambda place: place[1] - place[0])
    return [f"Range: bytes={start + place[0]}-{start + place[0] + 99}"]


def first_byte(connection, model, headers):
    """Milliseconds until the first of 100 bytes of a tensor."""
    return connection.download(f"/v1/models/{model}/files/{FILE}", headers=headers)[0] * 1e3


def own_megabytes(service):
    return service.memory()[0] / 1e6


def adapters(arguments, folder):
    base, content, headers = small_model(arguments, folder)
    data = f"{folder}/adapters"
    service = Umbel(arguments.bin, data, [f"sd={base}"])
    connection = Connection(service.port)
    columns = ["adapters", "upload ms", "list ms", "first byte, merged anew ms", "start ms", "RssAnon MB"]
    rows, uploads = [], []
    for number in range(1, 1001):
        body = distinct(content, number)
        uploads.append(timed(connection, "PUT", f"/v1/adapters/a{number}", body))
        if number not in (1, 10, 100, 1000):
            continue
        recent = statistics.median(uploads[-9:])
        listing = median(lambda: timed(connection, "GET", "/v1/adapters"))
        strengths = iter(range(100))
        merged = median(lambda: first_byte(connection, f"sd+a{random.randint(1, number)}:0.{next(strengths) + 10}", headers))
        service.stop()
        starts = []
        for _ in range(3):
            service = Umbel(arguments.bin, data, [f"sd={base}"])
            starts.append(service.start_seconds * 1e3)
            connection = Connection(service.port)
            timed(connection, "GET", "/v1/adapters")
            own = own_megabytes(service)
            if len(starts) < 3:
                service.stop()
        rows.append([number, recent, listing, merged, statistics.median(starts), own])
    service.stop()
    print(f"## Registered adapters\n\nLoRA of rank 4, {len(content)} bytes each, on a base of {os.path.getsize(base)} bytes;"
          " memory after a start and a list\n")
    table(columns, rows)
    figure(arguments, "growth-adapters", "Registered adapters", "adapters", "milliseconds", columns, rows, [1, 2, 3, 4])


def variants(arguments, folder):
    base, content, headers = small_model(arguments, folder)
    service = Umbel(arguments.bin, f"{folder}/variants", [f"sd={base}"], ["cache.bytes=6000000000", "cache.deltas=0"])
    connection = Connection(service.port)
    for name in ("a", "b"):
        timed(connection, "PUT", f"/v1/adapters/{name}", distinct(content, ord(name)))
    columns = ["variants", "one more ms", "request ms", "swap of a route ms", "list ms", "RssAnon MB"]
    rows, made = [], []
    for number in range(1, 33):
        made.append(f"sd+{'ab'[number % 2]}:0.{number + 10}")
        one = timed(connection, "POST", "/v1/variants", {"model": made[-1]})
        if number not in (1, 2, 4, 8, 16, 32):
            continue
        request = median(lambda: first_byte(connection, random.choice(made), headers), 31)
        steps = iter(range(1000))

        def swap():
            arms = [{"name": "arm", "model": made[next(steps) % len(made)]}]
            return timed(connection, "PUT", "/v1/routes/live", {"arms": arms})

        swap()
        swapped = median(swap, 15)
        listing = median(lambda: timed(connection, "GET", "/v1/variants"))
        rows.append([number, one, request, swapped, listing, own_megabytes(service)])
    service.stop()
    print(f"## Variants in memory\n\nof a base of {os.path.getsize(base)} bytes, all of which the adapter touches\n")
    table(columns, rows)
    figure(arguments, "growth-variants", "Variants in memory", "variants", "milliseconds", columns, rows, [1, 2, 3, 4])
    figure(arguments, "growth-variants-memory", "Memory of variants", "variants", "RssAnon, MB", columns, rows, [5])


def decoder(layers):
    """Linear layers of a language model, 0.1 GB in bf16 for each layer: names with inputs and outputs."""
    width, inner = 2048, 5504
    shapes = [("self_attn.q_proj", width, width), ("self_attn.k_proj", width, width), ("self_attn.v_proj", width, width),
              ("self_attn.o_proj", width, width), ("mlp.gate_proj", width, inner), ("mlp.up_proj", width, inner),
              ("mlp.down_proj", inner, width)]
    return [(f"model.layers.{layer}.{name}", inputs, outputs) for layer in range(layers) for name, inputs, outputs in shapes]


def available_bytes():
    with open("/proc/meminfo") as file:
        return next(int(line.split()[1]) << 10 for line in file if line.startswith("MemAvailable"))


def models(arguments, folder):
    columns = ["GB", "start ms", "first merged byte ms", "merged anew s", "from memory s", "base alone s",
               "RssAnon, merging MB", "RssAnon, in memory MB"]
    rows = []
    for layers in (1, 5, 10, 20, 40, 80):
        linear = decoder(layers)
        base, adapter = f"{folder}/{FILE}", f"{folder}/lora.safetensors"
        norms = [("model.norm.weight", (2048,))]
        size = safetensors([(f"{name}.weight", (outputs, inputs)) for name, inputs, outputs in linear] + norms, base)
        rank, pairs = 8, []
        for name, inputs, outputs in linear:
            stem = "lycoris_" + name.replace(".", "_")
            pairs += [(f"{stem}.lora_down.weight", (rank, inputs)), (f"{stem}.lora_up.weight", (outputs, rank))]
        safetensors(pairs, adapter, seed=7)
        rows.append([size / 1e9, *model(arguments, folder, base, adapter, size)])
        os.remove(base)
    print("## Models of some sizes\n\nlinear layers of a language model in bf16, a LoRA of rank 8 for all of them; started once"
          " with an empty and then with a filled registry, files in the page cache\n")
    table(columns, rows)
    figure(arguments, "growth-models", "Size of the model: waiting", "GB", "milliseconds", columns, rows, [1, 2])
    figure(arguments, "growth-models-downloads", "Size of the model: whole downloads", "GB", "seconds", columns, rows,
           [3, 4, 5])
    figure(arguments, "growth-models-memory", "Size of the model: memory", "GB", "MB", columns, rows, [6, 7])


def model(arguments, folder, base, adapter, size):
    """The figures of one model: of a service that keeps nothing, then of one that keeps the variant."""
    data = f"{folder}/models-{size}"
    service = Umbel(arguments.bin, data, [f"lm={base}"], ["cache.bytes=0"])
    connection = Connection(service.port)
    with open(adapter, "rb") as file:
        timed(connection, "PUT", "/v1/adapters/a", file.read())
    service.stop()
    service = Umbel(arguments.bin, data, [f"lm={base}"], ["cache.bytes=0"])
    start = service.start_seconds * 1e3
    connection = Connection(service.port)
    path = f"/v1/models/lm+a/files/{FILE}"
    entries, begin = header(base)
    merged = begin + min(entry["data_offsets"][0] for entry in entries.values() if len(entry["shape"]) > 1)
    first = median(lambda: connection.download(path, merged, [f"Range: bytes=0-{merged + 99}"])[1] * 1e3, 5)
    alone = median(lambda: connection.download(f"/v1/models/lm/files/{FILE}")[2], 3)
    with service.watch() as merging:
        anew = median(lambda: connection.download(path)[2], 3)
    service.stop()
    if available_bytes() < 1.25 * size + (3 << 30):
        return [start, first, anew, None, alone, merging.peak / 1e6, None]
    service = Umbel(arguments.bin, data, [f"lm={base}"], [f"cache.bytes={size + (1 << 28)}", "cache.deltas=0"])
    connection = Connection(service.port)
    timed(connection, "POST", "/v1/variants", {"model": "lm+a"})
    kept = median(lambda: connection.download(path)[2], 3)
    own = own_megabytes(service)
    service.stop()
    return [start, first, anew, kept, alone, merging.peak / 1e6, own]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", help="of adapters, variants, models; all of them without")
    parser.add_argument("--figures", default="docs/figures")
    parser.add_argument("--bin", default=".build/release")
    arguments = parser.parse_args()
    known = {"adapters": adapters, "variants": variants, "models": models}
    chosen = arguments.what or list(known)
    if not known.keys() >= set(chosen):
        parser.error(f"what is measured is any of {', '.join(known)}")
    print(machine() + "\n", flush=True)
    for name in chosen:
        with tempfile.TemporaryDirectory() as folder:
            known[name](arguments, folder)


if __name__ == "__main__":
    main()
