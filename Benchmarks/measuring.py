"""What the scripts here share: the machine's description, a service that is started and watched, HTTP on a plain socket."""
import atexit
import json
import os
import platform
import re
import signal
import socket
import statistics
import struct
import subprocess
import threading
import time


def machine():
    """Processor, cores, memory, kernel and load: what figures mean nothing without."""
    def field(path, name):
        with open(path) as file:
            return next((line.split(":", 1)[1].strip() for line in file if line.startswith(name)), "?")

    return (f"{field('/proc/cpuinfo', 'model name')}, {os.cpu_count()} cores, memory {field('/proc/meminfo', 'MemTotal')},"
            f" Linux {platform.release()}, load {os.getloadavg()[0]:.2f}")


def answer(command, threads):
    """The last line that a process prints, as JSON."""
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode != 0:
        raise RuntimeError(f"{os.path.basename(command[0])}: {done.stderr.strip()[-200:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


class Process:
    """A server under measurement: its memory and its processor time, with all of its children."""

    def __init__(self, command, **options):
        self.process = subprocess.Popen(command, **options)
        # Also when the measurement fails.
        atexit.register(self.process.kill)

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

    def watch(self):
        """Samples own memory until the context ends; `peak` is the most that was seen."""
        return Watch(self)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout=40)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Watch:
    """The most own memory of a process while a context lasts, looked at every 10 ms, and its processor time."""

    def __init__(self, process):
        self.process, self.peak = process, 0

    def __enter__(self):
        self.running, self.begin = True, self.process.cpu_seconds()
        self.process.forget_peak()
        self.thread = threading.Thread(target=self._sample)
        self.thread.start()
        return self

    def _sample(self):
        while self.running:
            self.peak = max(self.peak, self.process.memory()[0])
            time.sleep(0.01)

    def __exit__(self, *_):
        self.running = False
        self.thread.join()
        own, self.resident = self.process.memory()
        self.peak = max(self.peak, own)
        self.cpu = self.process.cpu_seconds() - self.begin


class Nginx(Process):
    """nginx with its worker processes, serving a folder by sendfile."""

    def __init__(self, folder, scratch):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        with open(f"{scratch}/nginx.conf", "w") as file:
            file.write(f"""user root; worker_processes auto; pid {scratch}/nginx.pid; error_log {scratch}/nginx.log; daemon off;
events {{ }}
http {{
    access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000;
    client_body_temp_path {scratch}/n1; proxy_temp_path {scratch}/n2; fastcgi_temp_path {scratch}/n3;
    uwsgi_temp_path {scratch}/n4; scgi_temp_path {scratch}/n5;
    server {{ listen 127.0.0.1:{self.port}; root {folder}; }}
}}
""")
        super().__init__(["nginx", "-c", f"{scratch}/nginx.conf"], stderr=subprocess.DEVNULL)
        while True:
            try:
                return Connection(self.port).close()
            except OSError:
                time.sleep(0.02)


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

    def download(self, path, mark=0, headers=()):
        """Seconds until the first byte of the body, until the one at `mark`, and until the last one; the number of bytes."""
        begin = time.perf_counter()
        self.socket.sendall(self.head("GET", path, headers=headers))
        status, length, rest = self.read_head()
        if status not in (200, 206):
            raise RuntimeError(f"{path} was answered {status}")
        if not rest and length:
            rest = self._receive()
        first = time.perf_counter() - begin
        until = max(0, min(mark + 1, length) - len(rest))
        self.discard(until)
        marked = time.perf_counter() - begin
        self.discard(length - len(rest) - until)
        return first, marked, time.perf_counter() - begin, length

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


def header(path):
    """Names, shapes and places of the tensors of a safetensors file, and where its data begins."""
    with open(path, "rb") as file:
        length = struct.unpack("<Q", file.read(8))[0]
        entries = json.loads(file.read(length))
    entries.pop("__metadata__", None)
    return entries, 8 + length


def milliseconds(times):
    """Median, least and most, in milliseconds, as cells of a table."""
    values = sorted(1e3 * time for time in times)
    return f"{statistics.median(values):.2f} | {values[0]:.2f} | {values[-1]:.2f}"


def distinct(content, number):
    """The same safetensors file with other values, so that it is another adapter: the low bytes of its last eight values."""
    changed = bytearray(content)
    for index in range(8):
        changed[len(changed) - 2 * (index + 1)] = number >> (4 * index) & 15
    return bytes(changed)
