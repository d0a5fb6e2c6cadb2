"""Loop-residual GPT-2 (Ng and Wang 2024, 2409.14199): the same blocks, several times.

ids -> wte + wpe -> blocks before -> loops x (blocks of the span) -> blocks after -> ln -> wte^T
"""

from functools import partial

from torch import Tensor, nn

from zoo.modules.attention import Attention, Pass
from zoo.modules.connections import ResidualStream
from zoo.modules.decoder import Block, Decoder, FeedForward


class LoopGPT2(Decoder):
    """Token ids (B, T) -> logits (B, T, vocab). Blocks span[0] <= i < span[1] (all, if it is empty)
    are gone through `loops` times; every time has keys and values of its own.

    The paper's x^(n) = x^(n-1) + f(x^(n-1)) has two readings, and no code that would decide. By
    default the blocks are applied again, x <- stack(x): f is what they add, and one loop is GPT-2.
    If `literal`, x <- x + stack(x), with the blocks' own residual connections inside the stack: x
    grows from loop to loop, and one loop is not GPT-2.
    """

    def __init__(
        self,
        *,
        layers: int = 6,
        width: int = 768,
        heads: int = 12,
        loops: int = 6,
        span: tuple[int, ...] = (),
        literal: bool = False,
        vocab: int = 50257,
        context: int = 1024,
    ) -> None:
        if loops < 1:
            raise ValueError(f"loops must be at least 1 (x^(0) is the embedding), not {loops}")
        first, last = span or (0, layers)
        if not 0 <= first < last <= layers:
            raise ValueError(f"span must be blocks of 0..{layers}, the first before the last")
        norm = partial(nn.LayerNorm, width)

        def block(layer: int, join: ResidualStream) -> Block:
            attention = Attention(width, heads, bias=True)
            return Block(attention, FeedForward(width, 4 * width, gelu="tanh"), norm)

        self.loops, self.literal, self.looped = loops, literal, range(first, last)
        super().__init__(
            sizes=(layers, width, vocab, context),
            block=block,
            norm=norm,
            connections=ResidualStream,
            tied=True,
        )

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
