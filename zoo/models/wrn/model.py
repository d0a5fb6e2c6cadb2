"""Wide Residual Networks, Zagoruyko and Komodakis, 1605.07146.

conv 3x3, 16 -> 3 groups of n blocks B(3, 3) of 16k, 32k, 64k filters -> BN-ReLU -> average -> fc

CIFAR, SVHN: wrn<depth>_<k>, pre-activation, depth = 6n + 4 (Table 1)
ImageNet:    wide_resnet18, wide_resnet34, wide_resnet50_2 (inner width), post-activation (Sec. 3)
"""

from collections.abc import Sequence
from functools import partial

from torch import nn

from zoo.models.wrn.folded import fold_norms
from zoo.modules.classifier import Head
from zoo.modules.post_activation import (
    Basic,
    Bottleneck,
    PostActivation,
    conv,
    dense,
    imagenet_stem,
)
from zoo.modules.pre_activation import PreActivation, PreUnit
from zoo.modules.shortcuts import bare_projection, projection
from zoo.modules.stages import DEPTHS, blocks_per_stage, imagenet_depths, stack


def block(
    c_in: int,
    width: int,
    stride: int,
    drop_path: float,
    *,
    kernels: Sequence[int],
    drop_rate: float,
) -> PreUnit:
    """B(kernels) of Sec. 2.1: (B, c_in, H, W) -> (B, width, H / stride, W / stride)."""
    first, *rest = kernels
    return PreUnit(
        [conv(c_in, width, first, stride), *(conv(width, width, kernel) for kernel in rest)],
        shortcut=bare_projection,
        drop_path=drop_path,
        dropout=drop_rate,
    )


class WideResNet(PreActivation):
    """WRN-depth-k of Table 1: (B, in_chans, 32, 32) -> (B, num_classes).

    `kernels` is the block type B(M) of Sec. 2.1, its length the deepening factor l of Sec. 2.2;
    `drop_rate` is the paper's dropout, between the convolutions of a block (Sec. 2.4: 0.3 on
    CIFAR, 0.4 on SVHN), not before the classifier. Raises ValueError unless depth = 3lN + 4.
    """

    def __init__(
        self,
        *,
        depth: int,
        k: int,
        kernels: Sequence[int] = (3, 3),
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
                partial(block, kernels=kernels, drop_rate=drop_rate),
                depths=blocks_per_stage(depth, layers=len(kernels), extra=4, where="Table 1"),
                widths=(16 * k, 32 * k, 64 * k),
                c_in=16,
                drop_path_rate=drop_path_rate,
            ),
            head=Head(num_classes, global_pool),
        )


class WideBasicResNet(PostActivation):
    """WRN-18 and WRN-34 of Table 7: (B, in_chans, 224, 224) -> (B, num_classes).

    `width` multiplies the filters of all four stages; conv1 keeps its 64.
    """

    def __init__(
        self,
        *,
        depth: int,
        width: float = 2.0,
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
                partial(Basic, shortcut=projection),
                depths=imagenet_depths(depth, (18, 34), "Table 7"),
                widths=[int(filters * width) for filters in (64, 128, 256, 512)],
                c_in=64,
                drop_path_rate=drop_path_rate,
            ),
            head=Head(num_classes, global_pool, drop_rate),
        )


class WideBottleneckResNet(PostActivation):
    """WRN-50-2-bottleneck of Table 8: (B, in_chans, 224, 224) -> (B, num_classes).

    A ResNet-50 whose 3x3 are `width` times as wide; keys as in torchvision and timm. `folded` has
    biases for BatchNorms, as the authors publish it for PyTorch.
    """

    def __init__(
        self,
        *,
        width: float = 2.0,
        folded: bool = False,
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
                partial(Bottleneck, shortcut=projection, middle=partial(dense, widen=width)),
                depths=DEPTHS[50],
                widths=(64, 128, 256, 512),
                c_in=64,
                drop_path_rate=drop_path_rate,
            ),
            head=Head(num_classes, global_pool, drop_rate),
        )
        if folded:
            fold_norms(self)
