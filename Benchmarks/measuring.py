"""What the scripts here share: the machine's description, a service that is started and watched, HTTP on a plain socket."""
import json
import os
import platform
import re
import signal
import socket
import statistics
import struct
import subprocess
import time


def machine():
    """Processor, cores, memory, kernel and load: what figures mean nothing without."""
    def field(path, name):
        with open(path) as file:
            return next((line.split(":", 1)[1].strip() for line in file if line.startswith(name)), "?")

    return (f"{field('/proc/cpuinfo', 'model name')}, {os.cpu_count()} cores, memory {field('/proc/meminfo', 'MemTotal')},"
            f" Linux {platform.release()}, load {os.getloadavg()[0]:.2f}")


class Process:
    """A server under measurement: its memory and its processor time, with all of its children."""

    def __init__(self, command, **options):
        self.process = subprocess.Popen(command, **options)

    @property
    def pids(self):
        pid = self.process.pid
        with open(f"/proc/{pid}/task/{pid}/children") as file:
            return [pid, *map(int, file.read().split())]

    def memory(self):
        """Bytes: own memory now (RssAnon) and the most that was resident at all (VmHWM), the mapped files included."""
        own = high = 0
        for pid in self.pids:
            with open(f"/proc/{pid}/status") as file:
                facts = dict(line.split(":", 1) for line in file if ":" in line)
            own += int(facts["RssAnon"].split()[0]) << 10
            high += int(facts["VmHWM"].split()[0]) << 10
        return own, high

    def forget_peak(self):
        """Has VmHWM begin again from what is resident now."""
        for pid in self.pids:
            with open(f"/proc/{pid}/clear_refs", "w") as file:
                file.write("5")

    def cpu_seconds(self):
        ticks = 0
        for pid in self.pids:
            with open(f"/proc/{pid}/stat") as file:
                fields = file.read().rsplit(")", 1)[1].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout=40)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Umbel(Process):
    """`umbel serve` on a port that the system chooses."""

    def __init__(self, binaries, data, bases=(), settings=()):
        command = [os.path.join(binaries, "umbel"), "serve", "--listen", "127.0.0.1:0", "--data", data]
        for base in bases:
            command += ["--base", base]
        for setting in settings:
            command += ["--set", setting]
        self.log = open(data + ".log", "w+")
        begin = time.perf_counter()
        super().__init__(command, stdout=self.log, stderr=subprocess.STDOUT)
        self.port = self._port()
        connection = Connection(self.port)
        while connection.request("GET", "/readyz")[0] != 200:
            time.sleep(0.001)
        connection.close()
        #: Seconds from the start of the process until it answers that it is ready.
        self.start_seconds = time.perf_counter() - begin

    def _port(self):
        while True:
            with open(self.log.name) as file:
                text = file.read()
            found = re.search(r"listening on \S*?127\.0\.0\.1:(\d+)", text)
            if found:
                return int(found.group(1))
            if self.process.poll() is not None:
                raise RuntimeError(text[-2000:])
            time.sleep(0.001)


class Connection:
    """HTTP/1.1 on a plain socket, so that the first and the last byte can be timed."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = bytearray(1 << 20)

    def close(self):
        self.socket.close()

    def head(self, method, path, length=None, headers=()):
        lines = [f"{method} {path} HTTP/1.1", "Host: bench", *headers]
        if length is not None:
            lines.append(f"Content-Length: {length}")
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    def request(self, method, path, body=None, headers=()):
        """Status and body of a small answer."""
        if isinstance(body, (dict, list)):
            body = json.dumps(body).encode()
        data = self.head(method, path, None if body is None else len(body), headers)
        self.socket.sendall(data + (body or b""))
        return self.answer(keep=True)

    def answer(self, keep=False):
        """Reads an answer: its status and its body if that is to be kept, else the number of bytes."""
        status, length, rest = self.read_head()
        if keep:
            body = bytearray(rest)
            while len(body) < length:
                body += self._receive()
            return status, bytes(body)
        self.discard(length - len(rest))
        return status, length

    def read_head(self):
        """Status, length of the body, and what of the body has arrived with the head."""
        received = bytearray()
        while (end := received.find(b"\r\n\r\n")) < 0:
            received += self._receive()
        text = received[:end].decode("latin-1")
        found = re.search(r"\r\ncontent-length: *(\d+)", text, re.IGNORECASE)
        return int(text.split(" ", 2)[1]), int(found.group(1)) if found else 0, bytes(received[end + 4:])

    def discard(self, count):
        """Reads bytes without looking at them. MSG_TRUNC has the kernel drop them, so that the client costs next to nothing."""
        while count > 0:
            got = self.socket.recv_into(self.buffer, min(count, len(self.buffer)), socket.MSG_TRUNC)
            if got == 0:
                raise RuntimeError(f"the connection ended {count} bytes early")
            count -= got

    def download(self, path, headers=()):
        """Seconds until the first byte of the body and until the last one, and the number of bytes."""
        begin = time.perf_counter()
        self.socket.sendall(self.head("GET", path, headers=headers))
        status, length, rest = self.read_head()
        if status not in (200, 206):
            raise RuntimeError(f"{path} was answered {status}")
        if not rest and length:
            rest = self._receive()
        first = time.perf_counter() - begin
        self.discard(length - len(rest))
        return first, time.perf_counter() - begin, length

    def _receive(self):
        data = self.socket.recv(1 << 16)
        if not data:
            raise RuntimeError("the connection ended early")
        return data


def safetensors(tensors, path, seed=1):
    """Writes bf16 tensors of random values around zero; `tensors` are (name, shape). Values repeat after a few megabytes."""
    entries, offset = {}, 0
    for name, shape in tensors:
        size = 2
        for extent in shape:
            size *= extent
        entries[name] = {"dtype": "BF16", "shape": list(shape), "data_offsets": [offset, offset + size]}
        offset += size
    header = json.dumps(entries, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)
    # Signs and fractions at random, with exponents that make magnitudes of 2⁻⁸ to 2⁻⁵. A prime length, so that rows differ.
    noise = bytearray(os.urandom(2 * 2_097_143))
    for index in range(1, len(noise), 2):
        noise[index] = (noise[index] & 0x80) | 0x3C
    noise = bytes(noise)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(header)) + header)
        begin = seed * 2 * 104_729 % len(noise)
        file.write(noise[begin:begin + offset])
        left = offset - min(offset, len(noise) - begin)
        while left > 0:
            file.write(noise[:left])
            left -= min(left, len(noise))
    return offset


def milliseconds(times):
    """Median and range, in words."""
    values = sorted(1e3 * time for time in times)
    return f"{statistics.median(values):.2f} ms ({values[0]:.2f} to {values[-1]:.2f})"
