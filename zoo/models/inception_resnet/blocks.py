"""Blocks of 1602.07261: convolutions side by side, concatenated, and added to their input.

           +-> conv BN ReLU -> ... -+
        x -+-> conv BN ReLU -> ... -+-> concatenate [-> 1x1 -> times a scale -> (+ x) -> ReLU]
           +-> pool -> ... ---------+

The figures mark a convolution without padding with a V. Keys are timm's.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Layer(NamedTuple):
    """A convolution with BatchNorm and ReLU."""

    channels: int
    kernel: int | tuple[int, int]
    stride: int = 1  # 2 is always V
    valid: bool = False  # V: no padding


AVERAGE = partial(nn.AvgPool2d, 3, 1, 1, count_include_pad=False)
MAXIMUM = partial(nn.MaxPool2d, 3, 2)
Steps = Sequence[Layer | Callable[[], nn.Module]]


def scaled(channels: int, multiplier: float) -> int:
    """Return a number of filters times the multiplier, 1 or more."""
    return max(1, round(channels * multiplier))


class ConvNormAct(nn.Module):
    """(B, c_in, H, W) -> (B, c_out, H / stride, W / stride), less the border for V."""

    def __init__(self, c_in: int, layer: Layer, multiplier: float) -> None:
        super().__init__()
        self.c_out, self.stride = scaled(layer.channels, multiplier), layer.stride
        kernel = layer.kernel if isinstance(layer.kernel, tuple) else (layer.kernel,) * 2
        is_valid = layer.valid or layer.stride == 2
        padding = (0, 0) if is_valid else (kernel[0] // 2, kernel[1] // 2)
        self.conv = nn.Conv2d(c_in, self.c_out, kernel, layer.stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(self.c_out, eps=1e-3)  # of the authors' code

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(x)))


def chain(c_in: int, steps: Steps, multiplier: float) -> tuple[nn.Module, int]:
    """Return one step, or several as a sequence, and the channels of the last."""
    modules: list[nn.Module] = []
    for step in steps:
        if isinstance(step, Layer):
            modules.append(conv := ConvNormAct(c_in, step, multiplier))
            c_in = conv.c_out
        else:
            modules.append(step())
    return (modules[0] if len(modules) == 1 else nn.Sequential(*modules)), c_in


class Branches(nn.Module):
    """Side by side: (B, c_in, H, W) -> (B, c_out, H / stride, W / stride).

    Args:
        c_in: Channels of the input.
        branches: {name: steps}; "branch0", "branch1", ... for a sequence.
        multiplier: Of all filters.
        pool: Before the branches.
        stride: By which the size is divided, `pool` included.
    """

    def __init__(
        self,
        c_in: int,
        branches: Mapping[str, Steps] | Sequence[Steps],
        *,
        multiplier: float,
        pool: nn.Module | None = None,
        stride: int = 1,
    ) -> None:
        super().__init__()
        if not isinstance(branches, Mapping):
            branches = {f"branch{i}": steps for i, steps in enumerate(branches)}
        self.stride, self.c_out, self.names = stride, 0, tuple(branches)
        self.pool = pool or nn.Identity()
        for name, steps in branches.items():
            branch, channels = chain(c_in, steps, multiplier)
            self.add_module(name, branch)
            self.c_out += channels

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool(x)
        return torch.cat([self.get_submodule(name)(x) for name in self.names], 1)


class Residual(Branches):
    """Fig. 20: ReLU(x + scale * 1x1(branches)), (B, c_in, H, W) -> the same shape.

    The 1x1 has a bias and no BatchNorm. The last block of a network is not `activated`.
    """

    def __init__(
        self,
        c_in: int,
        branches: Sequence[Steps],
        *,
        multiplier: float,
        scale: float,
        activated: bool = True,
    ) -> None:
        super().__init__(c_in, branches, multiplier=multiplier)
        self.conv2d = nn.Conv2d(self.c_out, c_in, 1)
        self.c_out, self.scale, self.activated = c_in, scale, activated

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv2d(super().forward(x)) * self.scale + x
        return F.relu(y) if self.activated else y
