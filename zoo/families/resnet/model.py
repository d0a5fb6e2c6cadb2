"""Deep Residual Learning for Image Recognition, He et al., 1512.03385.

y = F(x) + x (Eq. 1): blocks learn what to add to their input; a plain net has no `+ x`.

ImageNet (Table 1): 7x7/2, 3x3/2 max, 4 stages of 64..512 filters   resnet18 .. resnet152, plain34
CIFAR (Sec. 4.2):   3x3, 3 stages of 2n layers, 16, 32, 64 filters  resnet20 .. resnet1202, plain20
"""

from functools import partial

from torch import Tensor, nn

from zoo.trunks.classifier import Head
from zoo.trunks.post_activation import Basic, Bottleneck, PostActivation, conv, imagenet_stem
from zoo.trunks.shortcuts import Block, centred_identity, identity, pick, projection, stack

TABLE_1 = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}
IMAGENET_WIDTHS, CIFAR_WIDTHS = (64, 128, 256, 512), (16, 32, 64)
OPTIONS = {"A": identity, "B": projection, "C": partial(projection, always=True)}
PADDINGS = {"end": identity, "both": centred_identity}


class Plain(Basic):
    """Two 3x3 and nothing beside them (Fig. 3, middle)."""

    def __init__(self, c_in: int, width: int, stride: int, drop_path: float) -> None:
        super().__init__(c_in, width, stride, drop_path, shortcut=lambda *_: nn.Identity())

    def forward(self, x: Tensor) -> Tensor:
        return self.act2(self.residual(x))


def large_pool(original: bool) -> nn.MaxPool2d:
    """3x3/2, 112 -> 56 pixels: centred, or from the border and rounding up as Caffe does."""
    return nn.MaxPool2d(3, 2, 0, ceil_mode=True) if original else nn.MaxPool2d(3, 2, 1)


def layers_per_stage(depth: int) -> tuple[int, int, int]:
    """n blocks of two layers in each of three stages: depth = 6n + 2 (Sec. 4.2)."""
    n, rest = divmod(depth - 2, 6)
    if n < 1 or rest:
        raise ValueError(f"depth must be 6n + 2 (Sec. 4.2), not {depth}")
    return n, n, n


class ResNet(PostActivation):
    """Table 1: (B, in_chans, 224, 224) -> (B, num_classes).

    The default is what timm and torchvision call ResNet: stride in the 3x3, projections
    (option B). `original` is the authors' Caffe definition: stride in the first 1x1, and a
    max-pool that starts at the border. `shortcut` is option A, B or C of Sec. 4.1.
    Raises ValueError for a depth that Table 1 lacks.
    """

    def __init__(
        self,
        *,
        depth: int,
        shortcut: str = "B",
        original: bool = False,
        num_classes: int = 1000,
        in_chans: int = 3,
        global_pool: str = "avg",
        drop_rate: float = 0.0,
        drop_path_rate: float = 0.0,
    ) -> None:
        depths = pick(TABLE_1, depth, "depth (Table 1)")
        option = pick(OPTIONS, shortcut, "shortcut (Sec. 4.1)")
        block: Block = partial(Basic, shortcut=option)
        if depth >= 50:
            block = partial(Bottleneck, shortcut=option, stride_first=original)
        super().__init__(
            stem=imagenet_stem(in_chans),
            pool=large_pool(original),
            stages=stack(
                block, depths=depths, widths=IMAGENET_WIDTHS, c_in=64, drop_path_rate=drop_path_rate
            ),
            head=Head(num_classes, global_pool, drop_rate),
        )


class PlainNet(PostActivation):
    """Fig. 3, middle, of 18 or 34 layers: (B, in_chans, 224, 224) -> (B, num_classes)."""

    def __init__(
        self,
        *,
        depth: int,
        num_classes: int = 1000,
        in_chans: int = 3,
        global_pool: str = "avg",
        drop_rate: float = 0.0,
    ) -> None:
        depths = pick({18: TABLE_1[18], 34: TABLE_1[34]}, depth, "depth (Sec. 4.1)")
        super().__init__(
            stem=imagenet_stem(in_chans),
            pool=large_pool(original=True),
            stages=stack(Plain, depths=depths, widths=IMAGENET_WIDTHS, c_in=64, drop_path_rate=0.0),
            head=Head(num_classes, global_pool, drop_rate),
        )


class CifarResNet(PostActivation):
    """Sec. 4.2: (B, in_chans, 32, 32) -> (B, num_classes).

    `shortcut` is option A (the paper's) or B; `padding` says where option A puts its zeros:
    at the 'end', as the authors' Torch code does, or on 'both' sides. Raises ValueError
    unless depth = 6n + 2.
    """

    def __init__(
        self,
        *,
        depth: int,
        shortcut: str = "A",
        padding: str = "end",
        num_classes: int = 10,
        in_chans: int = 3,
        global_pool: str = "avg",
        drop_rate: float = 0.0,
        drop_path_rate: float = 0.0,
    ) -> None:
        zeros = pick(PADDINGS, padding, "padding of option A")
        option = pick({"A": zeros, "B": projection}, shortcut, "shortcut (Sec. 4.2)")
        super().__init__(
            stem=conv(in_chans, 16, 3),
            pool=nn.Identity(),
            stages=stack(
                partial(Basic, shortcut=option),
                depths=layers_per_stage(depth),
                widths=CIFAR_WIDTHS,
                c_in=16,
                drop_path_rate=drop_path_rate,
            ),
            head=Head(num_classes, global_pool, drop_rate),
        )


class CifarPlainNet(PostActivation):
    """Sec. 4.2 without shortcuts: (B, in_chans, 32, 32) -> (B, num_classes)."""

    def __init__(
        self,
        *,
        depth: int,
        num_classes: int = 10,
        in_chans: int = 3,
        global_pool: str = "avg",
        drop_rate: float = 0.0,
    ) -> None:
        depths = layers_per_stage(depth)
        super().__init__(
            stem=conv(in_chans, 16, 3),
            pool=nn.Identity(),
            stages=stack(Plain, depths=depths, widths=CIFAR_WIDTHS, c_in=16, drop_path_rate=0.0),
            head=Head(num_classes, global_pool, drop_rate),
        )
