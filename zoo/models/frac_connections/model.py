"""OLMo with frac-connections (Zhu et al. 2025, 2503.14125).

ids -> embeddings -> (m fractions: Y, A -> norm, attention or SwiGLU -> B) x 2 L -> norm -> output
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

from zoo.models.frac_connections.frac import FracConnections
from zoo.modules.olmo import OLMo

CHOICES = ("m", "dynamic")


class FracOLMo(OLMo):
    """Token ids (B, T) -> logits (B, T, vocab). `frac` may say `m`, the frac-rate, and whether
    weights are `dynamic` (DFC, not SFC)."""

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
        frac: Mapping[str, Any] | None = None,
    ) -> None:
        for key in frac or {}:
            if key not in CHOICES:
                raise ValueError(f"choices of frac-connections are m, dynamic, not {key!r}")
        super().__init__(
            layers=layers,
            width=width,
            heads=heads,
            hidden=hidden,
            vocab=vocab,
            context=context,
            tied=tied,
            connections=partial(FracConnections, **dict(frac or {})),
        )
