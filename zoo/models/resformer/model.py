"""ResFormer and SVFormer (Zhou et al., ACL 2025, 2410.17897), on LLaMA's architecture.

ids -> embeddings -> L x (x + attention(rms(x); V'_n), x + swiglu(rms(x))) -> rms -> output
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

from zoo.models.resformer.values import SharedValues, Values
from zoo.modules.attention import Attention, Rotary, head_width
from zoo.modules.connections import ResidualStream
from zoo.modules.decoder import Block, Decoder, Join, SwiGLU
from zoo.modules.norms import RMSNorm


class Transformer(Decoder):
    """The transformer of the paper's experiments: token ids (B, T) -> logits (B, T, vocab)."""

    def __init__(
        self,
        *,
        layers: int = 8,
        width: int = 512,
        heads: int = 8,
        hidden: int = 1792,
        vocab: int = 50277,
        context: int = 2048,
        connections: Join = ResidualStream,
    ) -> None:
        norm = partial(RMSNorm, width, eps=1e-5)

        def block(layer: int, join: ResidualStream) -> Block:
            values = join.values_of(layer) == layer
            attention = Attention(width, heads, bias=False, separate=True, values=values)
            return Block(attention, SwiGLU(width, hidden), norm, norms=join.norms(layer))

        super().__init__(
            sizes=(layers, width, vocab, context),
            block=block,
            norm=norm,
            connections=connections,
            rotary=Rotary(head_width(width, heads)),
        )
        self.initialise(last=0.02)  # transformers' LlamaConfig, on which the authors' code is


class ResFormer(Transformer):
    """With a value residual, of the form that `values` says (Values): Identity-ResFormer, if it
    says nothing."""

    def __init__(
        self,
        *,
        layers: int = 8,
        width: int = 512,
        heads: int = 8,
        hidden: int = 1792,
        vocab: int = 50277,
        context: int = 2048,
        values: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(
            layers=layers,
            width=width,
            heads=heads,
            hidden=hidden,
            vocab=vocab,
            context=context,
            connections=Values.of(values or {}).residual(),
        )


class SVFormer(Transformer):
    """All layers attend to the values of the first: its cache is (L + 1) / 2L of a transformer's,
    and L - 1 layers have no W^V."""

    def __init__(
        self,
        *,
        layers: int = 8,
        width: int = 512,
        heads: int = 8,
        hidden: int = 1792,
        vocab: int = 50277,
        context: int = 2048,
    ) -> None:
        super().__init__(
            layers=layers,
            width=width,
            heads=heads,
            hidden=hidden,
            vocab=vocab,
            context=context,
            connections=SharedValues,
        )
