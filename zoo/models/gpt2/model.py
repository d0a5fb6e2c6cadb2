"""GPT-2 (Radford et al. 2019), as OpenAI's checkpoints and nanoGPT have it.

ids -> wte + wpe -> L x (x + attention(ln(x)), x + mlp(ln(x))) -> ln -> wte^T
"""

from functools import partial

from torch import nn

from zoo.modules.attention import Attention
from zoo.modules.connections import ResidualStream
from zoo.modules.decoder import Block, Decoder, FeedForward, Join


class GPT2(Decoder):
    """Token ids (B, T) -> logits (B, T, vocab): T of at most `context` learnt positions.

    The tanh form of GELU is that of OpenAI's code and weights; nanoGPT has the exact one ("none").
    """

    def __init__(
        self,
        *,
        layers: int = 12,
        width: int = 768,
        heads: int = 12,
        vocab: int = 50257,
        context: int = 1024,
        gelu: str = "tanh",
        dropout: float = 0.0,
        connections: Join = ResidualStream,
    ) -> None:
        norm = partial(nn.LayerNorm, width)

        def block(layer: int, join: ResidualStream) -> Block:
            separate, norms = join.multiway, join.norms(layer)
            values = join.values_of(layer) == layer
            return Block(
                Attention(
                    width, heads, bias=True, separate=separate, values=values, dropout=dropout
                ),
                FeedForward(width, 4 * width, gelu=gelu),
                norm,
                norms=norms,
                dropout=dropout,
            )

        super().__init__(
            sizes=(layers, width, vocab, context),
            block=block,
            norm=norm,
            connections=connections,
            tied=True,
            dropout=dropout,
        )
