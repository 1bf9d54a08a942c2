#!/usr/bin/env python3
"""What a client of the service sees, over loopback, on a base with the shapes of SD 1.5's U-Net.

upload    from the last byte of an adapter to the first merged byte of the model
swap      pointing a route to another variant, and asking for another variant, that is in memory or not
download  a whole merged model beside nginx serving the same file: first byte, throughput, processor time and memory

Rounds take turns between everything that is compared. Figures are medians. The client drops what it is sent in the kernel
(MSG_TRUNC), so that its own work is as small as it can be. Needs nginx (Debian: nginx-light) for `download`.

usage: Benchmarks/end-to-end.py [upload] [swap] [download] [--model sd15] [--rounds 7] [--bin .build/release]
"""
import argparse
import json
import os
import shutil
import statistics
import subprocess
import tempfile
import time

from measuring import Connection, Nginx, Umbel, distinct, header, machine, milliseconds

FILE = "base.safetensors"


class Setting:
    """A folder with a base and adapters of some sizes."""

    def __init__(self, arguments, folder):
        self.arguments, self.folder = arguments, folder
        self.base = f"{folder}/{FILE}"
        self.small = self.generate(4)
        self.large = self.generate(47)
        entries, start = header(self.base)
        weights = [entry for entry in entries.values() if len(entry["shape"]) > 1]
        #: The first byte of the file that a merge makes, and the largest tensor.
        self.first_merged = start + min(entry["data_offsets"][0] for entry in weights)
        largest = max(weights, key=lambda entry: entry["data_offsets"][1] - entry["data_offsets"][0])["data_offsets"]
        self.largest = (start + largest[0], start + largest[1])

    def generate(self, rank):
        path = f"{self.folder}/lora-{rank}.safetensors"
        command = [f"{self.arguments.bin}/umbel-bench", "generate", "--model", self.arguments.model, "--rank", str(rank)]
        subprocess.run([*command, "--base", self.base, "--adapter", path], check=True, stdout=subprocess.DEVNULL)
        with open(path, "rb") as file:
            return file.read()

    def service(self, name, *settings):
        return Umbel(self.arguments.bin, f"{self.folder}/{name}", [f"sd={self.base}"], settings)


def send(connection, name, content, bytes_per_second):
    """Uploads; returns when the last byte was given to the kernel, and when the answer was there."""
    connection.socket.sendall(connection.head("PUT", f"/v1/adapters/{name}", len(content)))
    piece = 64 << 10
    begin = time.perf_counter()
    for offset in range(0, len(content), piece):
        if bytes_per_second:
            wait = begin + offset / bytes_per_second - time.perf_counter()
            if wait > 0:
                time.sleep(wait)
        connection.socket.sendall(content[offset:offset + piece])
    sent = time.perf_counter()
    status, body = connection.answer(keep=True)
    if status not in (200, 201):
        raise RuntimeError(body.decode()[:500])
    return sent, time.perf_counter()


def upload(setting, rounds):
    print("## From the last uploaded byte to the first merged byte\n")
    print("| adapter | sent | until | ms | least | most |")
    print("|---------|------|-------|----|-------|------|")
    service = setting.service("upload")
    other = Connection(service.port)
    begin, end = setting.largest
    for content in (setting.small, setting.large):
        for label, speed in (("at once", None), ("at 1 Gbit/s", 125_000_000)):
            accepted, first, merged, largest = [], [], [], []
            for number in range(2 * (rounds + 1)):
                connection = Connection(service.port)
                name = f"a{len(content)}-{number}-{0 if speed else 1}"
                sent, answered = send(connection, name, distinct(content, 16 * number + bool(speed)), speed)
                path = f"/v1/models/sd+{name}/files/{FILE}"
                if number % 2:
                    connection.socket.close()
                    now = time.perf_counter()
                    range_first, *_ = other.download(path, headers=[f"Range: bytes={begin}-{end - 1}"])
                    largest.append(now - sent + range_first)
                else:
                    now = time.perf_counter()
                    header_first, at_merged, *_ = other.download(path, mark=setting.first_merged)
                    accepted.append(answered - sent)
                    first.append(now - sent + header_first)
                    merged.append(now - sent + at_merged)
                other.request("DELETE", f"/v1/adapters/{name}?force=true")
            size = f"{len(content) / 1e6:.1f} MB"
            for what, times in (("the answer to the upload", accepted), ("the first byte of the merged file", first),
                                ("the first merged byte of it", merged),
                                ("the first byte of its largest tensor, by a range", largest)):
                print(f"| {size} | {label} | {what} | {milliseconds(times[1:])} |", flush=True)
    service.stop()
    print()


