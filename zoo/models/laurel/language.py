"""LAuReL in a decoder (2411.07501, Sec. 3.2 and 4.3): here on GPT-2.

x_i -> attention -> (+) -> feed-forward -> (+) = x_i + f      x_{i+1} = alpha f + beta g(x_i, ..)

One LAuReL a layer, as the paper counts (2N(4D + 1) for rank 4, Sec. 3.2.1); f is what attention and
feed-forward network add together. Its own language models, of 1B, 4B and 157M, are not described.
"""

from functools import partial
from typing import Any

from torch import Tensor, nn

from zoo.models.laurel.residual import K, Laurel
from zoo.modules.attention import Attention
from zoo.modules.connections import ResidualStream, Sublayer
from zoo.modules.decoder import Block, Decoder, FeedForward


class LaurelStream(ResidualStream):
    """The stream is f, None at the start of a layer, and x_i, x_{i-1}, .. (B, T, D) each."""

    def __init__(
        self, layers: int, width: int, *, parts: str, rank: int, normalisation: str
    ) -> None:
        super().__init__(layers, width)
        make = partial(
            Laurel, width, parts=parts, rank=rank, normalisation=normalisation, spread=True
        )
        self.joins = nn.ModuleList(make(earlier=min(i + 1, K)) for i in range(layers))
        self.kept = K if "pa" in parts else 1

    def open(self, x: Tensor) -> Any:
        return None, x

    def before(self, step: Sublayer, stream: Any) -> tuple[Tensor, Any]:
        f, x, *_ = stream
        return (x if f is None else x + f), stream

    def after(self, step: Sublayer, stream: Any, residual: Any, out: Tensor) -> Any:
        f, *xs = residual
        f = out if f is None else f + out
        if not step.ends:
            return f, *xs
        return None, self.joins[step.layer](f, *xs), *xs[: self.kept - 1]

    def close(self, stream: Any) -> Tensor:
        x: Tensor = stream[1]
        return x


class LAuReLGPT2(Decoder):
    """Token ids (B, T) -> logits (B, T, vocab). Raises ValueError for parts, a normalisation or a
    rank that the paper lacks; `rank` is Sec. 4.3's by default."""

    def __init__(
        self,
        *,
        parts: str = "rw+lr",
        rank: int = 32,
        normalisation: str = "softmax",
        layers: int = 12,
        width: int = 768,
        heads: int = 12,
        vocab: int = 50257,
        context: int = 1024,
    ) -> None:
        norm = partial(nn.LayerNorm, width)

        def block(layer: int, join: ResidualStream) -> Block:
            attention = Attention(width, heads, bias=True)
            return Block(attention, FeedForward(width, 4 * width, gelu="tanh"), norm)

        stream = partial(LaurelStream, parts=parts, rank=rank, normalisation=normalisation)
        super().__init__(
            sizes=(layers, width, vocab, context),
            block=block,
            norm=norm,
            connections=stream,
            tied=True,
        )
