"""Transformer++: the transformer of LLaMA (Touvron et al. 2023, 2302.13971), without its weights.

ids -> embeddings -> L x (x + attention(rms(x)), x + swiglu(rms(x))) -> rms -> output
"""

from dataclasses import replace
from functools import partial

from zoo.modules.connections import ResidualStream
from zoo.modules.decoder import Connections, DecoderSize
from zoo.modules.norms import RMSNorm
from zoo.modules.swiglu_decoder import SwiGLUDecoder

EPS = 1e-6


class TransformerPP(SwiGLUDecoder):
    """Token ids (B, T) -> logits (B, T, vocab), by rotary positions, RMSNorm, SwiGLU, no biases."""

    size = DecoderSize(layers=24, width=1024, heads=16, hidden=2816, vocab=50432, context=2048)

    def __init__(
        self, *, qk_norm: bool = False, connections: Connections = ResidualStream, **dims: int
    ) -> None:
        norm, qk_eps = partial(RMSNorm, eps=EPS), EPS if qk_norm else None
        size = replace(self.size, **dims)
        super().__init__(size=size, norm=norm, qk_eps=qk_eps, connections=connections)
        self.initialise_xavier()  # as 2502.12170 (Sec. 3) says of its baseline
