"""A strict parser of safetensors for untrusted bytes.

8 bytes n | n bytes of JSON {name: {dtype, shape, data_offsets}} | the tensors, side by side

The safetensors library accepts a name twice (the last wins), NaN, control characters in names, and
a million empty tensors, which take it 15 seconds.
"""

import gc
import json
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from operator import itemgetter
from typing import Any, NamedTuple

import torch
from torch import Tensor

from zoo.papers.weights import WeightsError

MAX_HEADER = 16 << 20  # bytes; a real header has about a hundred per tensor
MAX_TENSORS = 200_000
MAX_SIZE = 1 << 50  # elements of a shape, dimensions of 0 left out
MAX_DIMS = 64  # torch's own
MAX_VALUES = 16 * MAX_TENSORS  # { [ : and , in a header: they bound what JSON builds

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
AMINMAX_TYPES = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
CHUNK = 1 << 20  # elements of other types that are copied to float32 at once

PICKLE = "a pickle; `zoo convert` reads it"
PICKLES = (
    (b"PK", "a zip archive, as torch.save writes it, with a pickle in it; `zoo convert` reads it"),
    *((bytes((0x80, protocol)), PICKLE) for protocol in (2, 3, 4, 5)),
    *((start, PICKLE) for start in (b"(dp", b"(lp", b"ccollections\n", b"ccopy_reg\n", b"}q")),
)
KNOWN_FORMATS = (*PICKLES, (b"\x1f\x8b", "gzip data; unpack it first"))

Head = bytes | memoryview


class TensorInfo(NamedTuple):
    """Where one tensor is in a file."""

    name: str
    begin: int  # bytes from the start of the file
    end: int
    dtype: torch.dtype
    shape: tuple[int, ...]


def parse(name: str, data: Any) -> dict[str, Tensor]:
    """Copy the tensors out of `data`, the bytes of a safetensors file.

    Raises:
        WeightsError: Not safetensors, or not finite; the message starts with `name`.
    """
    state = view_tensors(name, data, copy=True)
    check_finite(name, state)
    return state


def view_tensors(name: str, data: Any, *, copy: bool = False) -> dict[str, Tensor]:
    """Return tensors in the memory of `data`, which is writable; misaligned ones are copied."""
    view = memoryview(data)
    state = {}
    for key, begin, end, dtype, shape in check_header(name, view, len(view)):
        if begin == end:  # frombuffer refuses it
            state[key] = torch.empty(shape, dtype=dtype)
        elif copy or begin % dtype.itemsize:
            state[key] = torch.frombuffer(bytearray(view[begin:end]), dtype=dtype).view(shape)
        else:
            count = (end - begin) // dtype.itemsize
            tensor = torch.frombuffer(data, dtype=dtype, count=count, offset=begin)
            state[key] = tensor.view(shape)
    return state


def is_safetensors(head: Head) -> bool:
    """True if the first bytes of a file can be those of safetensors."""
    return int.from_bytes(head[:8], "little") <= MAX_HEADER and head[8:9] == b"{"


def is_pickle(head: bytes) -> bool:
    """True if the first bytes of a file, which is not safetensors, are those of a pickle or zip."""
    return head.startswith(tuple(magic for magic, _ in PICKLES))


def check_header(name: str, head: Head, size: int) -> list[TensorInfo]:
    """Parse the header of a safetensors file of `size` bytes.

    `head` is its first 8 bytes and the header, or more of the file. The tensors returned are in
    the order of the file, without gap or overlap. Errors are as in `parse`.
    """
    length = int.from_bytes(head[:8], "little")
    known = next((text for magic, text in KNOWN_FORMATS if bytes(head[: len(magic)]) == magic), "")
    if known and not is_safetensors(head):
        raise WeightsError(f"{name}: the file is no safetensors file, but {known}")
    if size < 8:
        raise WeightsError(f"{name}: the file is no safetensors file, it has {size} bytes")
    if length > MAX_HEADER:
        raise WeightsError(f"{name}: a header of {length} bytes, more than {MAX_HEADER}")
    if 8 + length > size:
        raise WeightsError(f"{name}: the file is cut off within its header of {length} bytes")
    try:
        with _no_garbage_collection():
            return _tensor_infos(_parse_json(bytes(head[8 : 8 + length])), 8 + length, size)
    except (ValueError, RecursionError) as error:
        cause = "its header is nested too deeply" if isinstance(error, RecursionError) else error
        raise WeightsError(f"{name}: the file is no safetensors file: {cause}") from None


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Pause the garbage collector, which takes two thirds of the time of a large header."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _parse_json(header: bytes) -> dict[str, Any]:
    """Parse a header, after checking limits on what json.loads will build."""
    if not header.startswith(b"{"):
        raise ValueError(f"its header starts with {header[:8]!r} instead of {{")
    if header.count(b"{") > MAX_TENSORS + 2:
        raise ValueError(f"it has more than {MAX_TENSORS} tensors")
    if sum(header.count(mark) for mark in (b"{", b"[", b":", b",")) > MAX_VALUES:
        raise ValueError(f"its header has more than {MAX_VALUES} values")
    try:
        table: dict[str, Any] = json.loads(header.decode(), object_pairs_hook=_unique_keys)
    except UnicodeDecodeError as error:
        raise ValueError(f"its header is not UTF-8 at byte {error.start}") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"its header is no JSON ({error})") from None
    return table


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) == len(pairs):
        return table
    keys = [key for key, _ in pairs]
    repeated = next(key for key in keys if keys.count(key) > 1)
    raise ValueError(f"its header has the key {_abridged(repeated)} twice")


