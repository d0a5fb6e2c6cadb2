"""Golden logits of the authors' P3D-199, of which only the prototxts are needed.

uv run python tests/golden/record_p3d.py PATH

PATH is a clone (or bare repository) of ZhaofanQiu/pseudo-3d-residual-networks. The networks are run
as their files say, but with an eighth of the channels; their sizes are those of the whole.
"""

import re
import sys
from pathlib import Path
from typing import Any

import torch
from fill import clips, fill, layers_of
from record import HOW, read, source, write
from record_caffe import TOKEN, Message, parse
from torch import Tensor, nn

REPOSITORY = "ZhaofanQiu/pseudo-3d-residual-networks"
NARROWER = 8
BATCH = 1
NETS = {"p3d199": "kinetics", "p3d199_flow": "kinetics_flow", "p3d199_sports1m": "sports1m"}
NARROW = f" Every convolution has 1 / {NARROWER} of its channels; `params` is of the whole network."


def numbers(values: list[str], size: int) -> Any:
    """One number for all dimensions, or one of each."""
    return tuple(map(int, values * size if len(values) == 1 else values))


def convolution(c_in: int, given: Message, narrower: int) -> nn.Module:
    """Of as many dimensions as it has strides; without bias."""
    assert given["bias_term"] == ["false"]
    kind = nn.Conv3d if len(given["kernel_size"]) == 3 else nn.Conv2d
    size = 3 if kind is nn.Conv3d else 2
    window = [numbers(given[key], size) for key in ("kernel_size", "stride", "pad")]
    return kind(c_in, int(given["num_output"][0]) // narrower, *window, bias=False)


def pooling3d(given: Message) -> nn.Module:
    """Pooling3D rounds the size of its output up (pooling3d_layer.cpp)."""
    assert (given["pool"], given["pad"], given["pad_l"]) == (["MAX"], ["0"], ["0"])
    kernel, stride = (
        (int(given[f"{key}_l"][0]), *numbers(given[full], 2))
        for key, full in (("kernel", "kernel_size"), ("stride", "stride"))
    )
    return nn.MaxPool3d(kernel, stride, ceil_mode=True)


class Graph(nn.Module):
    """A prototxt's layers, run in their order on named blobs: clip -> logits."""

    def __init__(self, layers: list[Message], narrower: int) -> None:
        super().__init__()
        self.layers, self.built = layers, nn.ModuleDict()
        channels, dims = {}, {}
        for layer in layers:
            (name,), (kind,), (top,) = layer["name"], layer["type"], layer["top"]
            (given,) = [v[0] for k, v in layer.items() if k.endswith("_param")][-1:] or [{}]
            if kind == "Input":
                channels[top], dims[top] = int(given["shape"][0]["dim"][1]), 3
                continue
            c_in, size = channels[layer["bottom"][0]], dims[layer["bottom"][0]]
            if kind == "Convolution":
                self.built[name] = convolution(c_in, given, narrower)
                c_in = self.built[name].out_channels
            elif kind == "BN":
                self.built[name] = (nn.BatchNorm3d if size == 3 else nn.BatchNorm2d)(c_in, eps=1e-5)
            elif kind == "Pooling3D":
                self.built[name] = pooling3d(given)
            elif kind == "InnerProduct":
                self.built[name] = nn.Linear(c_in, int(given["num_output"][0]))
            elif kind == "Reshape":
                assert given["shape"][0]["dim"][:2] == ["0", "0"]
            channels[top], dims[top] = c_in, 2 if kind == "Reshape" else size

    def forward(self, x: Tensor) -> Tensor:
        blobs = {"data": x}
        for layer in self.layers[1:]:
            (name,), (kind,), (top,) = layer["name"], layer["type"], layer["top"]
            inputs = [blobs[bottom] for bottom in layer["bottom"]]
            if kind == "Eltwise":
                weights = layer["eltwise_param"][0].get("coeff", ["1", "1"])
                blobs[top] = sum(float(w) * y for w, y in zip(weights, inputs, strict=True))
            elif kind == "ReLU":
                blobs[top] = inputs[0].relu()
            elif kind == "Reshape":
                rows, columns = map(int, layer["reshape_param"][0]["shape"][0]["dim"][2:])
                blobs[top] = inputs[0].reshape(*inputs[0].shape[:2], rows, columns)
            elif kind == "Pooling":
                assert layer["pooling_param"][0]["global_pooling"] == ["true"]
                blobs[top] = inputs[0].mean((2, 3))
            elif kind == "Dropout":
                blobs[top] = inputs[0]
            else:
                blobs[top] = self.built[name](inputs[0])
        return blobs[top]

    def in_order_of_execution(self) -> list[nn.Module]:
        """branch1 is a unit's shortcut and comes first in the file: held back to the unit's end."""
        ordered, shortcut = [], []
        for layer in self.layers:
            (name,) = layer["name"]
            if name in self.built:
                (shortcut if name.endswith("branch1") else ordered).extend(
                    layers_of(self.built[name])
                )
            if layer["type"] == ["Eltwise"] and not name.endswith("_st"):
                ordered, shortcut = ordered + shortcut, []
        return ordered


def network(text: str, narrower: int) -> Graph:
    """A prototxt as a graph, without its softmax."""
    layers = parse(iter(TOKEN.findall(re.sub(r"#.*", "", text))))["layer"]
    return Graph([layer for layer in layers if layer["type"] != ["Softmax"]], narrower)


def main(repository: Path) -> None:
    nets, sources = {}, []
    for name, data in NETS.items():
        path = f"prototxt/deploy_p3d_resnet_{data}.prototxt"
        text = read(repository, path)
        with torch.device("meta"):
            params = sum(p.numel() for p in network(text, 1).parameters())
        graph = network(text, NARROWER)
        fill(graph.in_order_of_execution())
        channels = graph.built["conv1"].in_channels
        with torch.inference_mode():
            logits = graph.eval()(clips(channels, BATCH))[:, :10].tolist()
        nets[name] = {"params": params, "channels": channels, "logits": logits}
        sources.append(source(REPOSITORY, repository, path))
        print(name, params, logits[0][:3])
    made_by = "tests/golden/record_p3d.py"
    write("p3d", source=sources, made_by=made_by, how=HOW + NARROW, nets=nets)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(Path(sys.argv[1]))
