"""MUDDFormer and MUDDPythia (Xiao et al., ICML 2025, 2502.12170).

ids -> embeddings -> X_0 -> layer(DA_0: X^Q, X^K, X^V, X^R) -> X_1 -> ... -> DA_L -> norm -> output
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from functools import partial
from typing import Any

import torch
from torch import nn

from zoo.models.muddformer.mudd import MUDD
from zoo.modules.attention import Attention, Rotary, head_width
from zoo.modules.connections import ResidualStream
from zoo.modules.decoder import Block, Decoder, FeedForward, SwiGLU
from zoo.modules.norms import RMSNorm


@dataclass(frozen=True, kw_only=True)
class Choices:
    """Where paper, JAX and PyTorch disagree (contradictions of paper.toml), as released.

    `qk_norm`, `rope` (the type its tables are rounded to) and `std` of the first weights (0:
    Xavier, as Sec. 3 says) concern the layers, the others MUDD.
    """

    qk_norm: bool = True
    rope: str = "float32"
    std: float = 0.006
    gelu: str = "none"
    last_ways: int = 1
    expand_last: int = 4
    round_to: int = 64
    first_norms: int = 1
    pre_post: bool = False

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> "Choices":
        """From a mapping. Raises ValueError for a key that is no choice."""
        known = [field.name for field in fields(cls)]
        for key in given:
            if key not in known:
                raise ValueError(f"choices are {', '.join(known)}, not {key!r}")
        return cls(**given)

    def mudd(self, eps: float) -> partial[MUDD]:
        """The connections that they choose."""
        layers = {"qk_norm", "rope", "std"}
        return partial(MUDD, eps=eps, **{k: v for k, v in asdict(self).items() if k not in layers})


def reallocated(hidden: int, layer: int, layers: int) -> int:
    """Eq. 9: from half of `hidden` in the first layer to 3/2 in the last, in units of 128."""
    if layers < 2:
        raise ValueError(f"layers must be at least 2 (Eq. 9), not {layers}")
    return round(hidden * (layer / (layers - 1) + 0.5) / 128) * 128


class MUDDFormer(Decoder):
    """On Transformer++: token ids (B, T) -> logits (B, T, vocab). The feed-forward networks have
    `hidden` on average, more in later layers (Eq. 9)."""

    eps = 1e-6
    rotated = 1  # of a head: all of it
    bias = parallel = False
    norm_type: Callable[..., nn.Module] = RMSNorm
    feed_forward: Callable[[int, int], nn.Module] = SwiGLU

    def __init__(
        self,
        *,
        layers: int = 32,
        width: int = 2560,
        heads: int = 32,
        hidden: int = 6912,
        vocab: int = 50432,
        context: int = 2048,
        choices: Mapping[str, Any] | None = None,
    ) -> None:
        chosen = Choices.of(choices or {})
        dtype = getattr(torch, chosen.rope)
        norm = partial(type(self).norm_type, width, eps=self.eps)
        qk_eps = self.eps if chosen.qk_norm else None

        def block(layer: int, join: ResidualStream) -> Block:
            attention = Attention(width, heads, bias=self.bias, separate=True, qk_eps=qk_eps)
            feed_forward = type(self).feed_forward(width, reallocated(hidden, layer, layers))
            norms, parallel = join.norms(layer), self.parallel
            return Block(attention, feed_forward, norm, norms=norms, parallel=parallel)

        super().__init__(
            sizes=(layers, width, vocab, context),
            block=block,
            norm=norm,
            connections=chosen.mudd(self.eps),
            rotary=Rotary(head_width(width, heads) // self.rotated, dtype=dtype),
        )
        if chosen.std:
            self.initialise(chosen.std, chosen.std)
        else:
            self.initialise_xavier()


class MUDDPythia(MUDDFormer):
    """On Pythia: LayerNorm, biases, parallel layers, a quarter of each head turned."""

    eps = 1e-5
    rotated = 4
    bias = parallel = True
    norm_type = nn.LayerNorm
    feed_forward = FeedForward
