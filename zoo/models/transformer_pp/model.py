"""Transformer++: the transformer of LLaMA (Touvron et al. 2023, 2302.13971), without its weights.

ids -> embeddings -> L x (x + attention(rms(x)), x + swiglu(rms(x))) -> rms -> output
"""

from functools import partial

from zoo.modules.attention import Attention, Rotary, head_width
from zoo.modules.connections import ResidualStream
from zoo.modules.decoder import Block, Decoder, Join, SwiGLU
from zoo.modules.norms import RMSNorm


class TransformerPP(Decoder):
    """Token ids (B, T) -> logits (B, T, vocab), by rotary positions, RMSNorm, SwiGLU, no biases."""

    def __init__(
        self,
        *,
        layers: int = 24,
        width: int = 1024,
        heads: int = 16,
        hidden: int = 2816,
        vocab: int = 50432,
        context: int = 2048,
        qk_norm: bool = False,
        connections: Join = ResidualStream,
    ) -> None:
        eps = 1e-6
        norm = partial(RMSNorm, width, eps=eps)

        def block(layer: int, join: ResidualStream) -> Block:
            separate, qk_eps = join.multiway, eps if qk_norm else None
            values = join.values_of(layer) == layer
            attention = Attention(
                width, heads, bias=False, separate=separate, values=values, qk_eps=qk_eps
            )
            return Block(attention, SwiGLU(width, hidden), norm, norms=join.norms(layer))

        super().__init__(
            sizes=(layers, width, vocab, context),
            block=block,
            norm=norm,
            connections=connections,
            rotary=Rotary(head_width(width, heads)),
        )
        self.initialise_xavier()  # as 2502.12170 (Sec. 3) says of its baseline
