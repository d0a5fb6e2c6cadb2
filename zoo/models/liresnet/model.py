"""Unlocking Deterministic Robustness Certification on ImageNet, Hu et al., 2301.12549.

image - 0.5 -> conv MinMax -> depth x (MinMax(x + W x + b)) -> 4x4/4 MinMax -> linear MinMax -> fc

A residual block without an activation in its branch is a linear layer, whose Lipschitz constant is
that of I + W: much less than the 1 + |W| of other residual blocks. certified.py has the bounds, and
emma.py the loss.    liresnet_l18w256 (CIFAR)   liresnet_l12w588, liresnet_l18w588 (ImageNet)
"""

from collections.abc import Sequence
from typing import ClassVar

from timm.layers import to_2tuple

from zoo.models.liresnet.certified import Certified
from zoo.models.liresnet.layers import (
    BasicResidual,
    Block,
    Convolution,
    LinearResidual,
    MinMax,
    neck,
    orthogonal,
)
from zoo.modules.classifier import Head
from zoo.modules.stages import pick

PLACES = 16  # per side, of all blocks


def stem_of(in_chans: int, width: int, img_size: int) -> Convolution:
    """Return the first layer: to 16 x 16 places, of overlapping patches but for 224 pixels."""
    kernel, stride, padding = pick(
        {32: (5, 2, 2), 64: (7, 4, 3), 224: (14, 14, 0)}, img_size, "img_size (the authors' code)"
    )
    return orthogonal(Convolution(in_chans, width, kernel, stride, padding=padding, size=img_size))


class LiResNet(Certified):
    """(B, in_chans, img_size, img_size) -> (B, num_classes), of pixels less 0.5.

    L18W256 has 18 `layers` of a width of 256. In training with `bounded`, logits and the
    slopes of their differences are returned. Raises ValueError for an `img_size` other than 32, 64
    or 224, or an odd `width`.
    """

    layer: ClassVar[type[LinearResidual] | type[BasicResidual]] = LinearResidual

    def __init__(
        self,
        *,
        layers: int,
        width: int,
        img_size: int | Sequence[int] = 32,
        bounded: bool = False,
        num_classes: int = 10,
        in_chans: int = 3,
        global_pool: str = "avg",
        drop_rate: float = 0.0,
    ) -> None:
        if layers < 1 or width < 2 or width % 2:
            raise ValueError(
                f"layers must be 1 or more, and width even for MinMax, not {layers} and {width}"
            )
        make_layer, (side, breadth) = type(self).layer, to_2tuple(img_size)
        if side != breadth:
            raise ValueError(f"images must be square (the authors' code), not {side} x {breadth}")
        super().__init__(
            stem={"conv1": stem_of(in_chans, width, side), "act1": MinMax()},
            blocks={
                f"blocks.{i}": Block(make_layer(width, PLACES, layers), width)
                for i in range(layers)
            },
            neck=neck(width, PLACES, 2048 if side == 224 else 512),
            bounded=bounded,
            head=Head(num_classes, global_pool, drop_rate),
        )
        self.img_size = (side, side)


class BasicLiResNet(LiResNet):
    """The same with conventional residual blocks, of two convolutions each."""

    layer = BasicResidual
