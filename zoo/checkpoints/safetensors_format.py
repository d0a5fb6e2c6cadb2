"""Bytes -> tensors, where nothing in the bytes is trusted: safetensors, read strictly.

8 bytes n | n bytes of JSON {name: {dtype, shape, data_offsets}} | the tensors, side by side

Stricter than the safetensors library, which takes the last of two entries of a name, numbers that
are NaN, control characters in names, and a million empty tensors, for a quarter of a minute.
"""

import gc
import json
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from zoo.papers.weights import WeightsError

MAX_HEADER = 16 << 20  # bytes; a real header has about a hundred per tensor
MAX_TENSORS = 200_000
MAX_SIZE = 1 << 50  # elements of a shape, those of 0 left out
MAX_DIMS = 64  # torch's own
MARKS = 16 * MAX_TENSORS  # of { [ : and , in a header: they bound what JSON makes of it

TYPES = {
    "BOOL": torch.bool,
    "U8": torch.uint8,
    "I8": torch.int8,
    "U16": torch.uint16,
    "I16": torch.int16,
    "U32": torch.uint32,
    "I32": torch.int32,
    "U64": torch.uint64,
    "I64": torch.int64,
    "F8_E4M3": torch.float8_e4m3fn,
    "F8_E4M3FNUZ": torch.float8_e4m3fnuz,
    "F8_E5M2": torch.float8_e5m2,
    "F8_E5M2FNUZ": torch.float8_e5m2fnuz,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "F32": torch.float32,
    "F64": torch.float64,
    "C64": torch.complex64,
}
SCANNED = (torch.float16, torch.bfloat16, torch.float32, torch.float64)  # by aminmax, as they are
CHUNK = 1 << 20  # elements; others are scanned through a copy of so many

PICKLE = "a pickle; `zoo convert` reads it"
PICKLES = (
    (b"PK", "a zip archive, as torch.save writes it, with a pickle in it; `zoo convert` reads it"),
    *((bytes((0x80, protocol)), PICKLE) for protocol in (2, 3, 4, 5)),
    *((start, PICKLE) for start in (b"(dp", b"(lp", b"ccollections\n", b"ccopy_reg\n", b"}q")),
)
KNOWN_FORMATS = (*PICKLES, (b"\x1f\x8b", "gzip data; unpack it first"))

Head = bytes | memoryview
TensorInfo = tuple[
    str, int, int, str, tuple[int, ...]
]  # name, begin and end in the file, dtype, shape


def parse(name: str, data: Any) -> dict[str, Tensor]:
    """The tensors in `data`, the whole of a safetensors file (bytes, or an mmap of it).

    Raises WeightsError, which starts with `name`, for anything else and for tensors that are not
    finite.
    """
    view = memoryview(data)
    state = {}
    for key, begin, end, dtype, shape in check_header(name, view, len(view)):
        state[key] = _tensor(view[begin:end], TYPES[dtype], shape)
    check_finite(name, state)
    return state


def _tensor(data: memoryview, dtype: torch.dtype, shape: tuple[int, ...]) -> Tensor:
    if not data:  # frombuffer refuses it
        return torch.empty(shape, dtype=dtype)
    return torch.frombuffer(bytearray(data), dtype=dtype).view(shape)  # a copy that can be written


def is_safetensors(head: Head) -> bool:
    """Whether a file that begins so can be one."""
    return int.from_bytes(head[:8], "little") <= MAX_HEADER and head[8:9] == b"{"


def is_pickle(head: bytes) -> bool:
    """Whether a file that begins so, and is no safetensors, is a pickle or a zip archive of one."""
    return head.startswith(tuple(magic for magic, _ in PICKLES))


def check_header(name: str, head: Head, size: int) -> list[TensorInfo]:
    """What a safetensors file of `size` bytes has where, in the order of the file.

    `head` is the header with its 8 bytes, or more of the file. Raises WeightsError.
    """
    length = int.from_bytes(head[:8], "little")
    what = next((what for magic, what in KNOWN_FORMATS if bytes(head[: len(magic)]) == magic), "")
    if what and not is_safetensors(head):
        raise WeightsError(f"{name}: the file is no safetensors file, but {what}")
    if size < 8:
        raise WeightsError(f"{name}: the file is no safetensors file, it has {size} bytes")
    if length > MAX_HEADER:
        raise WeightsError(f"{name}: a header of {length} bytes, more than {MAX_HEADER}")
    if 8 + length > size:
        raise WeightsError(f"{name}: the file is cut off within its header of {length} bytes")
    try:
        with _no_collection():
            return _entries(_parsed(bytes(head[8 : 8 + length])), 8 + length, size)
    except (ValueError, RecursionError) as error:
        why = "its header is nested too deeply" if isinstance(error, RecursionError) else error
        raise WeightsError(f"{name}: the file is no safetensors file: {why}") from None


