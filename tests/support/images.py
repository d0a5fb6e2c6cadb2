"""Images drawn for tests."""

import struct
import zlib

import numpy as np
from PIL import Image


def photo(width: int = 37, height: int = 23, mode: str = "RGB") -> Image.Image:
    rng = np.random.default_rng(0)
    smooth = np.cumsum(np.cumsum(rng.normal(0, 1, (height, width, 4)), 0), 1)
    pixels = 128 + 100 * smooth / np.abs(smooth).max((0, 1))
    return Image.fromarray(pixels.astype(np.uint8), "RGBA").convert(mode)


def png(
    pixels: bytes, *, width: int, height: int, bits: int, colour: int, key: int | None = None
) -> bytes:
    """A PNG file of depths that Pillow cannot write."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    size = len(pixels) // height
    rows = b"".join(b"\0" + pixels[i : i + size] for i in range(0, len(pixels), size))
    body = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0))
    body += chunk(b"tRNS", struct.pack(">H", key)) if key is not None else b""
    body += chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body