def swap(setting, rounds):
    print("## Swaps\n")
    service = setting.service("swap")
    connection = Connection(service.port)
    for name, content in (("a", setting.small), ("b", distinct(setting.small, 1))):
        send(Connection(service.port), name, content, None)
    begin, end = setting.largest
    middle = (begin + end) // 2
    headers = [f"Range: bytes={middle}-{middle + 99}"]

    def first_byte(model):
        return connection.download(f"/v1/models/{model}/files/{FILE}", headers=headers)[0]

    def point(model):
        body = {"arms": [{"name": "arm", "model": model}]}
        begin = time.perf_counter()
        status, answer = connection.request("PUT", "/v1/routes/live", body)
        if status not in (200, 201):
            raise RuntimeError(answer.decode()[:500])
        return time.perf_counter() - begin

    times = {}
    note = lambda what, seconds: times.setdefault(what, []).append(seconds)
    for model in ("sd+a", "sd+b"):
        connection.request("POST", "/v1/variants", {"model": model})
    point("sd+a")
    for number in range(rounds + 1):
        note("a route to a variant in memory", point("sd+b"))
        note("then 100 bytes of a merged tensor through it", first_byte("live"))
        note("back, and 100 bytes", point("sd+a") + first_byte("live"))
        note("100 bytes of another variant in memory", first_byte("sd+b"))
        strength = 0.5 + number / 1000
        note("100 bytes of a variant that is not: its largest tensor is merged", first_byte(f"sd+a:{strength}"))
        note("a route to a variant that is not: all of it is merged first", point(f"sd+b:{strength}"))
        note("the same once more, which is in memory now", point("sd+a") + point(f"sd+b:{strength}"))
        point("sd+a")
        for variant in variants(connection):
            if not variant["pinned"] and ":0.5" in variant["model"]:
                connection.request("DELETE", f"/v1/variants/{variant['id']}")
    service.stop()
    print("| what | ms | least | most |")
    print("|------|----|-------|------|")
    for what, seconds in times.items():
        print(f"| {what} | {milliseconds(seconds[1:])} |")
    print()


def variants(connection):
    return json.loads(connection.request("GET", "/v1/variants")[1])["data"]


def download(setting, rounds):
    print("## A whole merged model, beside nginx\n")
    adapter = f"{setting.folder}/lora-4.safetensors"
    served = f"{setting.folder}/served"
    os.makedirs(served)
    subprocess.run([f"{setting.arguments.bin}/umbel", "merge", "--base", setting.base, "--adapter", f"{adapter}:0.7",
                    "--out", f"{served}/merged.safetensors"], check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)
    nginx = Nginx(served, setting.folder)
    keeping = setting.service("keeping")
    streaming = setting.service("streaming", "cache.bytes=0")
    for service in (keeping, streaming):
        send(Connection(service.port), "a", setting.small, None)
    keeper = Connection(keeping.port)
    keeper.request("POST", "/v1/variants", {"model": "sd+a:0.7", "pin": True})
    cases = {
        "nginx": (nginx, lambda number: "/merged.safetensors"),
        "Umbel, variant in memory": (keeping, lambda number: f"/v1/models/sd+a:0.7/files/{FILE}"),
        "Umbel, base alone": (keeping, lambda number: f"/v1/models/sd/files/{FILE}"),
        "Umbel, merged and kept": (keeping, lambda number: f"/v1/models/sd+a:{0.3 + number / 1000}/files/{FILE}"),
        "Umbel, merged, nothing kept": (streaming, lambda number: f"/v1/models/sd+a:{0.3 + number / 1000}/files/{FILE}"),
    }
    results = {name: [] for name in cases}
    for number in range(rounds + 1):
        for name, (server, path) in cases.items():
            connection = Connection(server.port)
            with server.watch() as watch:
                first, _, last, size = connection.download(path(number))
            connection.close()
            results[name].append((first, last, watch.cpu, watch.peak, watch.resident))
            for variant in variants(keeper):
                if ":0.3" in variant["model"]:
                    keeper.request("DELETE", f"/v1/variants/{variant['id']}")
    for server in (nginx, keeping, streaming):
        server.stop()
    print(f"{size} bytes, median of {rounds} rounds in turns\n")
    print("| who | first byte ms | all ms | GB/s | of nginx | CPU s | RssAnon MB | VmHWM MB |")
    print("|-----|---------------|--------|------|----------|-------|------------|----------|")
    reference = statistics.median(result[1] for result in results["nginx"][1:])
    for name, rows in results.items():
        first, last, cpu, own, resident = (statistics.median(column) for column in zip(*rows[1:]))
        print(f"| {name} | {first * 1e3:.2f} | {last * 1e3:.0f} | {size / last / 1e9:.2f} | {reference / last:.2f} |"
              f" {cpu:.2f} | {own / 1e6:.0f} | {resident / 1e6:.0f} |")
    print("\nRssAnon is memory of its own, VmHWM all that was resident during the download, mapped files included; nginx: the sum"
          " of its processes.\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", help="of upload, swap, download; all of them without")
    parser.add_argument("--model", default="sd15")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--bin", default=".build/release")
    arguments = parser.parse_args()
    known = {"upload": upload, "swap": swap, "download": download}
    chosen = arguments.what or list(known)
    if not known.keys() >= set(chosen):
        parser.error(f"what is measured is any of {', '.join(known)}")
    if "download" in chosen and not shutil.which("nginx"):
        parser.error("nginx is not installed: apt-get install nginx-light")
    with tempfile.TemporaryDirectory() as folder:
        setting = Setting(arguments, folder)
        print(machine())
        print(f"{arguments.model} bf16, {os.path.getsize(setting.base)} bytes; {arguments.rounds} rounds\n", flush=True)
        for name in chosen:
            known[name](setting, arguments.rounds)


if __name__ == "__main__":
    main()
