"""Golden logits of the authors' Caffe networks, of which only the prototxt is needed.

uv run python tests/golden/record_caffe.py PATH

PATH is a clone (or bare repository) of KaimingHe/deep-residual-networks.
"""

import re
import sys
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from fill import layers_of
from record import HOW, measure, read, source, write
from torch import Tensor, nn

REPOSITORY = "KaimingHe/deep-residual-networks"
TOKEN = re.compile(r'"[^"]*"|[{}:]|[^\s{}:"]+')
BATCHNORM = " Each BatchNorm and the Scale after it are one layer for fill.py. Softmax is left out."
NOTE = (
    "conv1 has a bias in this prototxt, which has {theirs} parameters; the bias is zero here, and "
    "neither fill.py nor `params` sees it."
)
Message = dict[str, list[Any]]


def parse(tokens: Iterator[str]) -> Message:
    """Protobuf's text format up to a closing brace: every field is the list of its values."""
    message: Message = {}
    for name in tokens:
        if name == "}":
            break
        value = next(tokens)
        if value == ":":
            value = next(tokens)
        message.setdefault(name, []).append(parse(tokens) if value == "{" else value.strip('"'))
    return message


def parameters(layer: Message) -> dict[str, str]:
    """The fields of a layer's ..._param message; none of them is repeated in these files."""
    given = [value[0] for name, value in layer.items() if name.endswith("_param")]
    return {name: value for message in given for name, (value,) in message.items()}


def convolution(c_in: int, *, num_output: str, bias_term: str = "true", **window: str) -> nn.Conv2d:
    """The bias, if any, is left out: see NOTE."""
    kernel, stride, pad = (int(window.pop(k, d)) for k, d in WINDOW.items())
    assert not window, f"the graph knows nothing of {window}"
    return nn.Conv2d(c_in, int(num_output), kernel, stride, pad, bias=False)


def pooling(c_in: int, *, pool: str, **window: str) -> nn.Module:
    """Caffe rounds the size of the output up; no padding unless asked."""
    kernel, stride, pad = (int(window.pop(k, d)) for k, d in WINDOW.items())
    assert not window, f"the graph knows nothing of {window}"
    kind = {"MAX": nn.MaxPool2d, "AVE": nn.AvgPool2d}[pool]
    return kind(kernel, stride, pad, ceil_mode=True)


def batch_norm(c_in: int, *, use_global_stats: str) -> nn.BatchNorm2d:
    """With the scale and bias of the Scale layer that comes next; Caffe's default eps."""
    return nn.BatchNorm2d(c_in, eps=1e-5)


def scale(c_in: int, *, bias_term: str) -> nn.Identity:
    """Part of the BatchNorm before it."""
    assert bias_term == "true", "a Scale without bias is not a BatchNorm's"
    return nn.Identity()


def inner_product(c_in: int, *, num_output: str) -> nn.Sequential:
    return nn.Sequential(nn.Flatten(), nn.Linear(c_in, int(num_output)))


class Sum(nn.Module):
    """Eltwise, whose default operation is SUM."""

    def __init__(self, c_in: int) -> None:
        super().__init__()

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return x + y


class ReLU(nn.Module):
    def __init__(self, c_in: int) -> None:
        super().__init__()

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x)


WINDOW = {"kernel_size": "", "stride": "1", "pad": "0"}
KINDS: dict[str, Callable[..., nn.Module]] = {
    "Convolution": convolution,
    "BatchNorm": batch_norm,
    "Scale": scale,
    "ReLU": ReLU,
    "Pooling": pooling,
    "Eltwise": Sum,
    "InnerProduct": inner_product,
}


class Graph(nn.Module):
    """A prototxt's layers, run in their order on named blobs: (B, 3, 224, 224) -> (B, 1000)."""

    def __init__(self, layers: list[Message]) -> None:
        super().__init__()
        self.layers, self.made, channels = layers, nn.ModuleDict(), {"data": 3}
        for before, layer in pairwise([{}, *layers]):
            given, c_in, (top,) = parameters(layer), channels[layer["bottom"][0]], layer["top"]
            kind = layer["type"][0]
            if kind == "Scale":
                assert (before["type"], before["top"]) == (["BatchNorm"], layer["bottom"])
            self.made[layer["name"][0]] = KINDS[kind](c_in, **given)
            channels[top] = int(given.get("num_output", c_in))

    def forward(self, x: Tensor) -> Tensor:
        blobs = {"data": x}
        for layer in self.layers:
            (name,), (top,) = layer["name"], layer["top"]
            blobs[top] = self.made[name](*(blobs[bottom] for bottom in layer["bottom"]))
        return blobs[top]

    def in_order_of_execution(self) -> list[nn.Module]:
        """branch1 is a unit's shortcut and comes first in the file: held back to the addition."""
        ordered, shortcut = [], []
        for name, module in self.made.items():
            (shortcut if name.endswith("branch1") else ordered).extend(layers_of(module))
            if isinstance(module, Sum):
                ordered, shortcut = ordered + shortcut, []
        return ordered


def network(repository: Path, path: str) -> tuple[Graph, int]:
    """A prototxt as a graph, and the number of elements of the biases that it leaves out."""
    layers = parse(iter(TOKEN.findall(read(repository, path))))["layer"]
    biased = [
        int(given["num_output"])
        for layer in layers
        if layer["type"] == ["Convolution"]
        and (given := parameters(layer)).get("bias_term", "true") == "true"
    ]
    return Graph([layer for layer in layers if layer["type"] != ["Softmax"]]), sum(biased)


def main(repository: Path) -> None:
    nets, sources = {}, []
    for depth in (50, 101, 152):
        path, ours = f"prototxt/ResNet-{depth}-deploy.prototxt", f"resnet{depth}_v1"
        graph, biases = network(repository, path)
        layers = graph.in_order_of_execution()
        nets[ours] = measure(graph, layers, ours=ours, args={}, size=224, batch=1)
        if biases:
            nets[ours]["note"] = NOTE.format(theirs=nets[ours]["params"] + biases)
        sources.append(source(REPOSITORY, repository, path))
    made_by = "tests/golden/record_caffe.py"
    write("caffe_resnet", source=sources, made_by=made_by, how=HOW + BATCHNORM, nets=nets)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(Path(sys.argv[1]))
