"""OLMo (2402.00838) with a hole for the residual stream.

ids -> embeddings -> L x (x + attention(norm(x)), x + swiglu(norm(x))) -> norm -> output

After configs/official/OLMo-1B.yaml and OLMo-7B.yaml of github.com/allenai/OLMo: rotary positions,
no biases, and a norm without parameters.
"""

from functools import partial

from torch import nn

from zoo.modules.attention import Attention, Rotary, head_width
from zoo.modules.connections import ResidualStream
from zoo.modules.decoder import Block, Decoder, Join, SwiGLU


class PlainNorm(nn.LayerNorm):
    """LayerNorm without parameters: (..., width) -> (..., width)."""

    def __init__(self, width: int) -> None:
        super().__init__(width, eps=1e-5, elementwise_affine=False)


class OLMo(Decoder):
    """Token ids (B, T) -> logits (B, T, vocab). `hidden` is half of OLMo's mlp_hidden_size, which
    counts both halves of SwiGLU."""

    def __init__(
        self,
        *,
        layers: int = 16,
        width: int = 2048,
        heads: int = 16,
        hidden: int = 8192,
        vocab: int = 50304,
        context: int = 2048,
        tied: bool = True,
        connections: Join = ResidualStream,
    ) -> None:
        norm = partial(PlainNorm, width)

        def block(layer: int, join: ResidualStream) -> Block:
            attention = Attention(width, heads, bias=False, separate=join.multiway)
            return Block(attention, SwiGLU(width, hidden), norm, norms=join.norms(layer))

        super().__init__(
            sizes=(layers, width, vocab, context),
            block=block,
            norm=norm,
            connections=connections,
            rotary=Rotary(head_width(width, heads)),
            tied=tied,
        )
