"""Loop-residual networks (Ng and Wang 2024, 2409.14199): the same blocks, several times.

ids -> embeddings -> blocks before -> loops x (blocks of the span) -> blocks after -> norm -> output

The paper's is GPT-2; the same on Transformer++ is for comparisons with other residual streams.
"""

from dataclasses import replace
from functools import partial

from torch import Tensor

from zoo.modules.attention import Pass
from zoo.modules.decoder import Decoder, DecoderSize
from zoo.modules.gelu_decoder import GELUDecoder
from zoo.modules.norms import RMSNorm
from zoo.modules.swiglu_decoder import SwiGLUDecoder


class Looped(Decoder):
    """A decoder that runs blocks span[0] <= i < span[1] (all, if it is empty) `loops` times.

    Every time has keys and values of its own.

    The paper's x^(n) = x^(n-1) + f(x^(n-1)) has two readings, and no code that would decide. By
    default the blocks are applied again, x <- stack(x): f is the sum of their residual branches,
    and one loop is the plain network. If `literal`, x <- x + stack(x), with the blocks' own
    residual connections inside the stack: x grows from loop to loop, and one loop is another
    network than the plain one.
    """

    def set_loops(
        self, layers: int, loops: int, span: tuple[int, ...] = (), literal: bool = False
    ) -> None:
        """Set what is looped. Raises ValueError for fewer loops than one, or an empty span."""
        if loops < 1:
            raise ValueError(f"loops must be at least 1 (x^(0) is the embedding), not {loops}")
        start, stop = span or (0, layers)
        if not 0 <= start < stop <= layers:
            raise ValueError(f"span must be blocks of 0..{layers}, the first before the last")
        self.loops, self.literal, self.looped = loops, literal, range(start, stop)

    @property
    def slots(self) -> int:
        return len(self.layers) + (self.loops - 1) * len(self.looped)

    def forward_layers(self, x: Tensor, run: Pass) -> Tensor:
        slot = 0
        for i in range(self.looped.start):
            x, slot = self.forward_layer(i, x, run, slot), slot + 1
        for _ in range(self.loops):
            start = x
            for i in self.looped:
                x, slot = self.forward_layer(i, x, run, slot), slot + 1
            x = start + x if self.literal else x
        for i in range(self.looped.stop, len(self.layers)):
            x, slot = self.forward_layer(i, x, run, slot), slot + 1
        return x


class LoopGPT2(Looped, GELUDecoder):
    """Token ids (B, T) -> logits (B, T, vocab)."""

    size = DecoderSize(layers=6, width=768, heads=12, vocab=50257, context=1024)

    def __init__(
        self, *, loops: int = 6, span: tuple[int, ...] = (), literal: bool = False, **dims: int
    ) -> None:
        size = replace(self.size, **dims)
        self.set_loops(size.layers, loops, span, literal)
        super().__init__(size=size)


class LoopTransformerPP(Looped, SwiGLUDecoder):
    """Token ids (B, T) -> logits (B, T, vocab), with norms and first weights of Transformer++."""

    size = DecoderSize(layers=24, width=1024, heads=16, hidden=2816, vocab=50432, context=2048)

    def __init__(self, *, loops: int = 2, **dims: int) -> None:
        size = replace(self.size, **dims)
        self.set_loops(size.layers, loops)
        super().__init__(size=size, norm=partial(RMSNorm, eps=1e-6))
        self.initialise_xavier()
