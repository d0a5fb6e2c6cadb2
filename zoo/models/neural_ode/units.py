"""What stands between stem and head: residual blocks, or an ODE (1806.07366, Sec. 3).

residual block:  x -> GN ReLU -> conv -> GN ReLU -> conv -> (+)
                  \\_________________________________________/

f(t, h):         GN ReLU -> conv [t, h] -> GN ReLU -> conv [t, h] -> GN
"""

import torch
from torch import Tensor, nn

from zoo.models.neural_ode.solvers import Solver

WIDTH = 64


def norm() -> nn.GroupNorm:
    return nn.GroupNorm(min(32, WIDTH), WIDTH)


class ResBlock(nn.Module):
    """Pre-activation with GroupNorm: (B, 64, H, W) -> (B, 64, H / stride, W / stride).

    A shortcut that changes the size starts after the first ReLU.
    """

    def __init__(self, stride: int = 1) -> None:
        super().__init__()
        self.c_out, self.stride = WIDTH, stride
        self.norm1 = norm()
        self.act1 = nn.ReLU()
        self.downsample = (
            nn.Conv2d(WIDTH, WIDTH, 1, stride, bias=False) if stride > 1 else nn.Identity()
        )
        self.conv1 = nn.Conv2d(WIDTH, WIDTH, 3, stride, 1, bias=False)
        self.norm2 = norm()
        self.act2 = nn.ReLU()
        self.conv2 = nn.Conv2d(WIDTH, WIDTH, 3, 1, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        active = self.act1(self.norm1(x))
        out = self.conv2(self.act2(self.norm2(self.conv1(active))))
        return out + self.downsample(x if self.stride == 1 else active)


class TimeConv(nn.Conv2d):
    """A 3x3 whose input has a constant channel of t before the others: (B, 64, H, W) -> same."""

    def __init__(self) -> None:
        super().__init__(1 + WIDTH, WIDTH, 3, padding=1)

    def forward(self, t: Tensor | float, h: Tensor) -> Tensor:  # type: ignore[override]
        return super().forward(torch.cat([torch.ones_like(h[:, :1]) * t, h], 1))


class Dynamics(nn.Module):
    """f of Eq. 2: (t, (B, 64, H, W)) -> dh/dt, of the shape of h."""

    def __init__(self) -> None:
        super().__init__()
        self.norm1 = norm()
        self.act1 = nn.ReLU()
        self.conv1 = TimeConv()
        self.norm2 = norm()
        self.act2 = nn.ReLU()
        self.conv2 = TimeConv()
        self.norm3 = norm()

    def forward(self, t: Tensor | float, h: Tensor) -> Tensor:
        out = self.conv1(t, self.act1(self.norm1(h)))
        return self.norm3(self.conv2(t, self.act2(self.norm2(out))))


class OdeBlock(nn.Module):
    """h(0) -> h(1), (B, 64, H, W): in place of any number of residual blocks."""

    def __init__(self, solver: Solver) -> None:
        super().__init__()
        self.c_out, self.stride, self.solver = WIDTH, 1, solver
        self.f = Dynamics()

    def forward(self, x: Tensor) -> Tensor:
        return self.solver(self.f, x)
