"""What runs beside a residual block (1512.03385, Sec. 3.3), and what makes one of the two.

A shortcut is a function (c_in, c_out, stride) -> module from (B, c_in, H, W) to
(B, c_out, H / stride, W / stride). A join is a function channels -> what makes one of a branch and
a skip, (B, channels, H, W) each: a plain function, or a module where it has weights. The branch is
nobody else's, and may be overwritten.
"""

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor, nn

Shortcut = Callable[[int, int, int], nn.Module]
Join = Callable[[int], Callable[[Tensor, Tensor], Tensor]]


def addition(channels: int) -> Callable[[Tensor, Tensor], Tensor]:
    """F(x) + x (Eq. 1), in the memory of F(x): no module, no parameter."""
    return Tensor.add_


class ZeroPadding(nn.Module):
    """Option A: every stride-th pixel, with channels of zeros: no parameter.

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
    """Option A with an average of stride x stride pixels in the place of one of them (1603.09382,
    Sec. 4), zeros at the end; an odd last row or column is averaged by itself."""
    padding = identity(c_in, c_out, 1)
    pool = nn.AvgPool2d(stride, ceil_mode=True)
    return padding if stride == 1 else nn.Sequential(pool, padding)


def projection(c_in: int, c_out: int, stride: int, *, always: bool = False) -> nn.Module:
    """Option B: 1x1 convolution and BatchNorm where the dimensions change; C: `always`."""
    if (c_in, stride) == (c_out, 1) and not always:
        return nn.Identity()
    conv = nn.Conv2d(c_in, c_out, 1, stride, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(c_out))


def bare_projection(c_in: int, c_out: int, stride: int) -> nn.Module:
    """Option B of pre-activation units: the 1x1 convolution alone (1603.05027, appendix)."""
    if (c_in, stride) == (c_out, 1):
        return nn.Identity()
    return nn.Conv2d(c_in, c_out, 1, stride, bias=False)
