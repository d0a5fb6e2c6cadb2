"""Aggregated Residual Transformations for Deep Neural Networks, Xie et al., 1611.05431.

y = x + sum_{i=1..C} T_i(x) (Eq. 3): C equal paths, each d wide; C is the cardinality.

Built as Fig. 3 (c): 1x1 to C d channels, 3x3 in C groups, 1x1 back; equal to Fig. 3 (a).

ImageNet (Table 1): 7x7/2, 3x3/2 max, 4 stages of d, 2d, 4d, 8d    resnext50_32x4d: C = 32, d = 4
CIFAR (Sec. 5.3):   3x3, 3 stages of 3 blocks of d, 2d, 4d         resnext29_8x64d: C = 8, d = 64
"""

from functools import partial

from torch import nn

from zoo.modules.classifier import Head
from zoo.modules.post_activation import Bottleneck, PostActivation, conv, imagenet_stem
from zoo.modules.shortcuts import projection
from zoo.modules.stages import blocks_per_stage, imagenet_depths, stack


def grouped(width: int, stride: int, *, cardinality: int, base_width: int) -> nn.Conv2d:
    """A 3x3 in C groups. `base_width` is d where the block's `width` is 64, and grows with it."""
    if min(cardinality, base_width) < 1:
        raise ValueError(
            "cardinality and base_width must be 1 or more (Sec. 3.3), "
            f"not {cardinality} and {base_width}"
        )
    channels = width * base_width // 64 * cardinality
    return nn.Conv2d(channels, channels, 3, stride, 1, groups=cardinality, bias=False)


class ResNeXt(PostActivation):
    """Table 1: (B, in_chans, 224, 224) -> (B, num_classes).

    `cardinality` paths, each `base_width` channels wide in the first stage; 1 and 64 give ResNet
    with its stride in the 3x3. Raises ValueError for a depth other than 50 and 101.
    """

    def __init__(
        self,
        *,
        depth: int,
        cardinality: int = 32,
        base_width: int = 4,
        num_classes: int = 1000,
        in_chans: int = 3,
        global_pool: str = "avg",
        drop_rate: float = 0.0,
        drop_path_rate: float = 0.0,
    ) -> None:
        middle = partial(grouped, cardinality=cardinality, base_width=base_width)
        super().__init__(
            stem=imagenet_stem(in_chans),
            pool=nn.MaxPool2d(3, 2, 1),
            stages=stack(
                partial(Bottleneck, shortcut=projection, middle=middle),
                depths=imagenet_depths(depth, (50, 101), "Table 1, Sec. 5.1"),
                widths=(64, 128, 256, 512),
                c_in=64,
                drop_path_rate=drop_path_rate,
            ),
            head=Head(num_classes, global_pool, drop_rate),
        )


class CifarResNeXt(PostActivation):
    """Sec. 5.3: (B, in_chans, 32, 32) -> (B, num_classes).

    The widths in a name are those of one path in the first stage: 8x64d has 512, 1024 and 2048
    channels in its 3x3 layers. Raises ValueError unless depth = 9n + 2.
    """

    def __init__(
        self,
        *,
        depth: int = 29,
        cardinality: int = 8,
        base_width: int = 64,
        num_classes: int = 10,
        in_chans: int = 3,
        global_pool: str = "avg",
        drop_rate: float = 0.0,
        drop_path_rate: float = 0.0,
    ) -> None:
        middle = partial(grouped, cardinality=cardinality, base_width=base_width)
        super().__init__(
            stem=conv(in_chans, 64, 3),
            pool=nn.Identity(),
            stages=stack(
                partial(Bottleneck, shortcut=projection, middle=middle),
                depths=blocks_per_stage(depth, layers=3, extra=2, where="Sec. 5.3"),
                widths=(64, 128, 256),
                c_in=64,
                drop_path_rate=drop_path_rate,
            ),
            head=Head(num_classes, global_pool, drop_rate),
        )
