"""Chunks of a xorb, and the compression that Xet uploads use.

A xorb is a row of chunks: (version u8, packed bytes u24, scheme u8, bytes u24), then the packed
bytes; scheme 0 is as it is, 1 an LZ4 frame, 2 an LZ4 frame of the bytes sorted by position mod 4.
"""

from typing import NamedTuple

import lz4.frame

HEADER = 8


class Chunk(NamedTuple):
    """A chunk of a xorb."""

    start: int  # of its header in the xorb
    end: int  # of its packed bytes
    scheme: int  # of its packing
    size: int  # bytes when unpacked


def read_chunks(xorb: bytes) -> list[Chunk]:
    """Return all chunks; a footer, which begins with XETBLOB, is not one."""
    chunks: list[Chunk] = []
    at = 0
    while at < len(xorb) and xorb[at : at + 7] != b"XETBLOB":
        head = xorb[at : at + HEADER]
        packed, size = (int.from_bytes(head[i : i + 3], "little") for i in (1, 5))
        end = at + HEADER + packed
        if len(head) < HEADER or head[0] != 0 or end > len(xorb) or head[4] not in UNPACK:
            raise ValueError(f"no chunk at byte {at}")
        chunks.append(Chunk(at, end, head[4], size))
        at = end
    return chunks


def unpack(raw: bytes, chunk: Chunk) -> bytes:
    """Return what is in a chunk, from its header and packed bytes."""
    content = UNPACK[chunk.scheme](raw[HEADER:], chunk.size)
    if len(content) != chunk.size:
        raise ValueError(f"a chunk of {len(content)} bytes says that it has {chunk.size}")
    return content


def unpack_lz4(packed: bytes, size: int) -> bytes:
    """Return the content of an LZ4 frame, which must have `size` bytes."""
    try:
        content: bytes = lz4.frame.LZ4FrameDecompressor().decompress(packed, max_length=size + 1)
    except RuntimeError as error:
        raise ValueError(f"no LZ4 frame: {error}") from None
    if len(content) != size:
        raise ValueError(f"an LZ4 frame does not have {size} bytes")
    return content


def unpack_grouped(packed: bytes, size: int) -> bytes:
    """Put bytes 0, 4, 8, ..., then 1, 5, 9, ..., back in their places."""
    grouped = unpack_lz4(packed, size)
    content, at = bytearray(size), 0
    for first in range(4):
        count = len(range(first, size, 4))
        content[first::4] = grouped[at : at + count]
        at += count
    return bytes(content)


UNPACK = {0: lambda packed, size: packed, 1: unpack_lz4, 2: unpack_grouped}
