"""The pyramid of 1610.02915, Sec. 2: the widths of the units, and the unit.

x -> BN -> conv -> BN ReLU -> conv -> BN -> (+)    keys: bn1 conv1 bn2 conv2 bn3 (conv3 bn4)
 \\_ average where the size changes, zeros ___/
"""

from collections.abc import Callable, Sequence
from itertools import islice
from math import floor

import torch.nn.functional as F
from timm.layers import DropPath
from torch import Tensor, nn

from zoo.modules.post_activation import conv
from zoo.modules.shortcuts import pooled_identity
from zoo.modules.stages import pick

# (filters of the stem, alpha, k / N) -> filters of unit k
Widening = Callable[[int, float, float], float]
WIDENINGS: dict[str, Widening] = {
    "additive": lambda first, alpha, share: first + alpha * share,
    "multiplicative": lambda first, alpha, share: first * alpha**share,
}


def pyramid(
    depths: Sequence[int], alpha: float, *, first: int, widening: str = "additive"
) -> list[list[int]]:
    """Return the filters of every unit, by stage, each rounded from its exact value.

    `first` are the filters of the stem. Raises ValueError unless the last unit is wider.
    """
    wide = pick(WIDENINGS, widening, "widening (Sec. 2)")
    if wide(first, alpha, 1) <= first:
        raise ValueError(f"alpha must widen (Sec. 2): above 0, or 1 if it multiplies, not {alpha}")
    n = sum(depths)
    filters = (floor(wide(first, alpha, k / n) + 0.5) for k in range(1, n + 1))
    return [list(islice(filters, depth)) for depth in depths]


class PyramidUnit(nn.Module):
    """No ReLU before the first convolution, a BatchNorm after the last (Sec. 2).

    (B, c_in, H, W) -> (B, c_out, H / stride, W / stride).
    """

    def __init__(self, convs: Sequence[nn.Conv2d], *, drop_path: float) -> None:
        super().__init__()
        c_in, self.c_out = convs[0].in_channels, convs[-1].out_channels
        self.stride = max(layer.stride[0] for layer in convs)
        self.convolutions = len(convs)
        for i, layer in enumerate(convs, 1):
            self.add_module(f"bn{i}", nn.BatchNorm2d(layer.in_channels))
            self.add_module(f"conv{i}", layer)
        self.add_module(f"bn{self.convolutions + 1}", nn.BatchNorm2d(self.c_out))
        self.downsample = pooled_identity(c_in, self.c_out, self.stride)
        self.drop_path = DropPath(drop_path) if drop_path else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        out = x
        for i in range(1, self.convolutions + 1):
            out = self.get_submodule(f"bn{i}")(out)
            out = self.get_submodule(f"conv{i}")(F.relu(out, inplace=True) if i > 1 else out)
        out = self.get_submodule(f"bn{self.convolutions + 1}")(out)
        return self.drop_path(out) + self.downsample(x)


def basic(c_in: int, width: int, stride: int, drop_path: float) -> PyramidUnit:
    """Two 3x3: (B, c_in, H, W) -> (B, width, H / stride, W / stride)."""
    convs = [conv(c_in, width, 3, stride), conv(width, width, 3)]
    return PyramidUnit(convs, drop_path=drop_path)


def bottleneck(c_in: int, width: int, stride: int, drop_path: float) -> PyramidUnit:
    """1x1, 3x3, 1x1: (B, c_in, H, W) -> (B, 4 width, H / stride, W / stride)."""
    convs = [conv(c_in, width, 1), conv(width, width, 3, stride), conv(width, 4 * width, 1)]
    return PyramidUnit(convs, drop_path=drop_path)
