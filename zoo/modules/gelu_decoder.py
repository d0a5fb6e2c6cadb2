"""A decoder of pre-norm layers with LayerNorm, GELU and learnt positions, as GPT-2 has it.

ids -> wte + wpe -> L x (x + attention(ln(x)), x + mlp(ln(x))) -> ln -> wte^T
"""

from functools import partial

from torch import nn

from zoo.modules.attention import Attention
from zoo.modules.connections import ResidualStream
from zoo.modules.decoder import Block, Connections, Decoder, DecoderSize, FeedForward


class GELUDecoder(Decoder):
    """Token ids (B, T) -> logits (B, T, vocab). `gelu` is "tanh" or "none", the exact form."""

    def __init__(
        self,
        *,
        size: DecoderSize,
        gelu: str = "tanh",
        dropout: float = 0.0,
        connections: Connections = ResidualStream,
    ) -> None:
        norm = partial(nn.LayerNorm, size.width)

        def block(layer: int, stream: ResidualStream) -> Block:
            attention = Attention(
                size.width,
                size.heads,
                bias=True,
                separate=stream.multiway,
                values=stream.value_layer(layer) == layer,
                dropout=dropout,
            )
            mlp = FeedForward(size.width, size.ffn_width, gelu=gelu)
            return Block(attention, mlp, norm, norms=stream.norms(layer), dropout=dropout)

        super().__init__(
            size=size, block=block, norm=norm, connections=connections, tied=True, dropout=dropout
        )
