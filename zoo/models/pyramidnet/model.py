"""Deep Pyramidal Residual Networks, Han, Kim and Kim, 1610.02915.

conv BN -> units of 16 + alpha / N, 16 + 2 alpha / N, .. 16 + alpha filters -> BN ReLU -> fc

Each of the N units is wider than the one before it, within a stage too.

pyramidnet110_a48 (CIFAR)   pyramidnet272_a200 (bottlenecks)   pyramidnet200_a300 (ImageNet)
"""

from torch import nn

from zoo.models.pyramidnet.units import basic, bottleneck, pyramid
from zoo.modules.classifier import Head
from zoo.modules.post_activation import conv, imagenet_stem
from zoo.modules.pre_activation import PreActivation
from zoo.modules.stages import blocks_per_stage, imagenet_depths, stack


class BasicPyramidNet(PreActivation):
    """PyramidNet-110 for CIFAR: (B, in_chans, 32, 32) -> (B, num_classes).

    `widening` is additive or multiplicative. Raises ValueError unless depth = 6n + 2.
    """

    def __init__(
        self,
        *,
        depth: int,
        alpha: float,
        widening: str = "additive",
        num_classes: int = 10,
        in_chans: int = 3,
        global_pool: str = "avg",
        drop_rate: float = 0.0,
        drop_path_rate: float = 0.0,
    ) -> None:
        depths = blocks_per_stage(depth, layers=2, extra=2, where="Sec. 2")
        super().__init__(
            stem={"conv1": conv(in_chans, 16, 3), "bn1": nn.BatchNorm2d(16)},
            pool=nn.Identity(),
            stages=stack(
                basic,
                depths=depths,
                widths=pyramid(depths, alpha, first=16, widening=widening),
                c_in=16,
                drop_path_rate=drop_path_rate,
            ),
            head=Head(num_classes, global_pool, drop_rate),
        )


class BottleneckPyramidNet(PreActivation):
    """PyramidNet-164 .. -272 for CIFAR: (B, in_chans, 32, 32) -> (B, num_classes).

    Additive, as all reported bottlenecks. Raises ValueError unless depth = 9n + 2.
    """

    def __init__(
        self,
        *,
        depth: int,
        alpha: float,
        num_classes: int = 10,
        in_chans: int = 3,
        global_pool: str = "avg",
        drop_rate: float = 0.0,
        drop_path_rate: float = 0.0,
    ) -> None:
        depths = blocks_per_stage(depth, layers=3, extra=2, where="Sec. 2")
        super().__init__(
            stem={"conv1": conv(in_chans, 16, 3), "bn1": nn.BatchNorm2d(16)},
            pool=nn.Identity(),
            stages=stack(
                bottleneck,
                depths=depths,
                widths=pyramid(depths, alpha, first=16),
                c_in=16,
                drop_path_rate=drop_path_rate,
            ),
            head=Head(num_classes, global_pool, drop_rate),
        )


class PyramidNet(PreActivation):
    """PyramidNet-200 for ImageNet: (B, in_chans, 224, 224) -> (B, num_classes).

    `drop_rate` before the classifier is 0.5 with an alpha of 450.
    """

    def __init__(
        self,
        *,
        depth: int,
        alpha: float,
        num_classes: int = 1000,
        in_chans: int = 3,
        global_pool: str = "avg",
        drop_rate: float = 0.0,
        drop_path_rate: float = 0.0,
    ) -> None:
        depths = imagenet_depths(depth, (50, 101, 152, 200), "Sec. 4")
        super().__init__(
            stem={
                "conv1": imagenet_stem(in_chans),
                "bn1": nn.BatchNorm2d(64),
                "act1": nn.ReLU(inplace=True),
            },
            pool=nn.MaxPool2d(3, 2, 1),
            stages=stack(
                bottleneck,
                depths=depths,
                widths=pyramid(depths, alpha, first=64),
                c_in=64,
                drop_path_rate=drop_path_rate,
            ),
            head=Head(num_classes, global_pool, drop_rate),
        )
