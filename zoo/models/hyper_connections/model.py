"""OLMo with hyper-connections (Zhu et al., ICLR 2025, 2409.19606).

ids -> embeddings -> n copies -> (A_m, A_r -> norm, attention or SwiGLU -> B) x 2 L -> sum -> norm
    -> output
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

from zoo.models.hyper_connections.hyper import HyperConnections
from zoo.modules.olmo import OLMo

CHOICES = ("n", "dynamic", "tanh")


def chosen(hyper: Mapping[str, Any] | None) -> "partial[HyperConnections]":
    """The connections that a mapping asks for. Raises ValueError for a key that is no choice."""
    for key in hyper or {}:
        if key not in CHOICES:
            raise ValueError(f"choices of hyper-connections are {', '.join(CHOICES)}, not {key!r}")
    return partial(HyperConnections, **dict(hyper or {}))


class PreNormOLMo(OLMo):
    """What it is compared with: OLMo with residual connections, as the trunk has it."""


class HyperOLMo(OLMo):
    """Token ids (B, T) -> logits (B, T, vocab). `hyper` may say `n`, the expansion rate; whether
    weights are `dynamic` (DHC, not SHC); and whether through a `tanh`.

    What writes to the streams begins sqrt(n) times as large (Sec. 4, Implementation).
    """

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
        hyper: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(
            layers=layers,
            width=width,
            heads=heads,
            hidden=hidden,
            vocab=vocab,
            context=context,
            tied=tied,
            connections=chosen(hyper),
        )
        rate: Any = self.connections.n
        self.initialise(0.02, 0.02 * (rate / (2 * layers)) ** 0.5)
