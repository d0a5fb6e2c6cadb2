"""As much of Lua Torch7 as the authors' residual networks call, over torch.nn.

model.lua -> LuaJIT -> Layer (name, arguments, children) -> build -> nn.Module

Torch counts from 1, and its tables are Lua's. What a file does to the values of its weights
(normal, fill, zero) is ignored; what it does to their presence (`bias = nil`) is not.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import torch
from lupa.luajit21 import LuaRuntime
from torch import Tensor, nn


class Values:
    """A Torch tensor whose contents nobody will look at: any method gives it back."""

    def __getattr__(self, name: str) -> Callable[..., "Values"]:
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *_: self


class Layer:
    """What a constructor of `nn` or `cudnn` returns to a Lua file."""

    def __init__(self, table: Callable[[list["Layer"]], Any], name: str, *arguments: Any) -> None:
        self.table, self.name, self.arguments = table, name, arguments
        self.kind = name.split(".")[1]
        if self.kind not in BUILDERS:
            raise ValueError(f"{name} is not in the shim; add it to BUILDERS")
        self.children: list[Layer] = []
        self.weight, self.bias, self.output = Values(), Values(), Values()
        self._type = "torch.FloatTensor"
        if self.kind == "SpatialConvolution":
            self.nInputPlane, self.nOutputPlane, self.kW, self.kH = arguments[:4]

    def add(self, child: "Layer") -> "Layer":
        self.children.append(child)
        return self

    def get(self, position: int) -> "Layer":
        return self.children[position - 1]

    def walk(self) -> Iterator["Layer"]:
        yield self
        for child in self.children:
            yield from child.walk()

    def findModules(self, name: str) -> Any:
        return self.table([layer for layer in self.walk() if layer.name == name])

    def forward(self, *_: Any) -> Values:
        return self.output

    def same(self, *_: Any) -> "Layer":
        """Changes of type, device or values, which mean nothing here."""
        return self

    type = cuda = float = reset = backward = setNumInputDims = same


class Branches(nn.ModuleList):
    """ConcatTable: one input, the outputs of all children."""

    def forward(self, x: Tensor) -> list[Tensor]:
        return [branch(x) for branch in self]


class Add(nn.Module):
    """CAddTable."""

    def forward(self, xs: list[Tensor]) -> Tensor:
        return sum(xs[1:], xs[0])


class Concat(Branches):
    """Concat(dimension): the outputs of all children behind one another."""

    def __init__(self, dimension: int, branches: list[nn.Module]) -> None:
        super().__init__(branches)
        self.dimension = dimension - 1

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat(super().forward(x), self.dimension)


class Scaled(nn.Module):
    """MulConstant."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        return x * self.factor


def window(layer: Layer, first: int) -> dict[str, tuple[int, int]]:
    """kW, kH, dW = 1, dH = 1, padW = 0, padH = 0 -> PyTorch's (height, width) pairs."""
    given = [int(a) for a in layer.arguments[first : first + 6]]
    k_w, k_h, d_w, d_h, pad_w, pad_h = given + [1, 1, 0, 0][len(given) - 2 :]
    return {"kernel_size": (k_h, k_w), "stride": (d_h, d_w), "padding": (pad_h, pad_w)}


def convolution(layer: Layer) -> nn.Conv2d:
    c_in, c_out, *_ = layer.arguments
    groups = layer.arguments[8] if len(layer.arguments) > 8 else 1
    bias = layer.bias is not None
    shape = int(c_in), int(c_out)
    return nn.Conv2d(*shape, **window(layer, 2), groups=int(groups), bias=bias)


def linear(layer: Layer) -> nn.Linear:
    return nn.Linear(*map(int, layer.arguments), bias=layer.bias is not None)


BUILDERS: Mapping[str, Callable[[Layer], nn.Module]] = {
    "Sequential": lambda layer: nn.Sequential(*map(build, layer.children)),
    "ConcatTable": lambda layer: Branches(map(build, layer.children)),
    "Concat": lambda layer: Concat(layer.arguments[0], [build(c) for c in layer.children]),
    "CAddTable": lambda layer: Add(),
    "Identity": lambda layer: nn.Identity(),
    "MulConstant": lambda layer: Scaled(layer.arguments[0]),
    "SpatialConvolution": convolution,
    "SpatialBatchNormalization": lambda layer: nn.BatchNorm2d(int(*layer.arguments), eps=1e-5),
    "ReLU": lambda layer: nn.ReLU(),
    "SpatialMaxPooling": lambda layer: nn.MaxPool2d(**window(layer, 0)),
    "SpatialAveragePooling": lambda layer: nn.AvgPool2d(**window(layer, 0)),
    "View": lambda layer: nn.Flatten(),
    "Linear": linear,
    "Padding": lambda layer: nn.ConstantPad3d((0, 0, 0, 0, 0, int(layer.arguments[1])), 0.0),
    "Copy": lambda layer: nn.Identity(),
    "Dropout": lambda layer: nn.Dropout(layer.arguments[0]),
}


def build(layer: Layer) -> nn.Module:
    """The same network in PyTorch, children in the order in which they were added."""
    return BUILDERS[layer.kind](layer)


def load(code: str, files: Mapping[str, str]) -> Callable[..., Layer]:
    """The function that a model file returns: options by keyword -> Layer.

    `files` holds the text of what it reads by paths.dofile.
    """
    lua = LuaRuntime(unpack_returned_tuples=True)

    def package(name: str, **more: Any) -> Any:
        make = {k: partial(Layer, lua.table_from, f"{name}.{k}") for k in BUILDERS}
        return lua.table_from(make | more)

    def options(**given: Any) -> Any:
        return lua.table_from(given)

    scope, nn7, cudnn = lua.globals(), package("nn"), package("cudnn", version=5000)
    # Once Lua has collected a Python object, lupa 2.8 may hand it out in the place of a new one.
    lua.execute("collectgarbage('stop')")
    lua.execute("table.unpack = table.unpack or unpack")
    scope.cudnn, scope.print = cudnn, lambda *_: None
    scope.require = {"nn": nn7, "cunn": nn7, "cudnn": cudnn}.__getitem__
    scope.torch = lua.table_from({"Tensor": lambda values: values, "randn": lambda *_: Values()})
    scope.paths = lua.table_from({"dofile": lambda path: lua.execute(files[path])})
    create = lua.execute(code)
    return lambda **given: create(options(**given))
