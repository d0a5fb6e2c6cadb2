"""ResFormer and SVFormer (Zhou et al., ACL 2025, 2410.17897), on LLaMA's architecture.

ids -> embeddings -> L x (x + attention(rms(x); V'_n), x + swiglu(rms(x))) -> rms -> output
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from zoo.models.resformer.values import SharedValues, Values
from zoo.modules.connections import ResidualStream
from zoo.modules.decoder import Connections, DecoderSize
from zoo.modules.norms import RMSNorm
from zoo.modules.swiglu_decoder import SwiGLUDecoder


class Transformer(SwiGLUDecoder):
    """The transformer of the paper's experiments: token ids (B, T) -> logits (B, T, vocab)."""

    size = DecoderSize(layers=8, width=512, heads=8, hidden=1792, vocab=50277, context=2048)

    def __init__(self, *, connections: Connections = ResidualStream, **dims: int) -> None:
        size, norm = replace(self.size, **dims), partial(RMSNorm, eps=1e-5)
        super().__init__(size=size, norm=norm, separate=True, connections=connections)
        self.initialise(last=0.02)  # transformers' LlamaConfig, on which the authors' code is


class ResFormer(Transformer):
    """With a value residual; `values` are fields of Values, Identity-ResFormer's by default."""

    def __init__(self, *, values: Mapping[str, Any] | None = None, **dims: int) -> None:
        super().__init__(connections=Values.from_dict(values or {}).connections(), **dims)


class SVFormer(Transformer):
    """All layers attend to the values of the first.

    Its cache is (L + 1) / 2L of a transformer's, and L - 1 layers have no W^V.
    """

    def __init__(self, **dims: int) -> None:
        super().__init__(connections=SharedValues, **dims)
