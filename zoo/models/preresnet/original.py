"""The nets of the original unit that 1603.05027 compares with (Fig. 4a; Tables 2, 3 and 5).

resnet164, resnet1001: bottlenecks for CIFAR    resnet200_v1: for ImageNet
"""

from functools import partial

from torch import nn

from zoo.modules.classifier import Head
from zoo.modules.post_activation import LAYOUTS, Bottleneck, PostActivation, conv, imagenet_stem
from zoo.modules.shortcuts import projection
from zoo.modules.stages import DEPTHS, blocks_per_stage, pick, stack


class OriginalBottleneckResNet(PostActivation):
    """ResNet-164 and -1001 of the original unit (Fig. 4a): (B, in_chans, 32, 32) -> classes.

    `stride_first` puts the stride in the first 1x1, as the authors do, or in the 3x3.
    """

    def __init__(
        self,
        *,
        depth: int,
        stride_first: bool = True,
        num_classes: int = 10,
        in_chans: int = 3,
        global_pool: str = "avg",
        drop_rate: float = 0.0,
        drop_path_rate: float = 0.0,
    ) -> None:
        super().__init__(
            stem=conv(in_chans, 16, 3),
            pool=nn.Identity(),
            stages=stack(
                partial(Bottleneck, shortcut=projection, stride_first=stride_first),
                depths=blocks_per_stage(depth, layers=3, extra=2, where="Sec. 4.1"),
                widths=(16, 32, 64),
                c_in=16,
                drop_path_rate=drop_path_rate,
            ),
            head=Head(num_classes, global_pool, drop_rate),
        )


class OriginalResNet200(PostActivation):
    """ResNet-200 of the original unit (Table 5): (B, in_chans, 224, 224) -> (B, num_classes).

    `layout` is v1.5, v1 or caffe, as in ResNet.
    """

    def __init__(
        self,
        *,
        layout: str = "caffe",
        num_classes: int = 1000,
        in_chans: int = 3,
        global_pool: str = "avg",
        drop_rate: float = 0.0,
        drop_path_rate: float = 0.0,
    ) -> None:
        form = pick(LAYOUTS, layout, "layout")
        super().__init__(
            stem=imagenet_stem(in_chans),
            pool=form.pool(),
            stages=stack(
                partial(Bottleneck, shortcut=projection, stride_first=form.stride_first),
                depths=DEPTHS[200],
                widths=(64, 128, 256, 512),
                c_in=64,
                drop_path_rate=drop_path_rate,
            ),
            head=Head(num_classes, global_pool, drop_rate),
        )
