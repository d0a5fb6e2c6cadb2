"""Files of Torch7 (.t7): a network of nn or cudnn -> {"4.0.0.0.3.weight": tensor}.

File.lua of torch/torch7 writes objects as a type and a value. Tables and torch objects also have an
index, by which they are referred to again. Classes are but names here: nothing of them is built, no
bytecode is run, and a size is compared with the rest of the file before it is used.
"""

import math
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from zoo.papers.weights import WeightsError

NIL, NUMBER, STRING, TABLE, OBJECT, BOOLEAN, FUNCTION, OLD_CLOSURE, CLOSURE = range(9)
# A table or an object, the first of the file.
HEADS = tuple(struct.pack("<ii", kind, 1) for kind in (TABLE, OBJECT))
DTYPES = {
    **dict.fromkeys(("Float", "Cuda"), "<f4"),
    **dict.fromkeys(("Double", "CudaDouble"), "<f8"),
    **dict.fromkeys(("Half", "CudaHalf"), "<f2"),
    **dict.fromkeys(("Long", "CudaLong"), "<i8"),
    **dict.fromkeys(("Int", "CudaInt"), "<i4"),
    **dict.fromkeys(("Short", "CudaShort"), "<i2"),
    **dict.fromkeys(("Char", "CudaChar"), "i1"),
    **dict.fromkeys(("Byte", "CudaByte"), "u1"),
}
# Of a module; its other tensors are gradients and buffers.
PARAMETERS = ("weight", "bias", "running_mean", "running_var")
MAX_DEPTH = 100  # of objects in one another; a ResNet has about 20
MAX_DIMENSIONS = 8


@dataclass(frozen=True)
class Stored:
    """A tensor in the file: its storage, and which of its numbers."""

    storage: Tensor | None  # None: empty
    sizes: tuple[int, ...]
    strides: tuple[int, ...]
    offset: int


@dataclass
class Module:
    """An object of a class that is not torch's: its fields."""

    fields: dict[Any, Any] = field(default_factory=dict)


def read_torch7(path: Path) -> dict[str, Any]:
    """Read the parameters and statistics of a network, or of each network in a table.

    Modules are numbered from 0, as PyTorch has them. Inverse standard deviations, which BatchNorm
    kept before its second version, become variances.

    Returns:
        {"number.number.name": tensor}; for a table, {its key: such a dict, or a value}.

    Raises:
        WeightsError: It is damaged, or a module is in two places.
    """
    root = _Reader(path).read()
    if isinstance(root, Module):
        return _flatten(path, root)
    if not isinstance(root, dict):
        raise WeightsError(f"{path} holds no network of Torch7")
    return {
        str(key): _flatten(path, value)
        if isinstance(value, Module)
        else (_tensor(value) if isinstance(value, Stored) else value)
        for key, value in root.items()
    }


