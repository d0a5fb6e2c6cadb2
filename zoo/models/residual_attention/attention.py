"""The attention module of 1704.06904: a trunk, and a mask that says where to look (Eq. 3, Fig. 2).

x -> unit -+-> unit -> unit ---------------------------- T -+-> (1 + M) T -> unit
           +-> hourglass -> 1x1 -> 1x1 -> sigmoid ------ M -+

hourglass:  pool -> unit -+-> hourglass of one level less -+-> (+) -> unit -> interpolation
                          +-> unit ------------------------+
"""

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor, nn

from zoo.modules.post_activation import LAYOUTS, conv

Unit = Callable[[int, int, int], nn.Module]  # (c_in, c_out, stride) -> bottleneck


class Hourglass(nn.Module):
    """Sec. 3.2: down `levels` times and up again, (B, channels, H, W) -> the same shape."""

    inner: nn.Module | None

    def __init__(self, channels: int, levels: int, *, unit: Unit) -> None:
        super().__init__()
        self.pool = LAYOUTS["caffe"].pool()
        self.down = unit(channels, channels, 1)
        self.inner = Hourglass(channels, levels - 1, unit=unit) if levels > 1 else None
        self.skip = unit(channels, channels, 1) if levels > 1 else None
        self.up = unit(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.down(self.pool(x))
        if self.inner is not None and self.skip is not None:
            y = self.skip(y) + self.inner(y)
        return F.interpolate(self.up(y), x.shape[-2:], mode="bilinear", align_corners=True)


class AttentionModule(nn.Module):
    """Eq. 3 with p = 1, t = 2, r = 1: (B, channels, H, W) -> the same shape.

    Args:
        channels: Of input and output.
        levels: Poolings of the mask.
        unit: Makes a bottleneck.
        activation: Makes what stands before the mask's first 1x1.
    """

    stride = 1

    def __init__(
        self, channels: int, levels: int, *, unit: Unit, activation: Callable[[int], nn.Module]
    ) -> None:
        super().__init__()
        self.c_out = channels
        self.first = unit(channels, channels, 1)
        self.trunk = nn.Sequential(*(unit(channels, channels, 1) for _ in range(2)))
        self.hourglass = Hourglass(channels, levels, unit=unit)
        self.mask = nn.Sequential(
            activation(channels),
            conv(channels, channels, 1),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
            conv(channels, channels, 1),
            nn.Sigmoid(),
        )
        self.last = unit(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        trunk = self.trunk(x)
        return self.last(trunk * self.mask(self.hourglass(x)) + trunk)
