"""A safetensors file -> its tensors, each byte read once, into the memory where it stays.

file -> header, checked -> tensors, read one by one -> looked through for NaN
                           hashed beside it, by a second thread -> the sum, accepted or refused
a large one that all this was done to before (zoo.stamps) -> tensors in its pages, read when used

What a file says is trusted as little as in zoo.tensors, which has the rules.
"""

import hashlib
import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from io import FileIO
from mmap import ACCESS_COPY, mmap
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from zoo import stamps
from zoo.pretrained import WeightsError
from zoo.tensors import MAX_HEADER, TYPES, Entry, check_finite, check_header

BATCH = 4 << 20  # bytes that are handed to the other thread at once
Add = Callable[[bytes | memoryview], None]


def load(name: str, path: Path, accept: Callable[[str], object]) -> dict[str, Tensor]:
    """The tensors of a safetensors file, on the CPU, in the order of the file.

    `accept` is called with the sha256 of what was read before anything else is said of it, so that
    bytes which are not those that are pinned are not blamed for what is in them. Raises
    WeightsError, which starts with `name`, as zoo.tensors.decode does.
    """
    with path.open("rb", buffering=0) as file:
        before = stamps.stamp(file.fileno())
        if known := stamps.known(path, before):
            accept(known)
            return _mapped(name, file)
        digest = ""

        def summed(found: str) -> None:
            nonlocal digest
            digest = found
            accept(found)

        with _summed(summed) as add:
            state = _read(name, file, add)
        stamps.remember(path, before, stamps.stamp(file.fileno()), digest)
    return state


def _mapped(name: str, file: FileIO) -> dict[str, Tensor]:
    """Tensors in the pages of a file, which are read when they are used; what is written to them
    stays in memory."""
    pages = mmap(file.fileno(), 0, access=ACCESS_COPY)
    view = memoryview(pages)
    state = {}
    for key, begin, end, dtype, shape in check_header(name, view, len(view)):
        kind = TYPES[dtype]
        if begin == end:
            state[key] = torch.empty(shape, dtype=kind)
            continue
        aligned = begin % kind.itemsize == 0
        there, at = (pages, begin) if aligned else (bytearray(view[begin:end]), 0)
        count = (end - begin) // kind.itemsize
        state[key] = torch.frombuffer(there, dtype=kind, count=count, offset=at).view(shape)
    return state


def _read(name: str, file: FileIO, add: Add) -> dict[str, Tensor]:
    size = os.fstat(file.fileno()).st_size
    head = _head(file, size)
    add(head)
    try:
        entries = check_header(name, head, size)
    except WeightsError:
        _rest(file, add)
        raise
    state = {}
    for entry in entries:
        state[entry[0]] = _tensor(name, file, entry, add)
    if _rest(file, add):
        raise WeightsError(f"{name}: {file.name} grew while it was read")
    check_finite(name, state)
    return state


@contextmanager
def _summed(accept: Callable[[str], object]) -> Iterator[Add]:
    """Takes bytes, in their order, which another thread hashes; at the end, even with an error,
    `accept` is asked first whether they are the right ones."""
    total = hashlib.sha256()
    batch: list[bytes | memoryview] = []
    waiting: list[Future[None]] = []
    held = 0

    def work(parts: list[bytes | memoryview]) -> None:
        for part in parts:
            total.update(part)

    def add(part: bytes | memoryview) -> None:
        nonlocal batch, held
        batch.append(part)
        held += len(part)
        if held >= BATCH:
            waiting.append(second.submit(work, batch))
            batch, held = [], 0

    with ThreadPoolExecutor(1) as second:
        fault = None
        try:
            yield add
        except WeightsError as error:
            fault = error
        waiting.append(second.submit(work, batch))
        for done in waiting:
            done.result()
    accept(total.hexdigest())
    if fault:
        raise fault


def _head(file: FileIO, size: int) -> bytes:
    """The header of a file with its 8 bytes, or what there is of it, or as much as one may have."""
    head = file.read(8)
    more = min(int.from_bytes(head, "little"), MAX_HEADER, size)
    while more > 0 and (part := file.read(more)):
        head += part
        more -= len(part)
    return head


def _tensor(name: str, file: FileIO, entry: Entry, add: Add) -> Tensor:
    """The next tensor of a file."""
    key, begin, end, dtype, shape = entry
    tensor = torch.empty(shape, dtype=TYPES[dtype], device="cpu")
    if begin == end:
        return tensor
    memory = tensor.flatten().view(torch.uint8).numpy().data
    at = 0
    while at < len(memory):
        got = file.readinto(memory[at:])
        if not got:
            raise WeightsError(f"{name}: the file was cut off in {key!r} while it was read")
        at += got
    add(memory)
    return tensor


def _rest(file: FileIO, add: Add) -> int:
    """Adds what is left of a file; how many bytes."""
    count = 0
    while part := file.read(BATCH):
        add(part)
        count += len(part)
    return count


DRAWS = {"uniform_", "normal_", "kaiming_uniform_", "kaiming_normal_", "trunc_normal_"}


class Undrawn(TorchFunctionMode):
    """Within it, constructors leave parameters as the memory was, where they would draw them; a
    change of type makes new ones of these, and does not read them."""

    def __torch_function__(
        self, function: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        given = {**(kwargs or {})}
        tensor = args[0] if args else given.get("tensor")
        if not isinstance(tensor, nn.Parameter):
            return function(*args, **given)
        if getattr(function, "__name__", "") in DRAWS:
            return tensor
        kind = next((arg for arg in args if isinstance(arg, torch.dtype)), tensor.dtype)
        if function is Tensor.to and kind is not tensor.dtype:
            return torch.empty_like(tensor, dtype=kind)
        return function(*args, **given)
