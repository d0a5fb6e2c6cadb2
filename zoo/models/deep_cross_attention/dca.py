"""Depth-wise cross-attention (2502.06785, Sec. 3.2, Fig. 4), for any decoder of the zoo.

            +-> GRN -> q -+----------------+
f_0 .. f_t -+-> GRN -> k  +-> attention -> (+) -> feed-forward -> (+) -> f_{t+1}
            +-> GRN -> v -+            |                           |
                                       +---------------------------+

>>> zoo.create("gpt2", connections=DeepCrossAttention)
"""

from typing import Any, NamedTuple

from torch import Tensor, nn

from zoo.models.deep_cross_attention.grn import GRN, Window
from zoo.modules.connections import ResidualStream, Sublayer


class Stream(NamedTuple):
    """The input and the outputs of layers, and that of the attention of an unfinished one."""

    sources: tuple[Tensor, ...]  # (B, T, D) each
    query: Tensor | None = None  # the input of Q, (B, T, D)
    attended: Tensor | None = None


class GeneralizedResidual(ResidualStream):
    """One GRN before each layer but the first, and one after the last.

    The output of a layer is what its attention and its feed-forward network add. With `k`, a GRN
    sees the input, the last k outputs and the sum of those between (Sec. 3.1). Initially it is the
    plain residual stream.
    """

    instances = 1

    def __init__(
        self,
        layers: int,
        width: int,
        *,
        version: str = "v3",
        k: int | None = None,
        per_source: bool = False,
    ) -> None:
        super().__init__(layers, width)
        self.layers, self.window = layers, Window(k)
        self.grns = nn.ModuleList(
            GRN(
                width,
                self.window.size(outputs),
                version,
                instances=1 if outputs > layers else self.instances,
                per_source=per_source,
            )
            for outputs in range(2, layers + 2)
        )

    def expand(self, x: Tensor) -> Stream:
        return Stream((x,))

    def read(self, sublayer: Sublayer, stream: Stream) -> tuple[Tensor, Any]:
        if not sublayer.is_attention:
            x: Any = stream.query
            return x + stream.attended, stream
        if sublayer.layer == 0:
            return stream.sources[0], Stream(stream.sources, stream.sources[0])
        ways = self.grns[sublayer.layer - 1](stream.sources)
        query = ways[:, :, 0]
        return query if self.instances == 1 else ways, Stream(stream.sources, query)

    def write(self, sublayer: Sublayer, stream: Stream, residual: Any, out: Tensor) -> Stream:
        if residual.attended is not None:
            out = residual.attended + out
        if not sublayer.is_last:
            return Stream(residual.sources, residual.query, out)
        return Stream(self.window.add(residual.sources, out))

    def collapse(self, stream: Stream) -> Tensor:
        x: Tensor = self.grns[self.layers - 1](stream.sources)[:, :, 0]
        return x


class DeepCrossAttention(GeneralizedResidual):
    """Three GRNs before each layer but the first, for queries, keys and values, and three norms."""

    multiway = True
    instances = 3

    def norms(self, layer: int) -> int:
        return 3

    def ways(self, layer: int) -> int:
        return self.instances if layer else 1