@contextmanager
def _no_collection() -> Iterator[None]:
    """No garbage collection: it takes two thirds of the time of a large header, and finds none."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()


def _parsed(header: bytes) -> dict[str, Any]:
    """The JSON of a header, within limits that are checked before it is read."""
    if not header.startswith(b"{"):
        raise ValueError(f"its header starts with {header[:8]!r} instead of {{")
    if header.count(b"{") > MAX_TENSORS + 2:
        raise ValueError(f"it has more than {MAX_TENSORS} tensors")
    if sum(header.count(mark) for mark in (b"{", b"[", b":", b",")) > MARKS:
        raise ValueError(f"its header has more than {MARKS} values")
    try:
        found: dict[str, Any] = json.loads(header.decode("utf-8"), object_pairs_hook=_object)
    except UnicodeDecodeError as error:
        raise ValueError(f"its header is not UTF-8 at byte {error.start}") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"its header is no JSON ({error})") from None
    return found


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    names = [key for key, _ in pairs]
    twice = next(key for key in names if names.count(key) > 1)
    raise ValueError(f"its header has the key {_shown(twice)} twice")


def _entries(header: dict[str, Any], start: int, size: int) -> list[TensorInfo]:
    """The tensors of a header, each checked by itself, and all of them without hole or overlap."""
    note = header.pop("__metadata__", {})
    if not isinstance(note, dict) or not all(isinstance(value, str) for value in note.values()):
        raise ValueError("its __metadata__ is not a table of texts")
    found = sorted((_entry(key, value, start) for key, value in header.items()), key=_place)
    at = start
    for key, begin, end, *_ in found:
        if begin != at:
            what = "overlaps the tensor before it" if begin < at else "leaves a hole before it"
            raise ValueError(f"tensor {_shown(key)} {what}")
        at = end
    if at > size:
        raise ValueError(f"it is cut off: {size} bytes of {at}")
    if at < size:
        raise ValueError(f"{size - at} bytes follow the last tensor")
    return found


def _place(entry: TensorInfo) -> tuple[int, int]:
    return entry[1], entry[2]


def _entry(key: str, value: Any, start: int) -> TensorInfo:
    """One tensor of a header, if what is said of it can be."""
    if not key.isprintable():
        raise ValueError(f"the name {_shown(key)} has characters that cannot be printed")
    if not isinstance(value, dict) or value.keys() != {"dtype", "shape", "data_offsets"}:
        raise ValueError(f"tensor {_shown(key)} has not just dtype, shape and data_offsets")
    dtype, shape, place = value["dtype"], value["shape"], value["data_offsets"]
    if not isinstance(dtype, str) or dtype not in TYPES:
        raise ValueError(f"tensor {_shown(key)} has the unknown dtype {_shown(dtype)}")
    if not _counts(shape) or len(shape) > MAX_DIMS or math.prod(n or 1 for n in shape) > MAX_SIZE:
        raise ValueError(f"tensor {_shown(key)} has the impossible shape {_shown(shape)}")
    if not _counts(place) or len(place) != 2:
        raise ValueError(f"tensor {_shown(key)} has the impossible offsets {_shown(place)}")
    begin, end = place
    if end - begin != math.prod(shape) * TYPES[dtype].itemsize:
        raise ValueError(
            f"tensor {_shown(key)}, {dtype} {_shown(shape)}, does not have {end - begin} bytes"
        )
    return key, start + begin, start + end, dtype, tuple(shape)


def _counts(value: Any) -> bool:
    return isinstance(value, list) and all(type(n) is int and n >= 0 for n in value)


def _shown(value: Any) -> str:
    """Some of a value, on one line, whatever is in it."""
    cut = value[:80] if isinstance(value, list | str) else value
    text = ascii(cut)
    return text if cut == value and len(text) <= 80 else f"{text[:80]}..."


def check_finite(name: str, state: Mapping[str, Tensor]) -> None:
    """Raises WeightsError that names the first tensor with NaN, Inf, or a bool that is no bool."""
    for key, value in state.items():
        if value.numel() and not _sound(value):
            what = "bytes but 0 and 1" if value.dtype is torch.bool else "NaN or Inf"
            raise WeightsError(f"{name}: tensor {_shown(key)} has {what} in it")


def _sound(value: Tensor) -> bool:
    if value.is_complex():
        return _sound(torch.view_as_real(value))
    if value.dtype is torch.bool:
        return bool(value.view(torch.uint8).max() <= 1)
    if not value.is_floating_point():
        return True
    if value.dtype in SCANNED:
        return _bounded(value)
    chunks = torch.split(value.flatten(), CHUNK)
    return all(_bounded(chunk.float()) for chunk in chunks)


def _bounded(value: Tensor) -> bool:
    low, high = torch.aminmax(value)  # one pass, no copy; NaN is both
    return math.isfinite(low) and math.isfinite(high)
