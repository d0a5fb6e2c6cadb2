"""Res2NeXt (1904.01169, Sec. 3.2.1): Res2Net whose 3x3 layers come in groups.

res2next50:           4 channels x 8 groups in each of 4 slices     (Table 1, 4w x 4s x 8c)
res2next29_6cx24wx4s: 24 channels x 6 groups in each of 4 slices    (Table 4, CIFAR-100)
"""

from functools import partial

from torch import nn

from zoo.models.res2net.model import WIDTHS, Res2Block
from zoo.modules.classifier import Head
from zoo.modules.post_activation import PostActivation, conv, imagenet_stem
from zoo.modules.shortcuts import projection
from zoo.modules.stages import DEPTHS, stack


def block(cardinality: int, slice_width: int, scale: int) -> partial[Res2Block]:
    """Return a factory of blocks with these dimensions (Fig. 3)."""
    return partial(
        Res2Block,
        shortcut=projection,
        slice_width=slice_width,
        scale=scale,
        cardinality=cardinality,
    )


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
                block(cardinality, slice_width, scale),
                depths=(3, 3, 3),
                widths=WIDTHS[:3],
                c_in=64,
                drop_path_rate=drop_path_rate,
            ),
            head=Head(num_classes, global_pool, drop_rate),
        )
