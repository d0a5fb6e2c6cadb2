"""LAuReL on ResNet-50, Menghani et al., ICML 2025, 2411.07501.

         conv1 .. bn3 = f
x_i -> {                  } alpha f + beta (x_i + sum_j gamma_j B_j A_j x_{i-j}) -> ReLU -> x_{i+1}
         shortcut = x_i

x_i is the output of the shortcut, so that all x of a stage have one shape. No x is used beyond its
stage (deviations of paper.toml).
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, cast

from torch import Tensor, nn

from zoo.models.laurel.residual import K, Laurel
from zoo.modules.classifier import Head
from zoo.modules.post_activation import Bottleneck, PostActivation, imagenet_stem
from zoo.modules.shortcuts import projection
from zoo.modules.stages import DEPTHS, stack


class LaurelStage(nn.ModuleList):
    """Blocks that also see the skips of earlier blocks: (B, c_in, H, W) -> (B, D, h, w)."""

    def __init__(self, blocks: nn.Sequential, merge: Callable[..., Laurel]) -> None:
        super().__init__(blocks)
        self.c_out: Any = blocks[-1].c_out
        self.stride: Any = blocks[0].stride
        for i, block in enumerate(blocks):
            block.merge = merge(self.c_out, earlier=min(i + 1, K))

    def forward(self, x: Tensor) -> Tensor:
        stream: tuple[Tensor, ...] = ()
        block: Any
        for block in self:
            stream = (block.downsample(x), *stream)[:K]
            x = block.act3(block.merge(block.drop_path(block.residual(x)), *stream))
        return x


class LAuReLResNet(PostActivation):
    """ResNet-50 of Sec. 3.1: (B, in_chans, 224, 224) -> (B, num_classes).

    `parts` are the combined versions: "rw", "lr", "pa", "rw+lr" or "rw+lr+pa"; "" is the baseline,
    which with `depths` (3, 4, 7, 3) has one layer more. `normalisation` of the two weights is
    "softmax", "sigmoid" or "none". Raises ValueError for other values, and for a rank below 1.
    """

    def __init__(
        self,
        *,
        parts: str = "rw+lr",
        depths: tuple[int, ...] = DEPTHS[50],
        rank: int = 16,
        normalisation: str = "softmax",
        num_classes: int = 1000,
        in_chans: int = 3,
        global_pool: str = "avg",
        drop_rate: float = 0.0,
    ) -> None:
        merge = partial(Laurel, parts=parts, rank=rank, normalisation=normalisation)
        stages: Mapping[str, nn.Module] = stack(
            partial(Bottleneck, shortcut=projection, merge=merge),
            depths=depths,
            widths=(64, 128, 256, 512),
            c_in=64,
            drop_path_rate=0.0,
        )
        if "pa" in parts:
            stages = {
                name: LaurelStage(cast(nn.Sequential, blocks), merge)
                for name, blocks in stages.items()
            }
        super().__init__(
            stem=imagenet_stem(in_chans),
            pool=nn.MaxPool2d(3, 2, 1),
            stages=stages,
            head=Head(num_classes, global_pool, drop_rate),
        )
