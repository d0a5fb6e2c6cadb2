"""Pythia (Biderman et al. 2023, 2304.01373): GPT-NeoX, attention and feed-forward in parallel.

ids -> embeddings -> L x (x + attention(ln1(x)) + mlp(ln2(x))) -> ln -> output
"""

from dataclasses import replace
from functools import partial

from torch import nn

from zoo.modules.attention import Attention, Rotary, head_width
from zoo.modules.connections import ResidualStream
from zoo.modules.decoder import Block, Connections, Decoder, DecoderSize, FeedForward

EPS = 1e-5


class Pythia(Decoder):
    """Token ids (B, T) -> logits (B, T, vocab), with rotary positions on a quarter of each head."""

    size = DecoderSize(layers=24, width=1024, heads=16, vocab=50304, context=2048)

    def __init__(
        self, *, qk_norm: bool = False, connections: Connections = ResidualStream, **dims: int
    ) -> None:
        size = replace(self.size, **dims)
        norm = partial(nn.LayerNorm, size.width, eps=EPS)

        def block(layer: int, stream: ResidualStream) -> Block:
            attention = Attention(
                size.width,
                size.heads,
                bias=True,
                separate=stream.multiway,
                values=stream.value_layer(layer) == layer,
                qk_eps=EPS if qk_norm else None,
            )
            mlp = FeedForward(size.width, size.ffn_width)
            return Block(attention, mlp, norm, norms=stream.norms(layer), parallel=True)

        super().__init__(
            size=size,
            block=block,
            norm=norm,
            connections=connections,
            rotary=Rotary(head_width(size.width, size.heads) // 4),
        )
        # small_init and wang_init of GPT-NeoX, which Pythia's configurations name
        self.initialise(std=(2 / (5 * size.width)) ** 0.5, last=2 / size.layers / size.width**0.5)
