"""DeepCrossAttention (Heddes et al., ICML 2025, 2502.06785).

ids -> embeddings = f_0 -> (GRNs of f_0 .. f_t -> attention, feed-forward -> f_{t+1}) x L -> GRN
    -> norm -> output
"""

from dataclasses import replace
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zoo.models.deep_cross_attention.dca import DeepCrossAttention, GeneralizedResidual
from zoo.models.deep_cross_attention.grn import VERSIONS
from zoo.modules.attention import Attention
from zoo.modules.connections import ResidualStream
from zoo.modules.decoder import Block, Connections, Decoder, DecoderSize
from zoo.modules.norms import RMSNorm
from zoo.modules.swiglu_decoder import SwiGLUDecoder

KINDS: dict[str, Connections] = {
    "plain": ResidualStream,
    **{f"grn_{v}": partial(GeneralizedResidual, version=v) for v in VERSIONS},
    "dca": DeepCrossAttention,
}


def make_connections(residual: str, **options: Any) -> Connections:
    """Return the connections of a key of KINDS, with options of GRNs where they are set.

    Raises ValueError for another name, or an option of the plain residual.
    """
    if residual not in KINDS:
        raise ValueError(f"residual must be one of {', '.join(KINDS)}, not {residual!r}")
    options = {key: v for key, v in options.items() if v is not None and v is not False}
    if residual == "plain" and options:
        raise ValueError(f"a plain residual has no {' and no '.join(options)}")
    return partial(KINDS[residual], **options)


class DCATransformer(SwiGLUDecoder):
    """On Transformer++: token ids (B, T) -> logits (B, T, vocab).

    `residual` is "dca", "grn_v1" to "grn_v3", or "plain"; with `k`, GRNs see the input, the last k
    outputs, and the sum of those between.
    """

    size = DecoderSize(layers=6, width=512, heads=8, hidden=1368, vocab=257, context=128)

    def __init__(self, *, residual: str = "dca", k: int | None = None, **dims: int) -> None:
        connections = make_connections(residual, k=k)
        norm, size = partial(RMSNorm, eps=1e-6), replace(self.size, **dims)
        super().__init__(size=size, norm=norm, separate=True, connections=connections)
        self.initialise_xavier()


class Sines(nn.Module):
    """Fixed positions (1706.03762, halves not interleaved): (B or 1, T) -> (B or 1, T, D)."""

    like: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width
        self.register_buffer("like", torch.empty(0), persistent=False)  # of the network's type

    def forward(self, positions: Tensor) -> Tensor:
        places = torch.arange(self.width // 2, device=positions.device).float()
        angles = positions[..., None].float() * 10_000.0 ** (-places / max(len(places) - 1, 1))
        return torch.cat([angles.sin(), angles.cos()], -1).to(self.like.dtype)


class ReLUNetwork(nn.Module):
    """w2(relu(w1 x)): (B, T, D) -> (B, T, D)."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.w1, self.w2 = nn.Linear(width, hidden), nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.w2(F.relu(self.w1(x)))
        return out


class LM1BTransformer(Decoder):
    """The transformer of Flax's lm1b example, which has the printed parameters (Tables 5 and 7).

    Token ids (B, T) -> logits (B, T, vocab); `residual` and `k` as of DCATransformer, `per_source`
    as of GRN.
    """

    size = DecoderSize(layers=6, width=512, heads=8, vocab=30_000, context=128)

    def __init__(
        self,
        *,
        residual: str = "dca",
        k: int | None = None,
        per_source: bool = False,
        **dims: int,
    ) -> None:
        size = replace(self.size, **dims)
        norm = partial(nn.LayerNorm, size.width, eps=1e-6)

        def block(layer: int, stream: ResidualStream) -> Block:
            attention = Attention(size.width, size.heads, bias=False, separate=True)
            network = ReLUNetwork(size.width, size.ffn_width)
            return Block(attention, network, norm, norms=stream.norms(layer))

        connections = make_connections(residual, k=k, per_source=per_source)
        super().__init__(size=size, block=block, norm=norm, connections=connections)
        sines: Any = Sines(size.width)
        self.pos_embeddings = sines
        self.output = nn.Linear(size.width, size.vocab)
        self.initialise_xavier()
        nn.init.normal_(self.tok_embeddings.weight)
        nn.init.zeros_(self.output.bias)
