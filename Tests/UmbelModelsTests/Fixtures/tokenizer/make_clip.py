"""Writes clip.json: what transformers' CLIPTokenizer makes of texts with CLIP's own vocabulary.

    python make_clip.py bpe_simple_vocab_16e6.txt.gz      # of the repository openai/CLIP

Made with transformers 5.23.0, tokenizers 0.23.3, without ftfy. The vocabulary is put together as CLIP's own code does it.
"""

import gzip
import json
import random
import sys
import tempfile
from pathlib import Path

from transformers import CLIPTokenizer

HERE = Path(__file__).parent

WRITTEN = [
    "", " ", "a photo of an astronaut riding a horse on mars", "A Red Circle on a blue background!", "hi!", "!", "wow!!! a! b",
    "it's we're I've I'm you'll he'd can't DON'T rock'n'roll", "1234567890 3.14159 1st 2nd x2y3", "½ ² Ⅷ ①② ١٢٣",
    "masterpiece, best quality, 1girl, solo, (detailed:1.3), 8k uhd, cinematic lighting, <lora:ink:0.8>",
    "lowres, bad anatomy, bad hands, text, error, missing fingers, extra digit, cropped, jpeg artifacts, signature, blurry",
    "portrait of a woman by greg rutkowski, trending on artstation, unreal engine 5, octane render, volumetric light",
    "Ünïcode façade naïve Ångström straße ŒUVRE Łódź İstanbul", "café cafe\u0301", "日本語のテキスト 中文,文字。 한국어 한글",
    "Русский язык Ελληνικά ΣΑΣ עברית العربية हिन्दी ไทย", "🙂 😍 ❤️ 👩‍👩‍👧‍👦 🇩🇪 👍🏽 ☺ ✨", "𝒜𝓫 𝟙𝟚 ﬀ ﬁ", "antidisestablishmentarianism",
    "supercalifragilisticexpialidocious pneumonoultramicroscopicsilicovolcanoconiosis", "https://example.org/a?b=c&d=e#f",
    "C++ & C# -- _snake_case_ @home #tag 50% off", "zero\u200bwidth soft\u00adhyphen a\u00a0b\u2003c", "\x00 \x01\x7f", "</w> a</w>",
    "<|startoftext|> a <|endoftext|> b", "x" * 60, "!" * 40, "9" * 30, "🙂" * 12, "circle, " * 40,
]


def files(merges):
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    letters = [chr(byte) for byte in printable] + [chr(256 + number) for number in range(256 - len(printable))]
    tokens = letters + [letter + "</w>" for letter in letters] + ["".join(merge.split()) for merge in merges]
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    assert len(set(tokens)) == 49408
    return {"vocab.json": json.dumps({token: number for number, token in enumerate(tokens)}),
            "merges.txt": "#version: 0.2\n" + "\n".join(merges) + "\n"}, tokens


def random_texts(tokens):
    chance = random.Random(7)
    words = [token[:-4] for token in tokens if token.endswith("</w>") and token[:-4].isascii()]
    letters = "abcdefghijklmnopqrstuvwxyz"
    for _ in range(60):
        yield " ".join(chance.choice(words) for _ in range(chance.randint(1, 12)))
    for _ in range(40):
        yield " ".join("".join(chance.choice(letters) for _ in range(chance.randint(2, 14))) for _ in range(4))
    for _ in range(30):
        yield "".join(chr(chance.choice([chance.randint(32, 126), chance.randint(0xa1, 0x24f), chance.randint(0x391, 0x3c9),
                                         chance.randint(0x4e00, 0x9fa5), chance.randint(0x1f600, 0x1f64f)]))
                      for _ in range(12))


def main():
    lines = gzip.decompress(Path(sys.argv[1]).read_bytes()).decode("utf-8").split("\n")
    content, tokens = files(lines[1 : 49152 - 256 - 2 + 1])
    texts = [*WRITTEN, *random_texts(tokens)]
    result = []
    for pad in ["<|endoftext|>", "!"]:
        with tempfile.TemporaryDirectory() as folder:
            for name, text in content.items():
                (Path(folder) / name).write_text(text, encoding="utf-8")
            (Path(folder) / "tokenizer_config.json").write_text(json.dumps({"pad_token": pad, "model_max_length": 77}))
            tokenizer = CLIPTokenizer.from_pretrained(folder)
            chosen = texts if pad != "!" else texts[:12]
            result.append({
                "pad": pad,
                "cases": [{"text": text, "tokens": tokenizer(text, add_special_tokens=False, verbose=False).input_ids}
                          for text in chosen],
                "padded": tokenizer("a red circle!", padding="max_length", max_length=12, truncation=True).input_ids})
    (HERE / "clip.json").write_text(json.dumps(result, separators=(",", ":"), ensure_ascii=True) + "\n")


main()
