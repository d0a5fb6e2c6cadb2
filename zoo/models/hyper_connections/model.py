"""OLMo with hyper-connections (Zhu et al., ICLR 2025, 2409.19606).

ids -> embeddings -> n copies -> (A_m, A_r -> norm, attention or SwiGLU -> B) x 2 L -> sum -> norm
    -> output

OLMo (2402.00838) is as in configs/official/OLMo-1B.yaml and OLMo-7B.yaml of
github.com/allenai/OLMo: rotary positions, no biases, and a norm without parameters.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from zoo.models.hyper_connections.hyper import HyperConnections
from zoo.modules.connections import ResidualStream
from zoo.modules.decoder import Connections, DecoderSize
from zoo.modules.swiglu_decoder import PlainNorm, SwiGLUDecoder

OPTIONS = ("n", "dynamic", "tanh")


def make_connections(hyper: Mapping[str, Any] | None) -> "partial[HyperConnections]":
    """Return hyper-connections with these options. Raises ValueError for a key that is none."""
    for key in hyper or {}:
        if key not in OPTIONS:
            raise ValueError(f"choices of hyper-connections are {', '.join(OPTIONS)}, not {key!r}")
    return partial(HyperConnections, **dict(hyper or {}))


class PreNormOLMo(SwiGLUDecoder):
    """The baseline, with residual connections: token ids (B, T) -> logits (B, T, vocab).

    `hidden` is half of OLMo's mlp_hidden_size, which counts both halves of SwiGLU.
    """

    size = DecoderSize(layers=16, width=2048, heads=16, hidden=8192, vocab=50304, context=2048)

    def __init__(
        self, *, tied: bool = True, connections: Connections = ResidualStream, **dims: int
    ) -> None:
        size = replace(self.size, **dims)
        super().__init__(size=size, norm=PlainNorm, tied=tied, connections=connections)


class HyperOLMo(PreNormOLMo):
    """Token ids (B, T) -> logits (B, T, vocab).

    `hyper` may set `n`, the expansion rate, `dynamic` weights (DHC, not SHC), and their `tanh`.
    Weights that write to the streams begin sqrt(n) times as large (Sec. 4, Implementation).
    """

    def __init__(
        self, *, tied: bool = True, hyper: Mapping[str, Any] | None = None, **dims: int
    ) -> None:
        super().__init__(tied=tied, connections=make_connections(hyper), **dims)
        rate: Any = self.connections.n
        self.initialise(0.02, 0.02 * (rate / (2 * len(self.layers))) ** 0.5)
