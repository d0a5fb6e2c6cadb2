"""A decoder of pre-norm layers with SwiGLU, as LLaMA and OLMo have it.

ids -> embeddings -> L x (x + attention(norm(x)), x + swiglu(norm(x))) -> norm -> output
"""

from collections.abc import Callable
from functools import partial

from torch import nn

from zoo.modules.attention import Attention, Rotary, head_width
from zoo.modules.connections import ResidualStream
from zoo.modules.decoder import Block, Connections, Decoder, DecoderSize, SwiGLU


class PlainNorm(nn.LayerNorm):
    """LayerNorm without parameters (OLMo, 2402.00838): (..., width) -> (..., width)."""

    def __init__(self, width: int) -> None:
        super().__init__(width, eps=1e-5, elementwise_affine=False)


class SwiGLUDecoder(Decoder):
    """Rotary positions on whole heads, no biases: token ids (B, T) -> logits (B, T, vocab).

    With `separate`, Q, K and V have projections of their own; with `qk_eps`, a norm. `kv_heads` as
    in Attention; by default a Rotary's base is 10,000.
    """

    def __init__(
        self,
        *,
        size: DecoderSize,
        norm: Callable[..., nn.Module],
        separate: bool = False,
        qk_eps: float | None = None,
        tied: bool = False,
        connections: Connections = ResidualStream,
        kv_heads: int | None = None,
        rotary: Callable[[int], Rotary] = Rotary,
    ) -> None:
        def block(layer: int, stream: ResidualStream) -> Block:
            attention = Attention(
                size.width,
                size.heads,
                bias=False,
                separate=separate or stream.multiway,
                values=stream.value_layer(layer) == layer,
                qk_eps=qk_eps,
                kv_heads=kv_heads,
            )
            swiglu = SwiGLU(size.width, size.ffn_width)
            return Block(attention, swiglu, partial(norm, size.width), norms=stream.norms(layer))

        super().__init__(
            size=size,
            block=block,
            norm=partial(norm, size.width),
            connections=connections,
            rotary=rotary(head_width(size.width, size.heads)),
            tied=tied,
        )
