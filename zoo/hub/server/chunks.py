"""Chunks of a xorb, and the compression that Xet uploads use: LZ4 frames, read only.

A xorb is a row of chunks: (version u8, packed bytes u24, scheme u8, bytes u24), then the packed
bytes; scheme 0 is as it is, 1 an LZ4 frame, 2 an LZ4 frame of the bytes sorted by position mod 4.
"""

from typing import NamedTuple

HEADER = 8
MAGIC = bytes.fromhex("04224d18")


class Chunk(NamedTuple):
    """Where a chunk lies in its xorb, its header included, and how it is packed."""

    start: int
    end: int
    scheme: int
    size: int


def chunks(xorb: bytes) -> list[Chunk]:
    """All chunks; a footer, which begins with XETBLOB, is not one."""
    found, at = [], 0
    while at < len(xorb) and xorb[at : at + 7] != b"XETBLOB":
        head = xorb[at : at + HEADER]
        packed, size = (int.from_bytes(head[i : i + 3], "little") for i in (1, 5))
        end = at + HEADER + packed
        if len(head) < HEADER or head[0] != 0 or end > len(xorb) or head[4] not in UNPACK:
            raise ValueError(f"no chunk at byte {at}")
        found.append(Chunk(at, end, head[4], size))
        at = end
    return found


def unpack(raw: bytes, chunk: Chunk) -> bytes:
    """What is in a chunk, from its header and packed bytes."""
    found = UNPACK[chunk.scheme](raw[HEADER:], chunk.size)
    if len(found) != chunk.size:
        raise ValueError(f"a chunk of {len(found)} bytes says that it has {chunk.size}")
    return found


def frame(packed: bytes, size: int) -> bytes:
    """An LZ4 frame whose checksums are not looked at: the file's sha256 says more."""
    if packed[:4] != MAGIC or len(packed) < 7:
        raise ValueError("no LZ4 frame")
    flags, at = packed[4], 7 + 8 * bool(packed[4] & 8) + 4 * bool(packed[4] & 1)
    out = bytearray()
    while length := int.from_bytes(packed[at : at + 4], "little"):
        at += 4
        end = at + (length & 0x7FFFFFFF)
        if length >> 31:
            out += packed[at:end]
        else:
            block(packed[at:end], out, size)
        at = end + 4 * bool(flags & 16)
    return bytes(out)


def block(packed: bytes, out: bytearray, limit: int) -> None:
    """One block: literals, then a copy of what is there already, and so on."""
    at = 0
    while at < len(packed):
        token = packed[at]
        literals, at = run(packed, at + 1, token >> 4)
        out += packed[at : at + literals]
        at += literals
        if at >= len(packed):
            return
        offset = int.from_bytes(packed[at : at + 2], "little")
        length, at = run(packed, at + 2, token & 15)
        begin = len(out) - offset
        if begin < 0 or not offset or len(out) + length > limit:
            raise ValueError("an LZ4 copy from or to outside")
        again = out[begin : begin + length + 4]
        out += (again * ((length + 4) // len(again) + 1))[: length + 4]


def run(packed: bytes, at: int, length: int) -> tuple[int, int]:
    """A length that goes on in the next bytes if it is 15, and where it ends."""
    if length == 15:
        while packed[at] == 255:
            length, at = length + 255, at + 1
        length, at = length + packed[at], at + 1
    return length, at


def grouped(packed: bytes, size: int) -> bytes:
    """Bytes 0, 4, 8, ..., then 1, 5, 9, ..., back in their places."""
    sorted_bytes = frame(packed, size)
    out, at = bytearray(size), 0
    for first in range(4):
        count = len(range(first, size, 4))
        out[first::4] = sorted_bytes[at : at + count]
        at += count
    return bytes(out)


UNPACK = {0: lambda packed, size: packed, 1: frame, 2: grouped}
