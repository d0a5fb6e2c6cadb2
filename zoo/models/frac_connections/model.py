"""OLMo with frac-connections (Zhu et al. 2025, 2503.14125).

ids -> embeddings -> (m fractions: Y, A -> norm, attention or SwiGLU -> B) x 2 L -> norm -> output
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from zoo.models.frac_connections.frac import FracConnections
from zoo.modules.decoder import DecoderSize
from zoo.modules.swiglu_decoder import PlainNorm, SwiGLUDecoder

OPTIONS = ("m", "dynamic")


class FracOLMo(SwiGLUDecoder):
    """Token ids (B, T) -> logits (B, T, vocab).

    `frac` may set `m`, the frac-rate, and `dynamic` weights (DFC, not SFC).
    """

    size = DecoderSize(layers=16, width=2048, heads=16, hidden=8192, vocab=50304, context=2048)

    def __init__(
        self, *, tied: bool = True, frac: Mapping[str, Any] | None = None, **dims: int
    ) -> None:
        for key in frac or {}:
            if key not in OPTIONS:
                raise ValueError(f"choices of frac-connections are m, dynamic, not {key!r}")
        connections = partial(FracConnections, **dict(frac or {}))
        size = replace(self.size, **dims)
        super().__init__(size=size, norm=PlainNorm, tied=tied, connections=connections)
