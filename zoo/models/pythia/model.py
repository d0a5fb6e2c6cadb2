"""Pythia (Biderman et al. 2023, 2304.01373): GPT-NeoX, attention and feed-forward in parallel.

ids -> embeddings -> L x (x + attention(ln1(x)) + mlp(ln2(x))) -> ln -> output
"""

from functools import partial

from torch import nn

from zoo.modules.attention import Attention, Rotary, head_width
from zoo.modules.connections import ResidualStream
from zoo.modules.decoder import Block, Decoder, FeedForward, Join


class Pythia(Decoder):
    """Token ids (B, T) -> logits (B, T, vocab): a quarter of each head is turned."""

    def __init__(
        self,
        *,
        layers: int = 24,
        width: int = 1024,
        heads: int = 16,
        vocab: int = 50304,
        context: int = 2048,
        qk_norm: bool = False,
        connections: Join = ResidualStream,
    ) -> None:
        eps = 1e-5
        norm = partial(nn.LayerNorm, width, eps=eps)

        def block(layer: int, join: ResidualStream) -> Block:
            separate, qk_eps = join.multiway, eps if qk_norm else None
            values = join.values_of(layer) == layer
            return Block(
                Attention(width, heads, bias=True, separate=separate, values=values, qk_eps=qk_eps),
                FeedForward(width, 4 * width),
                norm,
                norms=join.norms(layer),
                parallel=True,
            )

        super().__init__(
            sizes=(layers, width, vocab, context),
            block=block,
            norm=norm,
            connections=connections,
            rotary=Rotary(head_width(width, heads) // 4),
        )
        # small_init and wang_init of GPT-NeoX, which Pythia's configurations name
        self.initialise(std=(2 / (5 * width)) ** 0.5, last=2 / layers / width**0.5)
