"""Depth-weighted averages (2402.02622): after each layer, a weighted sum of all outputs so far.

X_0 (embeddings), X_1 .. X_i -> Y_i = sum_j a_ij X_j -> the next layer

>>> zoo.create("gpt2", connections=DepthWeightedAverage)
"""

from typing import Any

import torch
from torch import Tensor, nn

from zoo.modules.connections import ResidualStream, Sublayer


class DepthWeightedAverage(ResidualStream):
    """The outputs of all layers, with static weights: DenseFormer, of dilation and period 1.

    Initially a_ii = 1 and all others 0: the plain residual stream, exactly.
    """

    def __init__(self, layers: int, width: int) -> None:
        super().__init__(layers, width)
        last = [torch.eye(i + 2)[-1] for i in range(layers)]
        self.weights = nn.ParameterList(nn.Parameter(a) for a in last)

    def expand(self, x: Tensor) -> tuple[tuple[Tensor, ...], Tensor]:
        return (x,), x

    def read(self, sublayer: Sublayer, stream: Any) -> tuple[Tensor, Any]:
        return stream[1], stream[1]

    def write(self, sublayer: Sublayer, stream: Any, residual: Tensor, out: Tensor) -> Any:
        outputs, x = stream[0], residual + out
        if not sublayer.is_last:
            return outputs, x
        outputs = (*outputs, x)
        weights = self.weights[sublayer.layer]
        return outputs, sum(a * y for a, y in zip(weights, outputs, strict=True))

    def collapse(self, stream: Any) -> Tensor:
        x: Tensor = stream[1]
        return x