def _tensor_infos(header: dict[str, Any], start: int, size: int) -> list[TensorInfo]:
    """Check every tensor of a header, and that they fill the file from `start` to `size`."""
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        raise ValueError("its __metadata__ is not a table of texts")
    infos = [_tensor_info(key, value, start) for key, value in header.items()]
    infos.sort(key=itemgetter(1, 2))
    position = start
    for key, begin, end, *_ in infos:
        if begin != position:
            fault = "overlaps the tensor" if begin < position else "leaves a hole"
            raise ValueError(f"tensor {_abridged(key)} {fault} before it")
        position = end
    if position > size:
        raise ValueError(f"it is cut off: {size} bytes of {position}")
    if position < size:
        raise ValueError(f"{size - position} bytes follow the last tensor")
    return infos


def _tensor_info(key: str, value: Any, start: int) -> TensorInfo:
    """Check the header's entry of one tensor; its offsets count from `start`."""
    if not key.isprintable():
        raise ValueError(f"the name {_abridged(key)} has characters that cannot be printed")
    if not isinstance(value, dict) or value.keys() != {"dtype", "shape", "data_offsets"}:
        raise ValueError(f"tensor {_abridged(key)} has not just dtype, shape and data_offsets")
    dtype, shape, offsets = value["dtype"], value["shape"], value["data_offsets"]
    if not isinstance(dtype, str) or dtype not in TYPES:
        raise ValueError(f"tensor {_abridged(key)} has the unknown dtype {_abridged(dtype)}")
    if (
        not _is_size_list(shape)
        or len(shape) > MAX_DIMS
        or math.prod(n or 1 for n in shape) > MAX_SIZE
    ):
        raise ValueError(f"tensor {_abridged(key)} has the impossible shape {_abridged(shape)}")
    if not _is_size_list(offsets) or len(offsets) != 2:
        raise ValueError(f"tensor {_abridged(key)} has the impossible offsets {_abridged(offsets)}")
    begin, end = offsets
    if end - begin != math.prod(shape) * TYPES[dtype].itemsize:
        described = f"{_abridged(key)}, {dtype} {_abridged(shape)}"
        raise ValueError(f"tensor {described}, does not have {end - begin} bytes")
    return TensorInfo(key, start + begin, start + end, TYPES[dtype], tuple(shape))


def _is_size_list(value: Any) -> bool:
    return isinstance(value, list) and all(type(n) is int and n >= 0 for n in value)


def _abridged(value: Any) -> str:
    """Format a value on one printable line of at most 83 characters."""
    cut = value[:80] if isinstance(value, list | str) else value
    text = ascii(cut)
    return text if cut == value and len(text) <= 80 else f"{text[:80]}..."


def check_finite(name: str, state: Mapping[str, Tensor]) -> None:
    """Raise WeightsError that names the first tensor with NaN, Inf, or a bool beyond 0 and 1."""
    for key, value in state.items():
        if value.numel() and not _is_finite(value):
            fault = "bytes but 0 and 1" if value.dtype is torch.bool else "NaN or Inf"
            raise WeightsError(f"{name}: tensor {_abridged(key)} has {fault} in it")


def _is_finite(value: Tensor) -> bool:
    if value.is_complex():
        return _is_finite(torch.view_as_real(value))
    if value.dtype is torch.bool:
        return bool(value.view(torch.uint8).max() <= 1)
    if not value.is_floating_point():
        return True
    if value.dtype in AMINMAX_TYPES:
        return _is_bounded(value)
    return all(_is_bounded(chunk.float()) for chunk in torch.split(value.flatten(), CHUNK))


def _is_bounded(value: Tensor) -> bool:
    low, high = torch.aminmax(value)  # one pass, no copy; NaN is both
    return math.isfinite(low) and math.isfinite(high)
