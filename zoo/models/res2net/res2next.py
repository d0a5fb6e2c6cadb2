"""Res2NeXt (1904.01169, Sec. 3.2.1): Res2Net whose 3x3 layers come in groups.

res2next50:           4 channels x 8 groups in each of 4 slices     (Table 1, 4w x 4s x 8c)
res2next29_6cx24wx4s: 24 channels x 6 groups in each of 4 slices    (Table 4, CIFAR-100)
"""

from functools import partial
from typing import ClassVar

from torch import nn

from zoo.models.res2net.model import WIDTHS, Res2Block
from zoo.modules.classifier import Head
from zoo.modules.post_activation import Bottleneck, PostActivation, conv, imagenet_stem
from zoo.modules.shortcuts import projection
from zoo.modules.stages import DEPTHS, Block, stack


def block(cardinality: int, slice_width: int, scale: int) -> partial[Res2Block]:
    """Return a factory of blocks with these dimensions (Fig. 3)."""
    return partial(
        Res2Block,
        shortcut=projection,
        slice_width=slice_width,
        scale=scale,
        cardinality=cardinality,
    )


def grouped_first(cardinality: int, slice_width: int, scale: int) -> Block:
    """Return a factory whose first block of each stage has one 3x3 in cardinality x scale groups,
    all slices at once, where Res2Block has a 3x3 for each slice but one."""
    later = block(cardinality, slice_width, scale)
    groups = cardinality * scale

    def middle(width: int, stride: int) -> nn.Conv2d:
        channels = width * slice_width // 64 * groups
        return nn.Conv2d(channels, channels, 3, stride, 1, groups=groups, bias=False)

    def make(c_in: int, width: int, stride: int, drop_path: float) -> nn.Module:
        if (c_in, stride) == (4 * width, 1):
            return later(c_in, width, stride, drop_path)
        return Bottleneck(c_in, width, stride, drop_path, shortcut=projection, middle=middle)

    return make


class Res2NeXt(PostActivation):
    """50 layers: (B, in_chans, 224, 224) -> (B, num_classes)."""

    def __init__(
        self,
        *,
        cardinality: int = 8,
        slice_width: int = 4,
        scale: int = 4,
        num_classes: int = 1000,
        in_chans: int = 3,
        global_pool: str = "avg",
        drop_rate: float = 0.0,
        drop_path_rate: float = 0.0,
    ) -> None:
        super().__init__(
            stem=imagenet_stem(in_chans),
            pool=nn.MaxPool2d(3, 2, 1),
            stages=stack(
                block(cardinality, slice_width, scale),
                depths=DEPTHS[50],
                widths=WIDTHS,
                c_in=64,
                drop_path_rate=drop_path_rate,
            ),
            head=Head(num_classes, global_pool, drop_rate),
        )


class CifarRes2NeXt(PostActivation):
    """29 layers, on ResNeXt-29 (Sec. 4.3): (B, in_chans, 32, 32) -> (B, num_classes)."""

    block: ClassVar["staticmethod[[int, int, int], Block]"] = staticmethod(block)

    def __init__(
        self,
        *,
        cardinality: int,
        slice_width: int,
        scale: int,
        num_classes: int = 100,
        in_chans: int = 3,
        global_pool: str = "avg",
        drop_rate: float = 0.0,
        drop_path_rate: float = 0.0,
    ) -> None:
        super().__init__(
            stem=conv(in_chans, 64, 3),
            pool=nn.Identity(),
            stages=stack(
                type(self).block(cardinality, slice_width, scale),
                depths=(3, 3, 3),
                widths=WIDTHS[:3],
                c_in=64,
                drop_path_rate=drop_path_rate,
            ),
            head=Head(num_classes, global_pool, drop_rate),
        )


class GroupedCifarRes2NeXt(CifarRes2NeXt):
    """With grouped first blocks and 10 classes it has the sizes of Table 4."""

    block = staticmethod(grouped_first)
