#!/usr/bin/env python3
"""Runs the commands that docs/benchmarks.md holds results of, and puts what they print in the place of what is there.

Each place begins with a line `<!-- run: command -->` and ends with `<!-- end -->`. A command that fails leaves its place as
it is. Results are written after each command, so an interrupted run keeps what it has.

usage: Benchmarks/record.py [words, any of which the command has to contain; all commands without]
       PATH=<environment with Benchmarks/requirements.txt>/bin:$PATH Benchmarks/record.py torch
"""
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/benchmarks.md"
PLACE = re.compile(r"<!-- run: (.+?) -->\n.*?<!-- end -->", re.DOTALL)


def output(command):
    """What a command prints, as a part of the page; None if it fails."""
    print(f"$ {command}", flush=True)
    process = subprocess.Popen(command, shell=True, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    lines = []
    for line in process.stdout:
        print(line, end="", flush=True)
        # The page has headings of its own.
        if not line.startswith("#"):
            lines.append(line.rstrip())
    if process.wait() != 0:
        print(f"failed with {process.returncode}; its place stays as it is", flush=True)
        return None
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def commit():
    return subprocess.run(["git", "rev-parse", "--short=10", "HEAD"], cwd=ROOT, capture_output=True, text=True).stdout.strip()


def main():
    words = sys.argv[1:]
    commands = [command for command in PLACE.findall(PAGE.read_text())
                if not words or any(word in command for word in words)]
    for command in commands:
        printed = output(command)
        if printed is None:
            continue
        place = f"<!-- run: {command} -->\n\n    {command}\n\nCommit {commit()}; {printed}\n\n<!-- end -->"
        text = PAGE.read_text()
        PAGE.write_text(PLACE.sub(lambda found: place if found.group(1) == command else found.group(0), text))
    return 0 if commands else f"no command has any of {words}"


if __name__ == "__main__":
    sys.exit(main())
