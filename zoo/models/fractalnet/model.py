"""FractalNet: Ultra-Deep Neural Networks without Residuals, Larsson et al., 1605.07648.

image -> block1 -> pool, block2 -> ... -> pool, blockB -> pool -> average -> fc

A block is a fractal of C columns (fractal.py), so the deepest path has B 2^(C-1) convolutions.
Drop-path trains C networks at once: any column works alone.
"""

from collections.abc import Sequence
from typing import ClassVar

from torch import Tensor, fx, nn

from zoo.models.fractalnet.fractal import Block, Fractal, Route
from zoo.modules.classifier import Classifier, Head


class FractalNet(Classifier):
    """Sec. 4: (B, in_chans, 32, 32) -> (B, num_classes), `channels` of each block, C `columns`.

    `drop_path_rate` is that of local drop-path, 0.15 in the paper; unless it is 0, half of the
    mini-batches see one column (global). `drop_rate` is the dropout of the last block, 0.4 in the
    paper, to which it grows from 0 in the first. `column` 1 to C builds that column alone, of 1, 2,
    4, ... layers in a block: a plain network, whose keys are a subset of the complete one's.
    Raises ValueError for a column out of range.
    """

    widens_first: ClassVar[bool] = False  # a 1x1 widens a block's input, not its first 3x3s

    def __init__(
        self,
        *,
        columns: int = 3,
        channels: Sequence[int] = (64, 128, 256, 512, 512),
        column: int = 0,
        num_classes: int = 10,
        in_chans: int = 3,
        global_pool: str = "avg",
        drop_rate: float = 0.0,
        drop_path_rate: float = 0.0,
    ) -> None:
        if columns < 1 or not 0 <= column <= columns:
            raise ValueError(f"column must be 1 to C = {columns} (Sec. 3), or 0, not {column}")
        route = Route(columns, drop_path_rate)
        level = columns + 1 - column if column else 0
        blocks: dict[str, nn.Module] = {}
        for i, (c_in, c_out) in enumerate(zip((in_chans, *channels), channels, strict=False)):
            dropout = drop_rate * i / max(len(channels) - 1, 1)
            widens = self.widens_first and c_in != c_out
            widen = nn.Conv2d(c_in, c_out, 1, bias=False) if widens else None
            fractal = Fractal(columns, c_out if widens else c_in, c_out, dropout, level)
            blocks[f"block{i + 1}"] = Block(fractal, route, c_out=c_out, pools=i > 0, widen=widen)
        super().__init__(
            stem={"block1": blocks.pop("block1")},
            pool=nn.Identity(),
            stages=blocks,
            tail={"pool": nn.MaxPool2d(2)},
            head=Head(num_classes, global_pool),
        )
        self.route = route

    def forward_stem(self, x: Tensor) -> Tensor:
        """Run the first block; in training, draw the paths of this step before."""
        if self.training and self.route.rate:
            if isinstance(x, fx.Proxy):
                raise ValueError("drop-path is drawn anew in every step: trace it in eval mode")
            self.route.draw()
        return super().forward_stem(x)

    def group_matcher(self, coarse: bool = False) -> dict[str, str]:
        """Every block is one group: the layers of a fractal have no order."""
        return super().group_matcher(coarse=True)

    @staticmethod
    def initialise(module: nn.Module) -> None:
        """Xavier, as Caffe has it: uniform, of variance 1 / fan_in."""
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_uniform_(module.weight, nonlinearity="linear")
            if module.bias is not None:
                nn.init.zeros_(module.bias)


class WidenedFractalNet(FractalNet):
    """With a 1x1 before each block that changes the channels: of the size that is reported."""

    widens_first = True
