"""Ladder Transformer (Zhang et al., ICML 2025, 2501.06589): LLaMA with a ladder residual.

ids -> embeddings -> L x (attention(rms(x_{i-2})), swiglu(rms(x_{i-1}))), each added a step later
    -> rms -> output
"""

import math
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor

from zoo.models.ladder_residual.ladder import LadderResidual
from zoo.modules.attention import Rotary
from zoo.modules.decoder import DecoderSize
from zoo.modules.norms import RMSNorm
from zoo.modules.swiglu_decoder import SwiGLUDecoder


class LadderTransformer(SwiGLUDecoder):
    """Token ids (B, T) -> logits (B, T, vocab).

    The last `ladder_layers` layers are ladders, by default all; with 0 it is the transformer that
    the paper compares with.
    """

    size = DecoderSize(layers=40, width=1536, heads=24, hidden=4096, vocab=49152, context=2048)

    def __init__(
        self, *, ladder_layers: int | None = None, tied: bool = False, **dims: int
    ) -> None:
        super().__init__(
            size=replace(self.size, **dims),
            norm=partial(RMSNorm, eps=1e-5),
            separate=True,
            tied=tied,
            connections=partial(LadderResidual, ladder_layers=ladder_layers),
        )
        self.initialise(last=0.02)  # transformers' LlamaConfig, as in the authors' file


@dataclass(frozen=True)
class Llama3Rotary(Rotary):
    """Llama 3.1's positions: pairs that turn less than once in 8,192 tokens turn 8 times slower.

    Those that turn four times or more keep their speed; between them it is interpolated.
    """

    base: float = 500_000.0

    def frequencies(self, device: torch.device) -> Tensor:
        speeds = super().frequencies(device)
        turns = speeds * 8192 / (2 * math.pi)
        kept = ((turns - 1) / (4 - 1)).clamp(0, 1)
        return speeds * (kept + (1 - kept) / 8)


class LadderLlama(SwiGLUDecoder):
    """Llama 3.1 whose last `ladder_layers` layers are ladders: ids (B, T) -> logits (B, T, vocab).

    By default all layers are, with as many `kv_heads` as heads; with 0 ladders it is Llama. Fewer
    keys and values are each shared by a group of queries (2305.13245).
    """

    size = DecoderSize(layers=32, width=4096, heads=32, hidden=14336, vocab=128256, context=131072)

    def __init__(
        self, *, ladder_layers: int | None = None, kv_heads: int | None = None, **dims: int
    ) -> None:
        super().__init__(
            size=replace(self.size, **dims),
            norm=partial(RMSNorm, eps=1e-5),
            separate=True,
            connections=partial(LadderResidual, ladder_layers=ladder_layers),
            kv_heads=kv_heads,
            rotary=Llama3Rotary,
        )
        self.initialise(last=0.02)
