"""Loop-residual GPT-2 (Ng and Wang 2024, 2409.14199): the same blocks, several times.

ids -> wte + wpe -> blocks before -> loops x (blocks of the span) -> blocks after -> ln -> wte^T
"""

from dataclasses import replace

from torch import Tensor

from zoo.modules.attention import Pass
from zoo.modules.decoder import DecoderSize
from zoo.modules.gelu_decoder import GELUDecoder


class LoopGPT2(GELUDecoder):
    """Token ids (B, T) -> logits (B, T, vocab).

    Blocks span[0] <= i < span[1] (all, if it is empty) are run `loops` times; every time has keys
    and values of its own.

    The paper's x^(n) = x^(n-1) + f(x^(n-1)) has two readings, and no code that would decide. By
    default the blocks are applied again, x <- stack(x): f is the sum of their residual branches,
    and one loop is GPT-2. If `literal`, x <- x + stack(x), with the blocks' own residual
    connections inside the stack: x grows from loop to loop, and one loop is not GPT-2.
    """

    size = DecoderSize(layers=6, width=768, heads=12, vocab=50257, context=1024)

    def __init__(
        self, *, loops: int = 6, span: tuple[int, ...] = (), literal: bool = False, **dims: int
    ) -> None:
        if loops < 1:
            raise ValueError(f"loops must be at least 1 (x^(0) is the embedding), not {loops}")
        size = replace(self.size, **dims)
        start, stop = span or (0, size.layers)
        if not 0 <= start < stop <= size.layers:
            raise ValueError(f"span must be blocks of 0..{size.layers}, the first before the last")
        self.loops, self.literal, self.looped = loops, literal, range(start, stop)
        super().__init__(size=size)

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
