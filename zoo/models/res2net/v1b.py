"""Res2Net-v1b (1904.01169, Table 1): stem and shortcuts of ResNet-D (1812.01187, Fig. 2)."""

from functools import partial

from torch import nn

from zoo.models.res2net.model import WIDTHS, Res2Block
from zoo.modules.classifier import Head
from zoo.modules.post_activation import PostActivation, conv
from zoo.modules.stages import imagenet_depths, stack


def averaged_projection(c_in: int, c_out: int, stride: int) -> nn.Module:
    """The shortcut of v1b: averaged at the stride, then 1x1 and BatchNorm."""
    if (c_in, stride) == (c_out, 1):
        return nn.Identity()
    pool = nn.AvgPool2d(stride, stride, ceil_mode=True, count_include_pad=False)
    return nn.Sequential(pool, conv(c_in, c_out, 1), nn.BatchNorm2d(c_out))


def deep_stem(in_chans: int) -> nn.Sequential:
    """The stem of v1b, three 3x3 for one 7x7: (B, in_chans, 224, 224) -> (B, 64, 112, 112)."""
    first, second = (
        [conv(c_in, 32, 3, stride), nn.BatchNorm2d(32), nn.ReLU(inplace=True)]
        for c_in, stride in ((in_chans, 2), (32, 1))
    )
    return nn.Sequential(*first, *second, conv(32, 64, 3))


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
