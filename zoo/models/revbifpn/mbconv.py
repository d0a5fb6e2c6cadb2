"""Inverted bottlenecks (1801.04381, 1905.02244) as RevBiFPN's authors have them, without shortcut.

x -> [1x1 BN act] -> depthwise BN act -> [SE] -> 1x1 BN -> [drop path]      act: Hardswish
"""

from collections import OrderedDict
from typing import NamedTuple

from timm.layers import DropPath
from torch import Tensor, nn

EPSILON = 1e-3  # of every BatchNorm


class Shape(NamedTuple):
    """What the layers of a level have in common."""

    kernel: int  # of the depthwise convolution
    expansion: int  # inner channels by input channels; at 1 there is no first 1x1
    squeeze: float  # channels inside SE by input channels; 0: no SE


def conv_norm(
    c_in: int, c_out: int, kernel: int, stride: int = 1, groups: int = 1, *, act: bool = True
) -> nn.Sequential:
    """Convolution, BN and Hardswish: (B, c_in, H, W) -> (B, c_out, H / stride, W / stride)."""
    padding = (kernel - 1) // 2
    layers: OrderedDict[str, nn.Module] = OrderedDict(
        conv=nn.Conv2d(c_in, c_out, kernel, stride, padding, groups=groups, bias=False),
        norm=nn.BatchNorm2d(c_out, eps=EPSILON),
    )
    if act:
        layers["act"] = nn.Hardswish()
    return nn.Sequential(layers)


class SqueezeExcite(nn.Module):
    """Each channel times a gate of the means of all (1709.01507)."""

    def __init__(self, channels: int, squeezed: int) -> None:
        super().__init__()
        self.se = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(channels, squeezed, 1),
            nn.Hardswish(),
            nn.Conv2d(squeezed, channels, 1),
            nn.Hardsigmoid(),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x * self.se(x)


class MBConv(nn.Sequential):
    """(B, c_in, H, W) -> (B, c_out, H / stride, W / stride)."""

    def __init__(
        self, c_in: int, c_out: int, shape: Shape, stride: int = 1, drop_path: float = 0.0
    ) -> None:
        inner = c_in * shape.expansion
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        if shape.expansion > 1:
            layers["exp_conv"] = conv_norm(c_in, inner, 1)
        layers["dw_conv"] = conv_norm(inner, inner, shape.kernel, stride, groups=inner)
        if shape.squeeze:
            layers["se"] = SqueezeExcite(inner, max(1, int(c_in * shape.squeeze)))
        layers["project_conv"] = conv_norm(inner, c_out, 1, act=False)
        if drop_path:
            layers["drop_path"] = DropPath(drop_path)
        super().__init__(layers)
