"""A safetensors file -> its tensors, each byte read once, into the memory where it stays.

file -> header, checked -> tensors, read one by one -> looked through for NaN
                           hashed beside it, by a second thread -> the sum, accepted or refused
a large one whose hash is known (hash_cache) -> tensors in its pages, read when used

What a file says is trusted as little as in zoo.checkpoints.safetensors_format, which has the rules.
"""

import hashlib
import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from io import FileIO
from mmap import ACCESS_COPY, mmap
from pathlib import Path

import torch
from torch import Tensor

from zoo.checkpoints import hash_cache
from zoo.checkpoints.safetensors_format import (
    MAX_HEADER,
    TYPES,
    TensorInfo,
    check_finite,
    check_header,
)
from zoo.papers.weights import WeightsError

BATCH = 4 << 20  # bytes that are handed to the other thread at once
Add = Callable[[bytes | memoryview], None]


def read_tensors(name: str, path: Path, accept: Callable[[str], object]) -> dict[str, Tensor]:
    """The tensors of a safetensors file, on the CPU, in the order of the file.

    `accept` is called with the sha256 of what was read before anything else is said of it, so that
    bytes which are not those that are pinned are not blamed for what is in them. Raises
    WeightsError, which starts with `name`, as zoo.checkpoints.safetensors_format.parse does.
    """
    with path.open("rb", buffering=0) as file:
        before = hash_cache.file_stat(file.fileno())
        if known := hash_cache.lookup(path, before):
            accept(known)
            return _mapped(name, file)
        digest = ""

        def summed(found: str) -> None:
            nonlocal digest
            digest = found
            accept(found)

        with _summed(summed) as add:
            state = _read(name, file, add)
        hash_cache.store(path, before, hash_cache.file_stat(file.fileno()), digest)
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


def _tensor(name: str, file: FileIO, entry: TensorInfo, add: Add) -> Tensor:
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
