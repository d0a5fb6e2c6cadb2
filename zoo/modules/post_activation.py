"""Residual blocks of 1512.03385 (Fig. 5): the activation comes after the addition.

x -> conv BN ReLU -> conv BN -> (+) -> ReLU        keys: conv1 bn1 conv2 bn2 (conv3 bn3) downsample
 \\________ shortcut ___________/                   as in torchvision and timm
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from timm.layers import DropPath
from torch import Tensor, nn

from zoo.modules.classifier import Classifier, Head, convolutions
from zoo.modules.shortcuts import Merge, Shortcut, addition


def conv(c_in: int, c_out: int, kernel: int, stride: int = 1) -> nn.Conv2d:
    """Convolution without bias, padded to keep the size (but for its stride)."""
    return nn.Conv2d(c_in, c_out, kernel, stride, kernel // 2, bias=False)


Middle = Callable[[int, int], nn.Conv2d]  # (width, stride) -> the layer between the 1x1s


def dense(width: int, stride: int, *, widen: float = 1) -> nn.Conv2d:
    """3x3 convolution, with `widen` times as many channels (1605.07146)."""
    return conv(int(width * widen), int(width * widen), 3, stride)


class Basic(nn.Module):
    """Fig. 5, left: two 3x3. (B, c_in, H, W) -> (B, width, H / stride, W / stride)."""

    expansion: ClassVar[int] = 1

    def __init__(
        self,
        c_in: int,
        width: int,
        stride: int,
        drop_path: float,
        *,
        shortcut: Shortcut,
        merge: Merge = addition,
    ) -> None:
        super().__init__()
        self.c_out, self.stride = width, stride
        self.conv1 = conv(c_in, width, 3, stride)
        self.bn1 = nn.BatchNorm2d(width)
        self.act1 = nn.ReLU(inplace=True)
        self.conv2 = conv(width, width, 3)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = shortcut(c_in, self.c_out, stride)
        self.drop_path = DropPath(drop_path) if drop_path else nn.Identity()
        self.merge = merge(self.c_out)
        self.act2 = nn.ReLU(inplace=True)

    def residual(self, x: Tensor) -> Tensor:
        """F(x) of Eq. 1."""
        return self.bn2(self.conv2(self.act1(self.bn1(self.conv1(x)))))

    def forward(self, x: Tensor) -> Tensor:
        return self.act2(self.merge(self.drop_path(self.residual(x)), self.downsample(x)))


class Bottleneck(nn.Module):
    """Fig. 5, right: 1x1, 3x3, 1x1. (B, c_in, H, W) -> (B, 4 width, H / stride, W / stride).

    `middle` makes the 3x3, whose channels the 1x1s adopt; `stride_first` puts the stride in the
    first 1x1, as the authors' Caffe networks do, instead of the 3x3.
    """

    expansion: ClassVar[int] = 4

    def __init__(
        self,
        c_in: int,
        width: int,
        stride: int,
        drop_path: float,
        *,
        shortcut: Shortcut,
        middle: Middle = dense,
        stride_first: bool = False,
        merge: Merge = addition,
    ) -> None:
        super().__init__()
        self.c_out, self.stride = width * self.expansion, stride
        strides = (stride, 1) if stride_first else (1, stride)
        conv2 = middle(width, strides[1])
        self.conv1 = conv(c_in, conv2.in_channels, 1, strides[0])
        self.bn1 = nn.BatchNorm2d(conv2.in_channels)
        self.act1 = nn.ReLU(inplace=True)
        self.conv2 = conv2
        self.bn2 = nn.BatchNorm2d(conv2.out_channels)
        self.act2 = nn.ReLU(inplace=True)
        self.conv3 = conv(conv2.out_channels, self.c_out, 1)
        self.bn3 = nn.BatchNorm2d(self.c_out)
        self.downsample = shortcut(c_in, self.c_out, stride)
        self.drop_path = DropPath(drop_path) if drop_path else nn.Identity()
        self.merge = merge(self.c_out)
        self.act3 = nn.ReLU(inplace=True)

    def residual(self, x: Tensor) -> Tensor:
        """F(x) of Eq. 1."""
        x = self.act1(self.bn1(self.conv1(x)))
        x = self.act2(self.bn2(self.conv2(x)))
        return self.bn3(self.conv3(x))

    def forward(self, x: Tensor) -> Tensor:
        return self.act3(self.merge(self.drop_path(self.residual(x)), self.downsample(x)))


class PostActivation(Classifier):
    """conv1 BN ReLU [maxpool] -> stages -> average -> fc.

    `stem` is conv1, or a sequence of layers; `pool` follows it (Identity for 32x32 images).
    """

    def __init__(
        self,
        *,
        stem: nn.Module,
        pool: nn.Module,
        stages: Mapping[str, nn.Module],
        head: Head,
    ) -> None:
        super().__init__(
            stem={
                "conv1": stem,
                "bn1": nn.BatchNorm2d(convolutions(stem)[-1].out_channels),
                "act1": nn.ReLU(inplace=True),
            },
            pool=pool,
            stages=stages,
            tail={},
            head=head,
        )


@dataclass(frozen=True)
class Layout:
    """What no tensor of a ResNet for ImageNet tells."""

    stride_first: bool  # the stride of a bottleneck is in its first 1x1, not in its 3x3
    caffe_pool: bool  # the max-pool starts at the border and rounds up, as Caffe's does

    def pool(self) -> nn.MaxPool2d:
        """3x3/2, 112 -> 56 pixels."""
        padding = 0 if self.caffe_pool else 1
        return nn.MaxPool2d(3, 2, padding, ceil_mode=self.caffe_pool)


LAYOUTS = {  # torchvision's and timm's; that of ports before it; the authors'
    "v1.5": Layout(stride_first=False, caffe_pool=False),
    "v1": Layout(stride_first=True, caffe_pool=False),
    "caffe": Layout(stride_first=True, caffe_pool=True),
}


def imagenet_stem(in_chans: int, width: int = 64) -> nn.Conv2d:
    """7x7 of stride 2 (Table 1): (B, in_chans, 224, 224) -> (B, width, 112, 112)."""
    return conv(in_chans, width, 7, 2)


def deep_stem(in_chans: int, width: int = 32) -> nn.Sequential:
    """ResNet-D's (1812.01187, Fig. 2b): three 3x3 for one 7x7, the last twice as wide.

    (B, in_chans, 224, 224) -> (B, 2 width, 112, 112).
    """
    first, second = (
        [conv(c_in, width, 3, stride), nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
        for c_in, stride in ((in_chans, 2), (width, 1))
    )
    return nn.Sequential(*first, *second, conv(width, 2 * width, 3))
