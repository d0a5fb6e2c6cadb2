"""The ladder residual (2501.06589), for any decoder of the zoo.

x_{i-2} ----------> f_i (x_{i-2}) -----+
                                       v
x_{i-1} ----------------------------> (+) --> x_i = x_{i-1} + f_i(x_{i-2})

A sublayer does not wait for the one before it, whose output may still be on its way.

>>> zoo.create("gpt2", connections=LadderResidual)
"""

from torch import Tensor

from zoo.modules.connections import ResidualStream, Sublayer

States = tuple[Tensor, Tensor]  # x_{i-2} and x_{i-1}, (B, T, D) each


class LadderResidual(ResidualStream):
    """The stream is the states before and after the last sublayer; no parameters.

    The last `ladder_layers` layers are ladders, by default all; others see the state after the
    last sublayer, as usual. The embeddings are x_{-1} and x_0: both sublayers of a first layer that
    is a ladder see them.
    """

    def __init__(self, layers: int, width: int, *, ladder_layers: int | None = None) -> None:
        super().__init__(layers, width)
        last = layers if ladder_layers is None else ladder_layers
        if not 0 <= last <= layers:
            raise ValueError(f"ladder_layers must be from 0 to the {layers} layers, not {last}")
        self.first = layers - last

    def is_ladder(self, sublayer: Sublayer) -> bool:
        """Whether a sublayer sees the state before the last one."""
        return sublayer.layer >= self.first

    def expand(self, x: Tensor) -> States:
        return x, x

    def read(self, sublayer: Sublayer, stream: States) -> tuple[Tensor, Tensor]:
        before, after = stream
        return before if self.is_ladder(sublayer) else after, after

    def write(self, sublayer: Sublayer, stream: States, residual: Tensor, out: Tensor) -> States:
        return residual, residual + out

    def collapse(self, stream: States) -> Tensor:
        return stream[1]
