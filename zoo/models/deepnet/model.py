"""DeepNet (Wang et al. 2022, 2203.00555) as a decoder by itself.

ids -> embeddings + positions -> L x (LN(alpha x + attention(x)), LN(alpha x + mlp(x))) -> output
"""

from dataclasses import replace
from functools import partial

from torch import nn

from zoo.models.deepnet.deepnorm import DeepNorm, decoder_constants, draw_weights
from zoo.modules.attention import Attention
from zoo.modules.connections import ResidualStream
from zoo.modules.decoder import Block, Decoder, DecoderSize, FeedForward


class DeepNet(Decoder):
    """Token ids (B, T) -> logits (B, T, vocab).

    `alpha` scales the skips and `beta` the first weights, by default those of a decoder with as
    many layers (Sec. 4.3); both 1 are the post-norm transformer.
    """

    size = DecoderSize(layers=6, width=512, heads=8, hidden=2048, vocab=257, context=256)

    def __init__(
        self, *, alpha: float | None = None, beta: float | None = None, **dims: int
    ) -> None:
        size = replace(self.size, **dims)
        constants = decoder_constants(size.layers)

        def block(layer: int, stream: ResidualStream) -> Block:
            attention = Attention(size.width, size.heads, bias=True, separate=True)
            mlp = FeedForward(size.width, size.ffn_width)
            return Block(attention, mlp, nn.Identity, norms=stream.norms(layer))

        super().__init__(
            size=size, block=block, norm=nn.Identity, connections=partial(DeepNorm, alpha=alpha)
        )
        draw_weights(self, constants.beta if beta is None else beta)
