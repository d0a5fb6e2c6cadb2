"""A level of a column of 2212.11696, as the authors' code has it.

c_{l-1} of this column ----- conv 2x2/2, LN ----+
c_{l+1} of the last column - linear, LN, 2x up -+-> ConvNeXt blocks -> (+) -> c_l
c_l of the last column ------------------ x alpha ---------------------/
"""

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from timm.layers import DropPath, LayerNorm2d
from torch import Tensor, nn

from zoo.modules.reversible import Coupling

EPSILON = 1e-6  # of every LayerNorm
EXPANSION = 4
LEAST = 1e-3  # absolute value of alpha, by which the inverse divides


class ConvNeXtBlock(nn.Module):
    """ConvNeXt's block with a 3x3: x + gamma * MLP(LN(depthwise(x))), (B, width, H, W).

    `hidden` is the width inside its MLP.
    """

    def __init__(self, width: int, hidden: int, drop_path: float = 0.0) -> None:
        super().__init__()
        self.dwconv = nn.Conv2d(width, width, 3, padding=1, groups=width)
        self.norm = nn.LayerNorm(width, eps=EPSILON)
        self.pwconv1 = nn.Linear(width, hidden)
        self.act = nn.GELU()
        self.pwconv2 = nn.Linear(hidden, width)
        self.gamma = nn.Parameter(torch.full((width,), 1e-6))
        self.drop_path = DropPath(drop_path) if drop_path else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(self.dwconv(x).permute(0, 2, 3, 1))
        y = self.gamma * self.pwconv2(self.act(self.pwconv1(y)))
        return x + self.drop_path(y.permute(0, 3, 1, 2))


class Up(nn.Module):
    """Linear and LN at every pixel: (B, c_in, h, w) -> (B, c_out, *size), nearest neighbours."""

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__()
        self.linear = nn.Linear(c_in, c_out)
        self.norm = nn.LayerNorm(c_out, eps=EPSILON)

    def forward(self, x: Tensor, size: Sequence[int]) -> Tensor:
        x = self.norm(self.linear(x.permute(0, 2, 3, 1))).permute(0, 3, 1, 2)
        return F.interpolate(x, size=size)


class Level(Coupling):
    """c_l <- alpha * c_l + F(c_{l-1}, c_{l+1}): (B, c_out, H, W).

    Args:
        below: Channels of c_{l-1}, half as large as wide; 0 if c_{l-1} is the stem's output.
        width: Channels of c_l.
        above: Channels of the levels of the last column that are upsampled; empty in the first.
        paths: Rate of stochastic depth of each block.
        creates: There is no column before, and so no alpha.
    """

    def __init__(
        self,
        below: int,
        width: int,
        above: Sequence[int],
        paths: Sequence[float],
        *,
        creates: bool,
    ) -> None:
        super().__init__()
        self.c_out, self.creates = width, creates
        down = (nn.Conv2d(below, width, 2, 2), LayerNorm2d(width, eps=EPSILON)) if below else ()
        self.down = nn.Sequential(*down)
        self.up = nn.ModuleList(Up(channels, width) for channels in above)
        self.blocks = nn.Sequential(*(ConvNeXtBlock(width, EXPANSION * width, p) for p in paths))
        if not creates:
            self.alpha = nn.Parameter(torch.full((1, width, 1, 1), 0.5))

    def residual(self, *sources: Tensor) -> Tensor:
        """F of c_{l-1} and the levels above."""
        below, *above = sources
        x = self.down(below)
        size = x.shape[2:]
        for up, c in zip(self.up, above, strict=True):
            x = x + up(c, size)
        return self.blocks(x)

    def scale(self) -> Tensor:
        """Alpha, at least LEAST in absolute value; its gradient is as if it were not bounded."""
        below, above = self.alpha.clamp(max=-LEAST), self.alpha.clamp(min=LEAST)
        bounded = torch.where(self.alpha < 0, below, above)
        return self.alpha + (bounded - self.alpha).detach()

    def shortcut(self, x: Tensor) -> Tensor:
        return self.scale() * x

    def invert_shortcut(self, y: Tensor) -> Tensor:
        return y / self.scale()


def column(
    stages: Sequence[tuple[int, int]],
    links: Mapping[int, Sequence[int]],
    drop_path_rate: float,
    *,
    first: bool,
) -> list[Level]:
    """Return the levels of a column.

    Args:
        stages: (blocks, channels) of each level.
        links: Level -> levels of the last column that it sees, beside its own.
        drop_path_rate: Of the last block; it grows linearly from 0 in the first.
        first: There is no column before.
    """
    widths = [width for _, width in stages]
    rates = torch.linspace(0, drop_path_rate, sum(n for n, _ in stages), device="cpu").tolist()
    levels = []
    for i, (blocks, width) in enumerate(stages):
        above = () if first else [widths[j] for j in links[i]]
        paths, rates = rates[:blocks], rates[blocks:]
        levels.append(Level(widths[i - 1] if i else 0, width, above, paths, creates=first))
    return levels
