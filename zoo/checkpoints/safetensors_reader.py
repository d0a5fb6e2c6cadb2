"""Read a safetensors file: each byte once, into the memory where it stays.

file -> header, checked -> tensors, one by one -> checked for NaN
                        -> sha256, by a second thread -> accepted or refused
a large file in the hash cache -> read, not hashed; a blob of the Hub's cache -> memory-mapped

The rules of zoo.checkpoints.safetensors_format hold: nothing in the file is trusted. The tensors
are the bytes that were hashed, whatever becomes of the file later: only a file that is named by its
sha256, which nobody rewrites in place, stays mapped under a live network.
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
    TensorInfo,
    check_finite,
    check_header,
    view_tensors,
)
from zoo.papers.weights import WeightsError

BATCH = 4 << 20  # bytes handed to the hashing thread at once
Accept = Callable[[str], object]
Add = Callable[[bytes | memoryview], None]


def read_tensors(name: str, path: Path, accept: Accept) -> dict[str, Tensor]:
    """Read the tensors of a safetensors file, on the CPU, in the order of the file.

    Args:
        name: What error messages start with.
        path: The file.
        accept: Called with its sha256, to raise an error if another is pinned. This comes first:
            other bytes are not blamed for what is in them.

    Raises:
        WeightsError: Not safetensors, not finite, or changed while it was read.
    """
    with path.open("rb", buffering=0) as file:
        before = hash_cache.file_status(file.fileno())
        if sha256 := hash_cache.lookup(path, before):
            accept(sha256)
            if path.is_symlink() and path.readlink().name == sha256:
                return view_tensors(name, mmap(file.fileno(), 0, access=ACCESS_COPY))
            state = read_open_file(name, file, lambda part: None)
            if hash_cache.file_status(file.fileno()) == before:
                return state
            file.seek(0)  # it changed meanwhile, so what was read has not been hashed
        digest = hashlib.sha256()
        with _hashing(digest, accept) as add:
            state = read_open_file(name, file, add)
            check_finite(name, state)
        after = hash_cache.file_status(file.fileno())
        hash_cache.store(path, before, after, digest.hexdigest())
    return state


def read_open_file(name: str, file: FileIO, add: Add) -> dict[str, Tensor]:
    size = os.fstat(file.fileno()).st_size
    head = _read_head(file, size)
    add(head)
    try:
        infos = check_header(name, head, size)
    except WeightsError:
        _read_rest(file, add)
        raise
    state = {info.name: _read_tensor(name, file, info, add) for info in infos}
    if _read_rest(file, add):
        raise WeightsError(f"{name}: {file.name} grew while it was read")
    return state


@contextmanager
def _hashing(digest: "hashlib._Hash", accept: Accept) -> Iterator[Add]:
    """Yield a function that has bytes hashed by another thread; accept the sha256 at the end.

    A WeightsError of the block is raised only after `accept` has agreed.
    """
    batch: list[bytes | memoryview] = []
    pending: list[Future[None]] = []
    batched = 0

    def update(parts: list[bytes | memoryview]) -> None:
        for part in parts:
            digest.update(part)

    def add(part: bytes | memoryview) -> None:
        nonlocal batch, batched
        batch.append(part)
        batched += len(part)
        if batched >= BATCH:
            pending.append(thread.submit(update, batch))
            batch, batched = [], 0

    fault = None
    with ThreadPoolExecutor(1) as thread:
        try:
            yield add
        except WeightsError as error:
            fault = error
        pending.append(thread.submit(update, batch))
        for future in pending:
            future.result()
    accept(digest.hexdigest())
    if fault:
        raise fault


def _read_head(file: FileIO, size: int) -> bytes:
    """Read 8 bytes and the header that they announce, up to MAX_HEADER and the end of the file."""
    head = file.read(8)
    remaining = min(int.from_bytes(head, "little"), MAX_HEADER, size)
    while remaining > 0 and (part := file.read(remaining)):
        head += part
        remaining -= len(part)
    return head


def _read_tensor(name: str, file: FileIO, info: TensorInfo, add: Add) -> Tensor:
    """Read the next tensor of a file."""
    tensor = torch.empty(info.shape, dtype=info.dtype, device="cpu")
    if not tensor.numel():
        return tensor
    memory = tensor.flatten().view(torch.uint8).numpy().data
    filled = 0
    while filled < len(memory):
        count = file.readinto(memory[filled:])
        if not count:
            raise WeightsError(f"{name}: the file was cut off in {info.name!r} while it was read")
        filled += count
    add(memory)
    return tensor


def _read_rest(file: FileIO, add: Add) -> int:
    """Hash the rest of a file; return its number of bytes."""
    size = 0
    while part := file.read(BATCH):
        add(part)
        size += len(part)
    return size
