"""LAuReL in a decoder (2411.07501, Sec. 3.2 and 4.3): here on GPT-2.

x_i -> attention -> (+) -> feed-forward -> (+) = x_i + f      x_{i+1} = alpha f + beta g(x_i, ..)

One LAuReL a layer, as the paper counts (2N(4D + 1) for rank 4, Sec. 3.2.1); f is the sum of the
attention and the feed-forward network. Its language models of 1B, 4B and 157M are not described.
"""

from dataclasses import replace
from functools import partial
from typing import Any

from torch import Tensor, nn

from zoo.models.laurel.residual import K, Laurel
from zoo.modules.connections import ResidualStream, Sublayer
from zoo.modules.decoder import DecoderSize
from zoo.modules.gelu_decoder import GELUDecoder


class LaurelStream(ResidualStream):
    """The stream: f (None at the start of a layer) and x_i, x_{i-1}, .. of (B, T, D) each."""

    def __init__(
        self, layers: int, width: int, *, parts: str, rank: int, normalisation: str
    ) -> None:
        super().__init__(layers, width)
        make = partial(
            Laurel, width, parts=parts, rank=rank, normalisation=normalisation, language=True
        )
        self.merges = nn.ModuleList(make(earlier=min(i + 1, K)) for i in range(layers))
        self.history = K if "pa" in parts else 1

    def expand(self, x: Tensor) -> Any:
        return None, x

    def read(self, sublayer: Sublayer, stream: Any) -> tuple[Tensor, Any]:
        f, x, *_ = stream
        return (x if f is None else x + f), stream

    def write(self, sublayer: Sublayer, stream: Any, residual: Any, out: Tensor) -> Any:
        f, *xs = residual
        f = out if f is None else f + out
        if not sublayer.is_last:
            return f, *xs
        return None, self.merges[sublayer.layer](f, *xs), *xs[: self.history - 1]

    def collapse(self, stream: Any) -> Tensor:
        x: Tensor = stream[1]
        return x


class LAuReLGPT2(GELUDecoder):
    """Token ids (B, T) -> logits (B, T, vocab); `rank` is Sec. 4.3's by default.

    Raises ValueError for parts, a normalisation or a rank that the paper lacks.
    """

    size = DecoderSize(layers=12, width=768, heads=12, vocab=50257, context=1024)

    def __init__(
        self,
        *,
        parts: str = "rw+lr",
        rank: int = 32,
        normalisation: str = "softmax",
        **dims: int,
    ) -> None:
        stream = partial(LaurelStream, parts=parts, rank=rank, normalisation=normalisation)
        super().__init__(size=replace(self.size, **dims), connections=stream)
