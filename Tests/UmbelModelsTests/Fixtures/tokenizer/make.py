"""Writes cases.json: what transformers' CLIPTokenizer makes of texts, with the tokenizer of demo/bases/shapes-sd.

    python make.py GOLDENS      # the goldens of that model: index.json, probe.json, probe.safetensors, base/*.safetensors

Made with transformers 5.23.0, tokenizers 0.23.3, without ftfy.
"""

import json
import random
import shutil
import sys
import tempfile
import unicodedata
from pathlib import Path

from safetensors.numpy import load_file
from transformers import CLIPTokenizer

HERE = Path(__file__).parent
TOKENIZER = HERE.parents[3] / "demo/bases/shapes-sd/tokenizer"
CONFIGURATION = json.loads((TOKENIZER / "tokenizer_config.json").read_text())

WRITTEN = [
    "", " ", "\n\t\r\v\f", "a", "A red circle", "  two   spaces  ", "it's we're I've I'm you'll he'd can't DON'T rock'n'roll",
    "'s", "''s", "!'s", "'S 'T 'RE", "’s don’t", "1234567890", "3.14159", "x2y3", "1st 2nd", "½ ² Ⅷ ①②③ ௧௨ ١٢٣",
    "red,green;blue:yellow", "!!! ??? ...", "a!b?c", "-_-", "foo_bar", "snake_case_word", "C++ & C#", "50% off @home #tag",
    "(weighted:1.2) [brackets] {braces} <angles>", "\\(escaped\\)", "a\\b", "https://example.org/a?b=c&d=e#f",
    "Ünïcode 🙂 TEXT, 1234!  it's", "café", "cafe\u0301", "e\u0301\u0323 e\u0323\u0301", "ẛ̣", "Å Å A\u030a", "ﬀ ﬁ ﬃ",
    "ß ẞ", "İ I ı i", "ΑΣ Σ ΣΑΣ", "ǅ ǆ Ǆ", "日本語のテキスト", "中文,文字。", "한국어 한글", "\u1112\u1161\u11ab", "ไทย ภาษา",
    "हिन्दी", "العربية", "עברית", "Русский ЯЗЫК", "👩‍👩‍👧‍👦", "🇩🇪🇫🇷", "👍🏽", "❤️", "☺", "a👍b", "𝒜𝓫 𝟙𝟚", "\U00020000\U0002f800",
    "\x00", "a\x00b", "\x01\x02\x1c\x1d\x1e\x1f", "\x7f\x80\x85\x9f", "a\u00a0b\u2003c\u3000d", "zero\u200bwidth\u200cjoin\u200d",
    "\ufeffbom", "soft\u00adhyphen", "rtl\u202emark", "\ufffd\ufffe", "<|startoftext|>", "<|endoftext|>", "a<|endoftext|>b",
    "<|ENDOFTEXT|>", "!<|Endoftext|>!", "<|EndOfText|>!", "<|startoftext|><|endoftext|>", "<|endoftext", "<|endoftext|", "<|", "|>",
    "<|STARTOFTEXT|>'s", "</w>", "red</w>", "Ġ Ċ", "ĠĠa", "x" * 100, "ab" * 300, "!" * 200, "9" * 90, "🙂" * 40,
    "a " * 120, "circle, " * 60, "antidisestablishmentarianism", "a red circle on a blue background",
    "small green star at the top, white background", "masterpiece, best quality, 1girl, (detailed:1.3), 8k",
]
CONTINUED = {
    "exclamation": ["hi!", "!", "a!!b", "hi ! you", "<|ENDOFTEXT|>!"],
    "added": ["a <cat-toy> on", "<cat-toy>_1", "<CAT-TOY>", "foo Foo xFOOx", "<cat-toy><cat-toy>", "two  words two words"],
    "decoder": ["zed", "Zed", "zedd", "a  zed  b", "ZED,zed", "x zed", "é zed é", "_zed", "<|STARTOFTEXT|> b", "!!", "zedzed zed"],
}


def token(content, **options):
    return {"content": content, "lstrip": False, "rstrip": False, "normalized": False, "single_word": False, "special": True, **options}


CONFIGURATIONS = {
    "plain": {},
    "cased": {"tokenizer_config.json": {**CONFIGURATION, "do_lower_case": False}},
    "exclamation": {
        "special_tokens_map.json": {
            "bos_token": token("<|startoftext|>"), "eos_token": token("<|endoftext|>"), "unk_token": "<|endoftext|>", "pad_token": "!"}},
    "added": {"added_tokens.json": {"<cat-toy>": 1000, "<cat-toy>_1": 1001, "Foo": 1002, "two words": 1003}},
    "decoder": {
        "tokenizer_config.json": {
            **CONFIGURATION, "pad_token": "!",
            "added_tokens_decoder": {
                "0": token("!"), "998": token("<|startoftext|>", normalized=True), "999": token("<|endoftext|>"),
                "1000": token("Zed", lstrip=True, rstrip=True, normalized=True, single_word=True, special=False)}}},
}


def random_texts():
    """Of characters that every edition of Unicode since 3.2 has, so that no edition decides about a case."""
    chance = random.Random(5)
    known = [chr(c) for c in range(0x20000) if unicodedata.ucd_3_2_0.category(chr(c)) not in ("Cn", "Cs", "Co")]
    marks = [c for c in known if unicodedata.combining(c)]
    latin = [chr(c) for c in range(0x20, 0x250)]
    for number in range(120):
        pool = [known, latin, latin + marks][number % 3]
        yield "".join(chance.choice(chance.choice([pool, latin, marks, [" "]])) for _ in range(chance.randint(1, 24)))


def load(files):
    with tempfile.TemporaryDirectory() as folder:
        for source in TOKENIZER.iterdir():
            shutil.copyfile(source, Path(folder) / source.name)
        for name, content in files.items():
            (Path(folder) / name).write_text(json.dumps(content))
        return CLIPTokenizer.from_pretrained(folder)


def cases(tokenizer, texts):
    return [{"text": text, "tokens": tokenizer(text, add_special_tokens=False, verbose=False).input_ids} for text in texts]


def goldens(folder):
    probe = load_file(folder / "probe.safetensors")
    for text, ids in zip(json.loads((folder / "probe.json").read_text())["texts"], probe["text.input_ids"].tolist()):
        yield {"text": text, "padded": ids}
    index = json.loads((folder / "index.json").read_text())
    for run, path in zip(index["runs"], sorted((folder / "base").glob("*.safetensors"))):
        tensors = load_file(path)
        yield {"text": run["prompt"], "padded": tensors["input_ids"].reshape(-1).tolist()}
        yield {"text": run.get("negative", ""), "padded": tensors["input_ids_negative"].reshape(-1).tolist()}


def main():
    result = {"goldens": list(goldens(Path(sys.argv[1]))), "configurations": []}
    for name, files in CONFIGURATIONS.items():
        tokenizer = load(files)
        texts = [*WRITTEN, *random_texts()] if name == "plain" else [*CONTINUED.get(name, []), *WRITTEN[:12]]
        result["configurations"].append({
            "name": name, "files": files, "cases": cases(tokenizer, texts),
            "padded": tokenizer("a red circle!", padding="max_length", max_length=12, truncation=True).input_ids})
    with tempfile.TemporaryDirectory() as folder:
        load({}).save_pretrained(folder)
        saved = {path.name: json.loads(path.read_text()) for path in Path(folder).iterdir()}
    (HERE / "saved.json").write_text(json.dumps(saved, separators=(",", ":")) + "\n")
    (HERE / "cases.json").write_text(json.dumps(result, indent=0) + "\n")


main()
