"""Sparsely Aggregated Convolutional Networks, Zhu et al., 1801.05895.

image -> conv -> stage -> BN ReLU 1x1, pool -> stage -> ... -> BN ReLU -> average -> fc

A DenseNet (1608.06993) whose layers read the outputs 1, 2, 4, 8, ... layers before them instead of
all: their number grows with the logarithm of the depth (aggregation.py).
"""

from collections.abc import Sequence
from typing import ClassVar

from torch import nn

from zoo.models.sparsenet.aggregation import Aggregated, basic, bottleneck
from zoo.modules.classifier import Head
from zoo.modules.post_activation import conv, imagenet_stem
from zoo.modules.stages import blocks_per_stage, pick

# Table 1 of 1608.06993; 161 has a growth rate of 48.
DEPTHS = {
    121: (6, 12, 24, 16),
    161: (6, 12, 36, 24),
    169: (6, 12, 32, 32),
    201: (6, 12, 48, 32),
    264: (6, 12, 64, 48),
}


class CifarSparseNet(Aggregated):
    """(B, in_chans, 32, 32) -> (B, num_classes), with one 3x3 a layer.

    The first convolution has `first` times as many channels as the first growth rate; `links` are
    sparse or dense, which is a DenseNet. Raises ValueError unless depth = 3n + 4.
    """

    make = staticmethod(basic)
    compression = 1.0
    layers: ClassVar[int] = 1  # convolutions of a layer

    def __init__(
        self,
        *,
        depth: int,
        growth: Sequence[int],
        links: str = "sparse",
        first: int = 2,
        num_classes: int = 100,
        in_chans: int = 3,
        global_pool: str = "avg",
        drop_rate: float = 0.0,
    ) -> None:
        width = first * growth[0]
        where = "Sec. 3 of 1608.06993"
        super().__init__(
            {"conv1": conv(in_chans, width, 3)},
            nn.Identity(),
            width=width,
            units=blocks_per_stage(depth, layers=self.layers, extra=4, where=where),
            growth=growth,
            links=links,
            head=Head(num_classes, global_pool, drop_rate),
        )


class CifarSparseNetBC(CifarSparseNet):
    """The same with bottlenecks and compression (BC): depth = 6n + 4."""

    make = staticmethod(bottleneck)
    compression, layers = 0.5, 2


class SparseNet(Aggregated):
    """(B, in_chans, 224, 224) -> (B, num_classes), with the stages of a DenseNet for ImageNet.

    Raises ValueError unless Table 1 of 1608.06993 has the depth.
    """

    first: ClassVar[int] = 2  # growth rates in the channels of the first convolution

    def __init__(
        self,
        *,
        depth: int,
        growth: int = 32,
        links: str = "sparse",
        num_classes: int = 1000,
        in_chans: int = 3,
        global_pool: str = "avg",
        drop_rate: float = 0.0,
    ) -> None:
        units, width = pick(DEPTHS, depth, "depth (Table 1 of 1608.06993)"), self.first * growth
        super().__init__(
            {
                "conv1": imagenet_stem(in_chans, width),
                "bn1": nn.BatchNorm2d(width),
                "act1": nn.ReLU(inplace=True),
            },
            nn.MaxPool2d(3, 2, 1),
            width=width,
            units=units,
            growth=[growth] * len(units),
            links=links,
            head=Head(num_classes, global_pool, drop_rate),
        )


class NarrowSparseNet(SparseNet):
    """As the authors' table counts: k channels first, and 3 x 3 means of the last map for fc."""

    first, grid = 1, 3
