"""Files as torch.save of Torch7 writes them (File.lua of torch/torch7), and networks in them.

golden/torch7.json -> its modules, with the layers of one of the zoo's networks -> bytes
"""

import json
import struct
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from tests.golden.fill import layers_of

GOLDEN = Path(__file__).parents[1] / "golden" / "torch7.json"
KINDS = {torch.float32: "Float", torch.float64: "Double", torch.int64: "Long"}


@dataclass
class Object:
    """An object of a class that is a table, as the modules of nn are."""

    name: str
    fields: Any
    version: tuple[str, ...] = ("V 1",)  # () in files from before versions


@dataclass
class Closure:
    """A Lua function, with its bytecode."""

    bytecode: str


class Writer:
    """The bytes of a file; objects that have been written are referred to by their index."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.indices: dict[Any, int] = {}
        self.written: list[Any] = []  # alive, so that no id is given twice

    def write(self, value: Any) -> None:
        if value is None:
            self._ints(0)
        elif isinstance(value, bool):
            self._ints(5, value)
        elif isinstance(value, int | float):
            self._ints(1)
            self.data += struct.pack("<d", value)
        elif isinstance(value, str):
            self._ints(2)
            self._text(value)
        elif self._begin({dict: 3, Closure: 8}.get(type(value), 4), id(value)):
            self.written.append(value)
            self._content(value)

    def _begin(self, kind: int, key: Any) -> bool:
        """Write type and index; False if that is all, as the object is there already."""
        is_new = key not in self.indices
        self._ints(kind, self.indices.setdefault(key, len(self.indices) + 1))
        return is_new

    def _content(self, value: Any) -> None:
        if isinstance(value, dict):
            self._ints(len(value))
            for pair in value.items():
                for each in pair:
                    self.write(each)
        elif isinstance(value, Object):
            self._text(*value.version, value.name)
            self.write(value.fields)
        elif isinstance(value, Closure):
            self._text(value.bytecode)
            self.write({})
        else:
            self._tensor(value)

    def _tensor(self, tensor: Tensor) -> None:
        self._text("V 1", f"torch.{KINDS[tensor.dtype]}Tensor")
        self._ints(tensor.dim())
        places = (*tensor.shape, *tensor.stride(), tensor.storage_offset() + 1)
        self.data += struct.pack(f"<{len(places)}q", *places)
        storage = tensor.untyped_storage()
        if not storage.nbytes():
            self.write(None)
        elif self._begin(4, ("storage", storage.data_ptr())):
            values = torch.tensor([], dtype=tensor.dtype).set_(storage)
            self._text("V 1", f"torch.{KINDS[tensor.dtype]}Storage")
            self.data += struct.pack("<q", len(values)) + values.numpy().tobytes()

    def _ints(self, *values: int) -> None:
        self.data += struct.pack(f"<{len(values)}i", *values)

    def _text(self, *texts: str) -> None:
        for text in texts:
            self._ints(len(text))
            self.data += text.encode("latin-1")


def torch7_bytes(value: Any) -> bytes:
    """The file of a value."""
    writer = Writer()
    writer.write(value)
    return bytes(writer.data)


@cache
def trees() -> dict[str, Any]:
    """{network of the zoo: [class, children] of the authors' modules}."""
    nets = json.loads(GOLDEN.read_text(encoding="utf-8"))["nets"]
    return {name: net["tree"] for name, net in nets.items()}


def as_torch7(name: str, network: nn.Module) -> Object:
    """A network in the authors' modules, which take its layers in the order of execution."""
    layers = iter(layers_of(network))
    network_in_lua = _module(trees()[name], layers)
    assert next(layers, None) is None
    return network_in_lua


def _module(tree: Any, layers: Any) -> Object:
    kind, children = (tree, []) if isinstance(tree, str) else tree
    fields: dict[str, Any] = {"_type": "torch.FloatTensor", "train": False}
    fields |= dict.fromkeys(("output", "gradInput"), torch.tensor([]))
    if children:
        modules = [_module(child, layers) for child in children]
        fields["modules"] = {i + 1: module for i, module in enumerate(modules)}
    elif kind.endswith(("SpatialConvolution", "SpatialBatchNormalization", "Linear")):
        layer = next(layers)
        for key, value in layer.state_dict().items():
            if key != "num_batches_tracked":
                fields[key] = value.contiguous()
        fields |= {"gradWeight": layer.weight.data + 1, "nInputPlane": 3, "eps": 1e-5}
    return Object(kind, fields)