class _Reader:
    """A position in the bytes of a file."""

    def __init__(self, path: Path) -> None:
        self.path, self.data, self.position = path, path.read_bytes(), 0
        self.objects: dict[int, Any] = {}  # by index

    def read(self, depth: int = 0) -> Any:
        """Read the object at the position."""
        if depth > MAX_DEPTH:
            raise self._damaged(f"objects lie more than {MAX_DEPTH} deep in one another")
        kind = self._int()
        if kind == NIL:
            return None
        if kind == NUMBER:
            return self._numbers("d", 1)[0]
        if kind == BOOLEAN:
            return self._int() == 1
        if kind == STRING:
            return self._text()
        if kind == FUNCTION:
            return self._skip_function(depth)
        if kind not in (TABLE, OBJECT, OLD_CLOSURE, CLOSURE):
            raise self._damaged(f"there is no type {kind}")
        index = self._int()
        if index not in self.objects:
            self.objects[index] = None
            if kind == TABLE:
                self.objects[index] = {}
                self._fill(self.objects[index], depth)
            elif kind == OBJECT:
                self._read_object(index, depth)
            else:
                self._skip_function(depth)
        return self.objects[index]

    def _fill(self, table: dict[Any, Any], depth: int) -> None:
        """Read a table's pairs; those whose key is no text and no number are left out."""
        for _ in range(self._checked(self._int(), 8)):
            key, value = self.read(depth + 1), self.read(depth + 1)
            if isinstance(key, float) and key.is_integer():
                key = int(key)
            if isinstance(key, str | int | float):
                table[key] = value

    def _read_object(self, index: int, depth: int) -> None:
        name = self._text()
        if name.startswith("V "):  # files from before versions begin with the class
            name = self._text()
        kind = name.removeprefix("torch.")
        if kind != name and (dtype := DTYPES.get(kind.removesuffix("Storage"))):
            self.objects[index] = self._storage(dtype)
        elif kind != name and kind.removesuffix("Tensor") in DTYPES:
            self.objects[index] = self._stored(depth)
        elif kind != name:
            raise self._damaged(f"{name[:40]!r} is neither a tensor nor a storage")
        else:
            module = self.objects[index] = Module()
            fields = self.read(depth + 1)
            if not isinstance(fields, dict):
                raise self._damaged(f"an object of {name[:40]!r} has no fields")
            module.fields = fields

    def _storage(self, dtype: str) -> Tensor:
        (size,) = self._numbers("q", 1)
        itemsize = np.dtype(dtype).itemsize
        start = self._advance(self._checked(size, itemsize) * itemsize)
        array = np.frombuffer(self.data, dtype, size, start)
        return torch.from_numpy(array.copy())

    def _stored(self, depth: int) -> Stored:
        dimensions = self._int()
        if not 0 <= dimensions <= MAX_DIMENSIONS:
            raise self._damaged(f"a tensor has {dimensions} dimensions")
        sizes, strides = self._numbers("q", dimensions), self._numbers("q", dimensions)
        offset = self._numbers("q", 1)[0] - 1
        storage = self.read(depth + 1)
        count = math.prod(sizes) if sizes else 0
        if storage is None or not count:
            return Stored(None, sizes, strides, 0)
        last = offset + sum((n - 1) * stride for n, stride in zip(sizes, strides, strict=True))
        whole = isinstance(storage, Tensor) and count <= len(storage) and last < len(storage)
        if not whole or offset < 0 or min(sizes) < 0 or min(strides) < 0:
            raise self._damaged(f"a tensor of {sizes} is not within its storage")
        return Stored(storage, sizes, strides, offset)

    def _skip_function(self, depth: int) -> None:
        self._text()
        self.read(depth + 1)  # its upvalues

    def _text(self) -> str:
        size = self._checked(self._int(), 1)
        start = self._advance(size)
        return self.data[start : start + size].decode("utf-8", "replace")

    def _int(self) -> int:
        return int(self._numbers("i", 1)[0])

    def _numbers(self, kind: str, count: int) -> tuple[Any, ...]:
        code = f"<{count}{kind}"
        return struct.unpack_from(code, self.data, self._advance(struct.calcsize(code)))

    def _checked(self, count: int, size: int) -> int:
        """Return a count of items, each of `size` bytes at least, if the file can hold them."""
        if not 0 <= count * size <= len(self.data) - self.position:
            raise self._damaged(f"it announces {count} items of {size} bytes or more")
        return count

    def _advance(self, size: int) -> int:
        """Move the position by a size, and return where it was."""
        start = self.position
        self.position += self._checked(size, 1)
        return start

    def _damaged(self, what: str) -> WeightsError:
        left = len(self.data) - self.position
        return WeightsError(
            f"{self.path} is a damaged file of Torch7: {what}, {left} bytes before its end"
        )


def _tensor(stored: Stored) -> Tensor:
    if stored.storage is None:
        return torch.zeros(0)
    return stored.storage.as_strided(stored.sizes, stored.strides, stored.offset)


def _flatten(path: Path, root: Module) -> dict[str, Tensor]:
    """Return the parameters of a module and of those in it, by their places."""
    state: dict[str, Tensor] = {}
    seen: set[int] = set()
    rest = [("", root)]
    while rest:
        place, module = rest.pop()
        if id(module) in seen:
            raise WeightsError(f"{path} has one module of Torch7 in two places: {place[:-1]}")
        seen.add(id(module))
        state |= {place + name: value for name, value in _parameters(module.fields).items()}
        children = module.fields.get("modules")
        for number, child in children.items() if isinstance(children, dict) else ():
            if isinstance(number, int) and isinstance(child, Module):
                rest.append((f"{place}{number - 1}.", child))
    return state


def _parameters(fields: dict[Any, Any]) -> dict[str, Tensor]:
    stored = {k: v for k, v in fields.items() if isinstance(v, Stored) and v.storage is not None}
    own = {name: _tensor(stored[name]) for name in PARAMETERS if name in stored}
    if "running_std" in stored and isinstance(fields.get("eps"), float):
        own["running_var"] = _tensor(stored["running_std"]) ** -2 - fields["eps"]
    return own
