"""Makes the JSON files beside this script. Bytes are base64; pixels are rows of samples without padding.

    python make.py        # needs numpy and Pillow; the files here are from Pillow 13.0.0, numpy 2.4.6

png-kinds.json   every kind of PNG, written by the few lines below, which share no code with libpng, and its pixels as
                 eight-bit samples
pillow.json      files written by Pillow, with the pixels and texts that it reads
resized.json     pictures resized by Pillow
"""

import base64
import io
import json
import struct
import zlib

import numpy as np
from PIL import Image, ImageOps, PngImagePlugin

WIDTH, HEIGHT = 13, 9
ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}


def text(data):
    return base64.b64encode(bytes(data)).decode()


def save(name, entries):
    with open(name, "w") as file:
        json.dump(entries, file, indent=0)
        file.write("\n")


# PNG by hand


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def packed(samples, depth):
    """(height, width, samples) of `depth` bits as filter bytes and rows of bytes."""
    result = b""
    for row in samples:
        flat = row.reshape(-1)
        if depth == 16:
            line = flat.astype(">u2").tobytes()
        elif depth == 8:
            line = flat.astype(np.uint8).tobytes()
        else:
            bits = ((flat[:, None] >> np.arange(depth - 1, -1, -1)) & 1).astype(np.uint8)
            line = np.packbits(bits.reshape(-1)).tobytes()
        result += b"\0" + line
    return result


def png(samples, kind, depth, interlaced, palette=None, transparency=None):
    if interlaced:
        passes = [samples[y::dy, x::dx] for x, y, dx, dy in ADAM7]
        rows = b"".join(packed(part, depth) for part in passes if part.size)
    else:
        rows = packed(samples, depth)
    file = b"\x89PNG\r\n\x1a\n"
    file += chunk(b"IHDR", struct.pack(">IIBBBBB", WIDTH, HEIGHT, depth, kind, 0, 0, int(interlaced)))
    if palette is not None:
        file += chunk(b"PLTE", palette.astype(np.uint8).tobytes())
    if transparency is not None:
        file += chunk(b"tRNS", transparency)
    return file + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def eight(samples, depth):
    """The nearest of 0…255 in the same proportion."""
    return (2 * samples.astype(np.int64) * 255 + (1 << depth) - 1) // (2 * ((1 << depth) - 1))


def opaque_but(samples, colour):
    return np.where((samples == colour).all(axis=-1), 0, 255)[..., None]


def kinds():
    generator = np.random.default_rng(1)
    for kind, depth in [(0, d) for d in (1, 2, 4, 8, 16)] + [(2, 8), (2, 16), (4, 8), (4, 16), (6, 8), (6, 16)]:
        samples = generator.integers(0, 1 << depth, (HEIGHT, WIDTH, SAMPLES[kind]))
        pixels = eight(samples, depth)
        if kind == 4:
            pixels = np.concatenate([np.repeat(pixels[..., :1], 3, axis=-1), pixels[..., 1:]], axis=-1)
        yield f"kind {kind}, {depth} bits", samples, kind, depth, None, None, pixels
        if kind in (0, 2):
            colour = samples[4, 5]
            grey = np.repeat(pixels, 3, axis=-1) if kind == 0 else pixels
            with_opacity = np.concatenate([grey, opaque_but(samples, colour)], axis=-1)
            key = struct.pack(f">{len(colour)}H", *colour)
            yield f"kind {kind}, {depth} bits, a transparent colour", samples, kind, depth, None, key, with_opacity
    for depth in (1, 2, 4, 8):
        colours = min(1 << depth, 200)
        samples = generator.integers(0, colours, (HEIGHT, WIDTH, 1))
        palette = generator.integers(0, 256, (colours, 3))
        pixels = palette[samples[..., 0]]
        yield f"palette, {depth} bits", samples, 3, depth, palette, None, pixels
        # Fewer entries than colours: the rest is opaque.
        opacities = generator.integers(0, 256, max(1, colours // 2))
        every = np.concatenate([opacities, np.full(colours - len(opacities), 255)])
        pixels = np.concatenate([pixels, every[samples]], axis=-1)
        yield f"palette, {depth} bits, opacities", samples, 3, depth, palette, bytes(opacities.tolist()), pixels


def png_kinds():
    entries = []
    for name, samples, kind, depth, palette, transparency, pixels in kinds():
        for interlaced in (False, True):
            entries.append(
                {
                    "name": name + (", interlaced" if interlaced else ""),
                    "width": WIDTH,
                    "height": HEIGHT,
                    "channels": pixels.shape[-1],
                    "file": text(png(samples, kind, depth, interlaced, palette, transparency)),
                    "pixels": text(pixels.astype(np.uint8).tobytes()),
                }
            )
    save("png-kinds.json", entries)


# By Pillow


def smooth(width, height, channels):
    """Curves and an edge, so that lossy formats keep most of it."""
    y, x = np.mgrid[0:height, 0:width]
    planes = [127 + 100 * np.sin(x / 5 + k) * np.cos(y / (4 + k)) for k in range(channels)]
    pixels = np.stack(planes, axis=-1)
    pixels[height // 3 : 2 * height // 3, width // 4 : width // 2] = [220, 40, 90, 200][:channels]
    return pixels.round().clip(0, 255).astype(np.uint8)


def picture(channels, width=24, height=20):
    pixels = smooth(width, height, channels)
    return Image.fromarray(pixels[..., 0] if channels == 1 else pixels)


def written(image, **options):
    file = io.BytesIO()
    image.save(file, **options)
    return file.getvalue()


def entry(name, file, texts=None):
    pixels = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(file))))
    return {
        "name": name,
        "width": pixels.shape[1],
        "height": pixels.shape[0],
        "channels": 1 if pixels.ndim == 2 else pixels.shape[2],
        "file": text(file),
        "pixels": text(np.ascontiguousarray(pixels).tobytes()),
        "texts": texts or {},
    }


