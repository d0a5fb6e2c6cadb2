"""Shortcuts of residual blocks (1512.03385, Sec. 3.3), and how they merge with the branch.

A shortcut is a function (c_in, c_out, stride) -> module from (B, c_in, H, W) to
(B, c_out, H / stride, W / stride). A merge is a function channels -> callable of branch and skip,
(B, channels, H, W) each: a function, or a module if it has weights. It may overwrite the branch.
"""

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor, nn

Shortcut = Callable[[int, int, int], nn.Module]
Merge = Callable[[int], Callable[[Tensor, Tensor], Tensor]]


def add(branch: Tensor, skip: Tensor) -> Tensor:
    """F(x) + x (Eq. 1), in place of F(x)."""
    return branch.add_(skip)


def addition(channels: int) -> Callable[[Tensor, Tensor], Tensor]:
    """Merge by `add`, for any number of channels."""
    return add


class ZeroPadding(nn.Module):
    """Option A: every stride-th pixel, padded with channels of zeros.

    The authors' Torch code appends the zeros; a port in wide use puts half of them in front.
    The two have equal keys and shapes but are different functions.
    """

    def __init__(self, c_in: int, c_out: int, stride: int, *, both_sides: bool = False) -> None:
        super().__init__()
        self.stride = stride
        self.before = (c_out - c_in) // 2 if both_sides else 0
        self.after = c_out - c_in - self.before

    def forward(self, x: Tensor) -> Tensor:
        return F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, self.before, self.after))


def identity(c_in: int, c_out: int, stride: int) -> nn.Module:
    """Option A, zeros at the end (models/resnet.lua of fb.resnet.torch)."""
    same = (c_in, stride) == (c_out, 1)
    return nn.Identity() if same else ZeroPadding(c_in, c_out, stride)


def centred_identity(c_in: int, c_out: int, stride: int) -> nn.Module:
    """Option A, zeros on both sides (akamaster/pytorch_resnet_cifar10)."""
    same = (c_in, stride) == (c_out, 1)
    return nn.Identity() if same else ZeroPadding(c_in, c_out, stride, both_sides=True)


def pooled_identity(c_in: int, c_out: int, stride: int) -> nn.Module:
    """Option A with an average over stride x stride pixels (1603.09382, Sec. 4), zeros at the end.

    An odd last row or column is averaged by itself.
    """
    padding = identity(c_in, c_out, 1)
    pool = nn.AvgPool2d(stride, ceil_mode=True)
    return padding if stride == 1 else nn.Sequential(pool, padding)


def projection(c_in: int, c_out: int, stride: int, *, always: bool = False) -> nn.Module:
    """Option B: 1x1 convolution and BatchNorm where the dimensions change; C: `always`."""
    if (c_in, stride) == (c_out, 1) and not always:
        return nn.Identity()
    conv = nn.Conv2d(c_in, c_out, 1, stride, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(c_out))


def averaged_projection(c_in: int, c_out: int, stride: int) -> nn.Module:
    """ResNet-D's (1812.01187, Fig. 2c): averaged at the stride, then 1x1 and BatchNorm."""
    if (c_in, stride) == (c_out, 1):
        return nn.Identity()
    pool = nn.AvgPool2d(stride, stride, ceil_mode=True, count_include_pad=False)
    conv = nn.Conv2d(c_in, c_out, 1, bias=False)
    return nn.Sequential(pool, conv, nn.BatchNorm2d(c_out))


def bare_projection(c_in: int, c_out: int, stride: int) -> nn.Module:
    """Option B of pre-activation units: the 1x1 convolution alone (1603.05027, appendix)."""
    if (c_in, stride) == (c_out, 1):
        return nn.Identity()
    return nn.Conv2d(c_in, c_out, 1, stride, bias=False)
