"""Regulated residual units of 2101.00590 (Sec. III), and a stage of them.

      x1 ---------------------------------------------- (+) -> ReLU
       \\-> W12 BN ReLU -> x2 -> [x2, h] W23 BN ReLU -> W34 BN /
                          \\          /
(h, c) of the unit before -> cell BN ReLU -> (h, c) for the unit after
"""

from collections.abc import Sequence

import torch
from timm.layers import DropPath
from torch import Tensor, nn

from zoo.models.convlstm_resnet.cells import CELLS, State
from zoo.modules.post_activation import conv
from zoo.modules.shortcuts import Shortcut


class BasicUnit(nn.Module):
    """W12 and W34 are 3x3, and W23 fuses: (B, c_in, H, W) -> (B, width, H / stride, W / stride).

    `states` are those that it passes on: none in a ResNet's unit, which has no W23.
    """

    expansion = 1
    beside = ("downsample", "fuse")

    def __init__(
        self,
        c_in: int,
        width: int,
        stride: int,
        drop_path: float,
        *,
        shortcut: Shortcut,
        states: int,
    ) -> None:
        super().__init__()
        self.c_out = width * self.expansion
        self.build(c_in, width, stride)
        if states:
            self.fuse = conv(2 * width, width, 1)
            self.fuse_bn = nn.BatchNorm2d(width)
        self.state_bns = nn.ModuleList(nn.BatchNorm2d(width) for _ in range(states))
        self.downsample = shortcut(c_in, self.c_out, stride)
        self.drop_path = DropPath(drop_path) if drop_path else nn.Identity()

    def build(self, c_in: int, width: int, stride: int) -> None:
        """Create the convolutions of the branch."""
        self.conv1 = conv(c_in, width, 3, stride)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = conv(width, width, 3)
        self.bn2 = nn.BatchNorm2d(width)

    def first(self, x: Tensor) -> Tensor:
        """x1 -> x2, which the regulator sees."""
        return self.bn1(self.conv1(x)).relu()

    def regulate(self, x: Tensor, state: State) -> Tensor:
        """[x, h] -> the width of x; x as it is without a state."""
        return self.fuse_bn(self.fuse(torch.cat((x, state[0]), 1))).relu() if state else x

    def rest(self, x: Tensor, state: State) -> Tensor:
        """x2 and h -> end of the branch."""
        return self.bn2(self.conv2(self.regulate(x, state)))

    def forward(self, x: Tensor, x2: Tensor, state: State) -> Tensor:
        return (self.drop_path(self.rest(x2, state)) + self.downsample(x)).relu()


class BottleneckUnit(BasicUnit):
    """W12 is 1x1, W23 3x3, W34 fuses, W45 is 1x1. The stride is in W12, whose maps h has to fit."""

    expansion = 4

    def build(self, c_in: int, width: int, stride: int) -> None:
        """Create the convolutions of the branch."""
        self.conv1 = conv(c_in, width, 1, stride)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = conv(width, width, 3)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = conv(width, self.c_out, 1)
        self.bn3 = nn.BatchNorm2d(self.c_out)

    def rest(self, x: Tensor, state: State) -> Tensor:
        """x2 and h -> end of the branch."""
        return self.bn3(self.conv3(self.regulate(self.bn2(self.conv2(x)).relu(), state)))


class RegulatedStage(nn.Module):
    """Units and the cell that runs along them, from a state of zeros.

    `rnn` is "lstm", "gru", "rnn", or "none" for a stage of ResNet.
    """

    beside = ("cell",)

    def __init__(self, units: Sequence[BasicUnit], width: int, stride: int, rnn: str) -> None:
        super().__init__()
        self.c_out, self.stride = units[-1].c_out, stride
        self.units = nn.ModuleList(units)
        self.cell = CELLS[rnn](width) if rnn in CELLS else None

    def forward(self, x: Tensor) -> Tensor:
        state: State = ()
        for unit in self.units:
            assert isinstance(unit, BasicUnit)
            x2 = unit.first(x)
            if self.cell is not None:
                state = state or (torch.zeros_like(x2),) * self.cell.states
                after = self.cell(x2, state)
                state = tuple(bn(s).relu() for bn, s in zip(unit.state_bns, after, strict=False))
            x = unit(x, x2, state)
        return x
