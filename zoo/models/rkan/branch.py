"""A Kolmogorov-Arnold network beside a stage of convolutions (2410.05500).

stage(x) + R(x)    R: 1x1 -> SiLU -> KAN 3x3 -> BN -> 1x1 -> SiLU [-> KAN 3x3] -> BN

A KAN convolution is one function of nine pixels, the same for all channels:
sum_i w_i x_i + sum_i s_i sum_c p_ci T_c(tanh x_i), with Chebyshev's polynomials T_0 .. T_degree.
"""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zoo.modules.post_activation import conv

KERNEL = 3
DEGREES = (3, 2)  # of the two KAN convolutions (the authors' RKAN_ResNet.py)


class KANConv(nn.Module):
    """One 3x3 function for every channel: (B, C, H, W) -> (B, C, H / stride, W / stride).

    The border is of zeros, whose polynomials are not all 0.
    """

    def __init__(self, degree: int, stride: int) -> None:
        super().__init__()
        self.degree, self.stride = degree, stride
        self.linear = nn.Parameter(torch.empty(1, KERNEL, KERNEL))
        self.scale = nn.Parameter(torch.ones(1, KERNEL, KERNEL))
        self.polynomials = nn.Parameter(torch.empty(degree + 1, KERNEL, KERNEL))
        nn.init.normal_(self.linear, std=(2 / KERNEL**2) ** 0.5)
        nn.init.normal_(self.polynomials, std=self.polynomials.numel() ** -0.5)

    def forward(self, x: Tensor) -> Tensor:
        padded = F.pad(x.flatten(0, 1).unsqueeze(1), (KERNEL // 2,) * 4)
        terms = [torch.ones_like(padded), padded.tanh()]
        for _ in range(2, self.degree + 1):
            terms.append(2 * terms[1] * terms[-1] - terms[-2])
        kernels = self.polynomials * self.scale  # of T_0, a constant, .. T_degree
        out = F.conv2d(
            torch.cat([padded, *terms[1:]], 1),
            torch.cat([self.linear, kernels[1:]]).unsqueeze(0),
            kernels[0].sum().unsqueeze(0),
            self.stride,
        )
        return out.reshape(x.shape[0], x.shape[1], out.shape[2], out.shape[3])


class KANBranch(nn.Module):
    """R: (B, c_in, H, W) -> (B, c_out, H / stride, W / stride), with `width` channels inside.

    `again` has the second KAN convolution, which the authors' last stage has.
    """

    def __init__(self, c_in: int, width: int, c_out: int, stride: int, *, again: bool) -> None:
        super().__init__()
        self.reduce = conv(c_in, width, 1)
        self.kan1 = KANConv(DEGREES[0], stride)
        self.bn1 = nn.BatchNorm2d(width)
        self.expand = conv(width, c_out, 1)
        self.kan2 = KANConv(DEGREES[1], 1) if again else nn.Identity()
        self.bn2 = nn.BatchNorm2d(c_out)

    def forward(self, x: Tensor) -> Tensor:
        x = self.bn1(self.kan1(F.silu(self.reduce(x))))
        return self.bn2(self.kan2(F.silu(self.expand(x))))


class KANStage(nn.ModuleList):
    """The blocks of a stage, and last a branch beside them: (B, c_in, H, W) -> (B, c_out, h, w).

    `branch` makes R of the channels and the stride of the stage.
    """

    def __init__(
        self, blocks: nn.Sequential, branch: Callable[..., KANBranch], *, again: bool
    ) -> None:
        super().__init__(blocks)
        self.c_out: Any = blocks[-1].c_out
        self.stride: Any = blocks[0].stride
        self.beside = (str(len(blocks)),)
        self.append(branch(self.c_out, self.stride, again=again))

    def forward(self, x: Tensor) -> Tensor:
        *blocks, branch = self.children()
        out = x
        for block in blocks:
            out = block(out)
        added: Tensor = out + branch(x)
        return added
