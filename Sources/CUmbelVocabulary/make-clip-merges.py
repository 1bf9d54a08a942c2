"""Writes clip-merges.zlib: the merges of CLIP's tokenizer, one pair a line, compressed by zlib.

    python make-clip-merges.py bpe_simple_vocab_16e6.txt.gz

The argument is the file of that name in the repository openai/CLIP (or mlfoundations/open_clip, which has the same one). Its
first line is a header; CLIP uses the 48,894 merges after it, which with 2 × 256 bytes and two marks make 49,408 tokens.
"""

import gzip
import sys
import zlib
from pathlib import Path

MERGES = 49_408 - 2 * 256 - 2

lines = gzip.decompress(Path(sys.argv[1]).read_bytes()).decode("utf-8").split("\n")
merges = lines[1 : 1 + MERGES]
assert all(len(line.split(" ")) == 2 for line in merges)
text = "".join(line + "\n" for line in merges).encode("utf-8")
(Path(__file__).parent / "clip-merges.zlib").write_bytes(zlib.compress(text, 9))
print(len(text), "bytes")
