"""The block of 1707.01629: one output is added, one concatenated (Sec. 4.2).

            +-> 1x1 -> 3x3 in groups -> 1x1 -> [ r' | d' ]
            |                                    |    |
[ r | d ] --+---------------------------> [ r + r' | d, d' ]

Keys are timm's.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

EPS = 1e-3  # of BatchNorm: MXNet's, which the authors' code leaves as it is


class Active(nn.Module):
    """BatchNorm, ReLU."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.bn = nn.BatchNorm2d(channels, eps=EPS)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(x))


class ActiveConv(Active):
    """BatchNorm, ReLU, convolution: (B, c_in, H, W) -> (B, c_out, H / stride, W / stride)."""

    def __init__(
        self, c_in: int, c_out: int, kernel: int, stride: int = 1, cardinality: int = 1
    ) -> None:
        super().__init__(c_in)
        self.conv = nn.Conv2d(
            c_in, c_out, kernel, stride, kernel // 2, groups=cardinality, bias=False
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(super().forward(x))


class DualPath(nn.Module):
    """(B, c_in, H, W) -> (B, c_out, H / stride, W / stride).

    `residual` channels, then the dense ones: k more than the input has, and 3k in the `first` block
    of a stage, after its projection. With `split`, each path has a last 1x1 of its own (DPN-68b).
    """

    beside = ("c1x1_w_s1", "c1x1_w_s2", "c1x1_c2")  # children off the main path

    def __init__(
        self,
        c_in: int,
        residual: int,
        width: int,
        k: int,
        *,
        stride: int,
        first: bool,
        cardinality: int,
        split: bool,
    ) -> None:
        super().__init__()
        self.residual, self.stride, self.split = residual, stride, split
        self.c_out = (residual + 2 * k if first else c_in) + k
        self.projection = f"c1x1_w_s{stride}" if first else ""
        if first:
            projection = ActiveConv(c_in, residual + 2 * k, 1, stride)
            self.add_module(self.projection, projection)
        self.c1x1_a = ActiveConv(c_in, width, 1)
        self.c3x3_b = ActiveConv(width, width, 3, stride, cardinality)
        self.c1x1_c = Active(width) if split else ActiveConv(width, residual + k, 1)
        if split:
            self.c1x1_c1 = nn.Conv2d(width, residual, 1, bias=False)
            self.c1x1_c2 = nn.Conv2d(width, k, 1, bias=False)

    def outputs(self, x: Tensor) -> Sequence[Tensor]:
        """Return r' for the residual path and d' for the dense one."""
        y = self.c1x1_c(self.c3x3_b(self.c1x1_a(x)))
        if self.split:
            return self.c1x1_c1(y), self.c1x1_c2(y)
        return y.tensor_split([self.residual], 1)

    def forward(self, x: Tensor) -> Tensor:
        added, appended = self.outputs(x)
        skip = self.get_submodule(self.projection)(x) if self.projection else x
        residual, dense = skip.tensor_split([self.residual], 1)
        return torch.cat([residual + added, dense, appended], 1)
