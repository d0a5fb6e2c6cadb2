"""Golden logits of the authors' Residual Attention Networks, from their Caffe prototxts.

uv run python tests/golden/record_attention.py PATH

PATH is a clone (or bare repository) of fwang91/residual-attention-network.
"""

import sys
from pathlib import Path

import torch
import torch.nn.functional as F
from fill import layers_of
from record import HOW, measure, read, source, write
from record_caffe import KINDS, TOKEN, Graph, parse
from torch import Tensor, nn

REPOSITORY = "fwang91/residual-attention-network"
CAFFE = (
    " Layers are as in the authors' Caffe: BN is scale and shift by stored statistics, eps 1e-5; "
    "Interp goes to the size of its second input, corner to corner. Softmax is left out."
)


def convolution(c_in: int, *, num_output: str, bias_term: str, **window: str) -> nn.Conv2d:
    assert bias_term == "false", "a bias would have no layer in the zoo"
    names = {"stride": "1", "pad": "0", "group": "1"}
    stride, pad, groups = (int(window.pop(name, default)) for name, default in names.items())
    kernel = int(window.pop("kernel_size"))
    assert not window, f"the graph knows nothing of {window}"
    return nn.Conv2d(c_in, int(num_output), kernel, stride, pad, groups=groups, bias=False)


def batch_norm(c_in: int, *, frozen: str) -> nn.BatchNorm2d:
    """With scale and shift in one layer."""
    return nn.BatchNorm2d(c_in)


class Eltwise(nn.Module):
    def __init__(self, c_in: int, *, operation: str) -> None:
        super().__init__()
        self.operation = {"SUM": torch.add, "PROD": torch.mul}[operation]

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return self.operation(x, y)


class Interp(nn.Module):
    def __init__(self, c_in: int) -> None:
        super().__init__()

    def forward(self, x: Tensor, like: Tensor) -> Tensor:
        return F.interpolate(x, like.shape[-2:], mode="bilinear", align_corners=True)


def sigmoid(c_in: int) -> nn.Module:
    return nn.Sigmoid()


KINDS |= {
    "Convolution": convolution,
    "BN": batch_norm,
    "Eltwise": Eltwise,
    "Interp": Interp,
    "Sigmoid": sigmoid,
}


def main(repository: Path) -> None:
    nets, sources = {}, []
    for theirs, ours in (
        ("Attention-56", "resattnet56"),
        ("AttentionNeXt-56", "resattnext56"),
        ("Attention-92", "resattnet92"),
    ):
        path = f"imagenet_model/{theirs}-deploy.prototxt"
        layers = parse(iter(TOKEN.findall(read(repository, path))))["layer"]
        graph = Graph([layer for layer in layers if layer["type"] != ["Softmax"]])
        nets[ours] = measure(graph, layers_of(graph), ours=ours, args={}, size=224, batch=1)
        sources.append(source(REPOSITORY, repository, path))
    made_by = "tests/golden/record_attention.py"
    write("residual_attention", source=sources, made_by=made_by, how=HOW + CAFFE, nets=nets)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(Path(sys.argv[1]))
