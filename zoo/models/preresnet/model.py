"""Identity Mappings in Deep Residual Networks, He et al., 1603.05027.

x + F(BN-ReLU(x)) (Eq. 9): nothing stands on the shortcut, so a signal passes from any unit to any
other. The first unit of the network, and units that change the dimensions, share their first
BN-ReLU with the shortcut; a last BN-ReLU follows the last addition (appendix).

preresnet110 (basic)  preresnet164, preresnet1001 (bottleneck)  preresnet50 .. 200 (ImageNet)
"""

from functools import partial

from torch import nn

from zoo.modules.classifier import Head
from zoo.modules.post_activation import conv, imagenet_stem
from zoo.modules.pre_activation import PreActivation, PreUnit
from zoo.modules.shortcuts import bare_projection, identity
from zoo.modules.stages import blocks_per_stage, imagenet_depths, pick, stack

OPTIONS = {"A": identity, "B": bare_projection}


def basic(
    c_in: int, width: int, stride: int, drop_path: float, *, option: str, shares: bool
) -> PreUnit:
    """Two 3x3 (Fig. 4e): (B, c_in, H, W) -> (B, width, H / stride, W / stride)."""
    return PreUnit(
        [conv(c_in, width, 3, stride), conv(width, width, 3)],
        shortcut=OPTIONS[option],
        drop_path=drop_path,
        shares=shares,
    )


def bottleneck(
    c_in: int, width: int, stride: int, drop_path: float, *, stride_first: bool, activated: bool
) -> PreUnit:
    """1x1, 3x3, 1x1: (B, c_in, H, W) -> (B, 4 width, H / stride, W / stride)."""
    first, second = (stride, 1) if stride_first else (1, stride)
    return PreUnit(
        [conv(c_in, width, 1, first), conv(width, width, 3, second), conv(width, 4 * width, 1)],
        shortcut=bare_projection,
        drop_path=drop_path,
        activated=activated,
    )


class BasicPreResNet(PreActivation):
    """ResNet-110 of Tables 2 and 3: (B, in_chans, 32, 32) -> (B, num_classes).

    `shortcut` is option A (the paper's, Sec. 3.1) or B. With `shares`, the first unit's identity
    starts after the BN-ReLU (appendix; models/preresnet.lua of fb.resnet.torch).
    """

    def __init__(
        self,
        *,
        depth: int,
        shortcut: str = "A",
        shares: bool = True,
        num_classes: int = 10,
        in_chans: int = 3,
        global_pool: str = "avg",
        drop_rate: float = 0.0,
        drop_path_rate: float = 0.0,
    ) -> None:
        pick(OPTIONS, shortcut, "shortcut")
        super().__init__(
            stem={"conv1": conv(in_chans, 16, 3)},
            pool=nn.Identity(),
            stages=stack(
                partial(basic, option=shortcut, shares=False),
                first=partial(basic, option=shortcut, shares=shares),
                depths=blocks_per_stage(depth, layers=2, extra=2, where="Sec. 4.1"),
                widths=(16, 32, 64),
                c_in=16,
                drop_path_rate=drop_path_rate,
            ),
            head=Head(num_classes, global_pool, drop_rate),
        )


class BottleneckPreResNet(PreActivation):
    """ResNet-164 and -1001 (resnet-pre-act.lua): (B, in_chans, 32, 32) -> (B, num_classes).

    `stride_first` puts the stride in the first 1x1, as the authors do; a port in wide use puts
    it in the 3x3, with equal keys and shapes. Raises ValueError unless depth = 9n + 2.
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
            stem={"conv1": conv(in_chans, 16, 3)},
            pool=nn.Identity(),
            stages=stack(
                partial(bottleneck, stride_first=stride_first, activated=False),
                depths=blocks_per_stage(depth, layers=3, extra=2, where="Sec. 4.1"),
                widths=(16, 32, 64),
                c_in=16,
                drop_path_rate=drop_path_rate,
            ),
            head=Head(num_classes, global_pool, drop_rate),
        )


class PreResNet(PreActivation):
    """Table 5, as in models/preresnet.lua: (B, in_chans, 224, 224) -> (B, num_classes).

    conv1 has its own BN-ReLU before the pooling, so that the first unit's input is `activated`
    and it has none; else it has one too. `stride_first` puts the stride in the first 1x1.
    """

    def __init__(
        self,
        *,
        depth: int,
        stride_first: bool = False,
        activated: bool = True,
        num_classes: int = 1000,
        in_chans: int = 3,
        global_pool: str = "avg",
        drop_rate: float = 0.0,
        drop_path_rate: float = 0.0,
    ) -> None:
        super().__init__(
            stem={
                "conv1": imagenet_stem(in_chans),
                "bn1": nn.BatchNorm2d(64),
                "act1": nn.ReLU(inplace=True),
            },
            pool=nn.MaxPool2d(3, 2, 1),
            stages=stack(
                partial(bottleneck, stride_first=stride_first, activated=False),
                first=partial(bottleneck, stride_first=stride_first, activated=activated),
                depths=imagenet_depths(depth, (50, 101, 152, 200), "Sec. 5"),
                widths=(64, 128, 256, 512),
                c_in=64,
                drop_path_rate=drop_path_rate,
            ),
            head=Head(num_classes, global_pool, drop_rate),
        )
