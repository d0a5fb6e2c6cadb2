"""Revisiting ResNets: Improved Training and Scaling Strategies, Bello et al., 2103.07579.

ResNet-RS: a ResNet-D (1812.01187) that strides where it max-pooled, with squeeze-and-excitation
(1709.01507) in every block, and deeper on small images before larger ones.

image -> 3x3/2, 3x3, 3x3 -> 3x3/2 -> 4 stages -> average -> fc

x -> 1x1 -> 3x3 -> 1x1 -> SE -> (+) -> ReLU
 \\___ average 2x2, 1x1 ________/
"""

from typing import ClassVar

from torch import Tensor, nn

from zoo.modules.classifier import Head
from zoo.modules.post_activation import Bottleneck, PostActivation, conv, deep_stem
from zoo.modules.shortcuts import averaged_projection
from zoo.modules.squeeze_excitation import SqueezeExcitation
from zoo.modules.stages import stack

SE_RATIO = 4  # channels of a block for each hidden one of its squeeze-and-excitation
TRUNCATED = 0.87962566103423978  # standard deviation of N(0, 1) within two of it


class RSBlock(Bottleneck):
    """ResNet-D's bottleneck, its branch gated: (B, c_in, H, W) -> (B, 4 width, H / s, W / s)."""

    beside: ClassVar[tuple[str, ...]] = ("downsample", "se")

    def __init__(self, c_in: int, width: int, stride: int, drop_path: float) -> None:
        super().__init__(c_in, width, stride, drop_path, shortcut=averaged_projection)
        self.se = SqueezeExcitation(self.c_out, self.c_out // SE_RATIO)

    def residual(self, x: Tensor) -> Tensor:
        """The branch that is added to the shortcut."""
        return self.se(super().residual(x))


class ResNetRS(PostActivation):
    """(B, in_chans, 160, 160) -> (B, num_classes), or larger images.

    `stage_blocks` and `widths` are the numbers of blocks of the stages and the channels of their
    3x3: the paper scales the depth, and the width where nothing overfits. `drop_path_rate` is the
    last block's; it grows from 0 in the first.
    """

    def __init__(
        self,
        *,
        stage_blocks: tuple[int, ...],
        widths: tuple[int, ...] = (64, 128, 256, 512),
        num_classes: int = 1000,
        in_chans: int = 3,
        global_pool: str = "avg",
        drop_rate: float = 0.0,
        drop_path_rate: float = 0.0,
    ) -> None:
        pool = nn.Sequential(conv(64, 64, 3, 2), nn.BatchNorm2d(64), nn.ReLU(inplace=True))
        super().__init__(
            stem=deep_stem(in_chans),
            pool=pool,
            stages=stack(
                RSBlock,
                depths=stage_blocks,
                widths=widths,
                c_in=64,
                drop_path_rate=drop_path_rate,
            ),
            head=Head(num_classes, global_pool, drop_rate),
        )

    @staticmethod
    def initialise(module: nn.Module) -> None:
        """As the authors' code: N(0, 1 / fan_in) cut at two deviations; each block is its shortcut.

        The last layer is N(0, 0.01 ** 2), biases are 0.
        """
        if isinstance(module, nn.Conv2d):
            std = module.weight[0].numel() ** -0.5 / TRUNCATED
            nn.init.trunc_normal_(module.weight, std=std, a=-2 * std, b=2 * std)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=0.01)
            nn.init.zeros_(module.bias)
        elif isinstance(module, RSBlock):
            nn.init.zeros_(module.bn3.weight)