def exif(orientation=None, comment=None):
    data = Image.Exif()
    if orientation:
        data[0x0112] = orientation
    if comment:
        data.get_ifd(0x8769)[0x9286] = comment
    return data.tobytes()


def least_significant_first(comment):
    """EXIF data of a comment in the byte order that Pillow does not write."""
    data = b"Exif\0\0II" + struct.pack("<HI", 42, 8)
    data += struct.pack("<HHHIII", 1, 0x8769, 4, 1, 26, 0)
    return data + struct.pack("<HHHIII", 1, 0x9286, 7, len(comment), 44, 0) + comment


def by_pillow():
    parameters = "a red circle, „größer“ 圆\nNegative prompt: blurred\nSteps: 20, Sampler: Euler a, Seed: 1"
    plain = "a red circle\nSteps: 20, Sampler: Euler a, Seed: 1"
    chunks = PngImagePlugin.PngInfo()
    chunks.add_text("parameters", parameters)
    chunks.add_text("Software", "fixtures")
    chunks.add_text("Comment", "çompressed " * 20, zip=True)
    chunks.add_itxt("Title", "圆 " * 20, "zh", "题", zip=True)
    texts = {
        "parameters": parameters,
        "Software": "fixtures",
        "Comment": "çompressed " * 20,
        "Title": "圆 " * 20,
    }
    utf16 = b"UNICODE\0" + parameters.encode("utf-16-be")
    swapped = b"UNICODE\0" + plain.encode("utf-16-le")
    ascii_code = b"ASCII\0\0\0" + plain.encode()
    swapped_all = least_significant_first(swapped)
    swapped_structure = least_significant_first(b"UNICODE\0" + plain.encode("utf-16-be"))
    only = {"parameters": parameters}
    only_plain = {"parameters": plain}
    jpeg = {"format": "JPEG", "quality": 90}
    webp = {"format": "WEBP"}
    entries = [
        entry("PNG with texts", written(picture(3), format="PNG", pnginfo=chunks), texts),
        entry("JPEG", written(picture(3), **jpeg)),
        entry("JPEG, grey", written(picture(1), **jpeg)),
        entry("JPEG, progressive", written(picture(3), progressive=True, **jpeg)),
        entry("JPEG, comment", written(picture(3), exif=exif(comment=utf16), **jpeg), only),
        entry("JPEG, least significant byte first", written(picture(3), exif=swapped_all, **jpeg), only_plain),
        entry("JPEG, its structure only", written(picture(3), exif=swapped_structure, **jpeg), only_plain),
        entry("JPEG, comment in ASCII", written(picture(3), exif=exif(comment=ascii_code), **jpeg), only_plain),
        entry("WebP", written(picture(3), quality=80, **webp)),
        entry("WebP, opacity", written(picture(4), quality=80, **webp)),
        entry("WebP, lossless", written(picture(3), lossless=True, **webp)),
        entry("WebP, lossless, opacity", written(picture(4), lossless=True, exact=True, **webp)),
        entry("WebP, comment", written(picture(3), exif=exif(comment=utf16), **webp), only),
    ]
    entries += [
        entry(f"JPEG, orientation {n}", written(picture(3), exif=exif(orientation=n), **jpeg)) for n in range(1, 9)
    ]
    frames = [picture(3), picture(3).rotate(180)]
    refused = [
        ("JPEG of four inks", written(picture(3).convert("CMYK"), **jpeg)),
        ("WebP animation", written(frames[0], save_all=True, append_images=frames[1:], **webp)),
    ]
    save("pillow.json", {"read": entries, "refused": [{"name": n, "file": text(f)} for n, f in refused]})


def resized():
    filters = {"area": Image.Resampling.BOX, "bilinear": Image.Resampling.BILINEAR, "lanczos": Image.Resampling.LANCZOS}
    entries, sources = [], {}
    generator = np.random.default_rng(2)
    for channels in (1, 3, 4):
        source = picture(channels, 31, 23)
        noise = generator.integers(0, 256, np.asarray(source).shape, dtype=np.uint8)
        # Half of it noise: the sums of a Lanczos filter leave 0…255 there.
        mixed = np.asarray(source).copy()
        mixed[:, 16:] = noise[:, 16:]
        source = Image.fromarray(mixed)
        sources[str(channels)] = text(mixed.tobytes())
        for width, height in [(40, 50), (12, 9), (31, 10), (50, 23), (7, 40), (1, 1)]:
            for name, resample in filters.items():
                result = np.asarray(source.resize((width, height), resample))
                entries.append(
                    {
                        "filter": name,
                        "channels": channels,
                        "width": width,
                        "height": height,
                        "pixels": text(result.tobytes()),
                    }
                )
    save("resized.json", {"width": 31, "height": 23, "sources": sources, "results": entries})


png_kinds()
by_pillow()
resized()
