"""MUDDFormer and MUDDPythia (Xiao et al., ICML 2025, 2502.12170).

ids -> embeddings -> X_0 -> layer(DA_0: X^Q, X^K, X^V, X^R) -> X_1 -> ... -> DA_L -> norm -> output
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from functools import partial
from typing import Any

import torch
from torch import nn

from zoo.models.muddformer.mudd import MUDD
from zoo.modules.attention import Attention, Rotary, head_width
from zoo.modules.connections import ResidualStream
from zoo.modules.decoder import Block, Decoder, DecoderSize, FeedForward, SwiGLU
from zoo.modules.norms import RMSNorm


@dataclass(frozen=True, kw_only=True)
class Options:
    """Settings on which paper, JAX and PyTorch code disagree, by default as released.

    See the contradictions of paper.toml.
    """

    qk_norm: bool = True  # a norm of queries and keys
    rope: str = "float32"  # dtype that the rotary tables are rounded to
    std: float = 0.006  # of the first weights; 0: Xavier (Sec. 3)
    gelu: str = "none"  # this and the following are arguments of MUDD
    last_ways: int = 1
    expand_last: int = 4
    round_to: int = 64
    first_norms: int = 1
    pre_post: bool = False

    @classmethod
    def from_dict(cls, options: Mapping[str, Any]) -> "Options":
        """Check the keys of a mapping. Raises ValueError for an unknown one."""
        names = [field.name for field in fields(cls)]
        for key in options:
            if key not in names:
                raise ValueError(f"choices are {', '.join(names)}, not {key!r}")
        return cls(**options)

    def connections(self, eps: float) -> partial[MUDD]:
        """Return the connections with these options."""
        of_layers = {"qk_norm", "rope", "std"}
        options = {k: v for k, v in asdict(self).items() if k not in of_layers}
        return partial(MUDD, eps=eps, **options)


def reallocated(hidden: int, layer: int, layers: int) -> int:
    """Eq. 9: from half of `hidden` in the first layer to 3/2 in the last, in units of 128."""
    if layers < 2:
        raise ValueError(f"layers must be at least 2 (Eq. 9), not {layers}")
    return round(hidden * (layer / (layers - 1) + 0.5) / 128) * 128


class MUDDFormer(Decoder):
    """On Transformer++: token ids (B, T) -> logits (B, T, vocab).

    Feed-forward networks are `hidden` wide on average, wider in later layers (Eq. 9).
    """

    size = DecoderSize(layers=32, width=2560, heads=32, hidden=6912, vocab=50432, context=2048)
    eps = 1e-6
    rotated = 1  # 1 / rotated of each head has rotary positions
    bias = parallel = False
    norm_type: Callable[..., nn.Module] = RMSNorm
    feed_forward: Callable[[int, int], nn.Module] = SwiGLU

    def __init__(self, *, choices: Mapping[str, Any] | None = None, **dims: int) -> None:
        size, options = replace(self.size, **dims), Options.from_dict(choices or {})
        norm = partial(type(self).norm_type, size.width, eps=self.eps)
        qk_eps = self.eps if options.qk_norm else None

        def block(layer: int, stream: ResidualStream) -> Block:
            attention = Attention(
                size.width, size.heads, bias=self.bias, separate=True, qk_eps=qk_eps
            )
            hidden = reallocated(size.ffn_width, layer, size.layers)
            feed_forward = type(self).feed_forward(size.width, hidden)
            norms, parallel = stream.norms(layer), self.parallel
            return Block(attention, feed_forward, norm, norms=norms, parallel=parallel)

        rotated = head_width(size.width, size.heads) // self.rotated
        super().__init__(
            size=size,
            block=block,
            norm=norm,
            connections=options.connections(self.eps),
            rotary=Rotary(rotated, dtype=getattr(torch, options.rope)),
        )
        if options.std:
            self.initialise(options.std, options.std)
        else:
            self.initialise_xavier()


class MUDDPythia(MUDDFormer):
    """On Pythia: LayerNorm, biases, parallel layers, rotary positions on a quarter of each head."""

    eps = 1e-5
    rotated = 4
    bias = parallel = True
    norm_type = nn.LayerNorm
    feed_forward = FeedForward
