"""Res2Net-v1b (1904.01169, Table 1): stem and shortcuts of ResNet-D (1812.01187, Fig. 2)."""

from functools import partial

from torch import nn

from zoo.models.res2net.model import WIDTHS, Res2Block
from zoo.modules.classifier import Head
from zoo.modules.post_activation import PostActivation, deep_stem
from zoo.modules.shortcuts import averaged_projection
from zoo.modules.stages import imagenet_depths, stack


class Res2NetV1b(PostActivation):
    """(B, in_chans, 224, 224) -> (B, num_classes). Raises ValueError for depths but 50 and 101."""

    def __init__(
        self,
        *,
        depth: int,
        slice_width: int = 26,
        scale: int = 4,
        num_classes: int = 1000,
        in_chans: int = 3,
        global_pool: str = "avg",
        drop_rate: float = 0.0,
        drop_path_rate: float = 0.0,
    ) -> None:
        block = partial(Res2Block, slice_width=slice_width, scale=scale, cardinality=1)
        super().__init__(
            stem=deep_stem(in_chans),
            pool=nn.MaxPool2d(3, 2, 1),
            stages=stack(
                partial(block, shortcut=averaged_projection),
                depths=imagenet_depths(depth, (50, 101), "Table 1"),
                widths=WIDTHS,
                c_in=64,
                drop_path_rate=drop_path_rate,
            ),
            head=Head(num_classes, global_pool, drop_rate),
        )
