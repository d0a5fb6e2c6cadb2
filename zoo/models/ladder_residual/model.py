"""Ladder Transformer (Zhang et al., ICML 2025, 2501.06589): LLaMA with a ladder residual.

ids -> embeddings -> L x (attention(rms(x_{i-2})), swiglu(rms(x_{i-1}))), each added a step later
    -> rms -> output
"""

from dataclasses import replace
from functools import partial

from zoo.models.ladder_residual.ladder import LadderResidual
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
