"""Densely residual Laplacian networks (Anwar and Barnes, TPAMI 2020, 1906.12021).

x -> head -> 6 groups of 3 or 4 modules, a skip around each and around all -> upsampler -> y
"""

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from zoo.modules.super_resolution import (
    DIV2K_MEAN,
    MeanShift,
    RectifiedResidual,
    SuperResolutionNet,
    conv,
    upsampler,
)

SCALES = (2, 3, 4, 8)
DEPTHS = (3, 3, 3, 3, 4, 4)  # modules of each group
DILATIONS = (3, 5, 7)  # of the Laplacian pyramid
READS_GROUP = (1, 1)  # the module, not the first of its group, that takes the group's input


class LaplacianAttention(nn.Module):
    """x * s, s = sigmoid(conv([relu(conv_3(z)), relu(conv_5(z)), relu(conv_7(z))])), z = avg(x).

    conv_d has 3x3 taps of dilation d; z is one pixel, so that only the middle taps matter. The
    average is over the whole input: (B, C, H, W) -> (B, C, H, W).
    """

    def __init__(self, channels: int, reduction: int) -> None:
        super().__init__()
        narrow = channels // reduction
        self.branches = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(channels, narrow, 3, padding=d, dilation=d), nn.ReLU(inplace=True)
            )
            for d in DILATIONS
        )
        self.gate = nn.Sequential(conv(len(DILATIONS) * narrow, channels), nn.Sigmoid())

    def forward(self, x: Tensor) -> Tensor:
        mean = x.mean((2, 3), keepdim=True)
        return x * self.gate(torch.cat([branch(mean) for branch in self.branches], 1))


class DenseModule(nn.Module):
    """DRLM: three residual units, each on all before it, 1x1 convolution, attention.

    (B, C, H, W) -> units of C, 2C, 4C channels -> 8C -> (B, C, H, W), without a skip of its own.
    """

    def __init__(self, channels: int, reduction: int) -> None:
        super().__init__()
        self.units = nn.ModuleList(
            RectifiedResidual(conv(width, width), nn.ReLU(inplace=True), conv(width, width))
            for width in (channels, 2 * channels, 4 * channels)
        )
        self.fuse = nn.Sequential(conv(8 * channels, channels, 1), nn.ReLU(inplace=True))
        self.attend = LaplacianAttention(channels, reduction)

    def forward(self, x: Tensor) -> Tensor:
        for unit in self.units:
            x = torch.cat([x, unit(x)], 1)
        out: Tensor = self.attend(self.fuse(x))
        return out


class DenseGroups(nn.Module):
    """Cascading residual on the residual: (B, C, H, W) -> (B, C, H, W).

    In a group with the input a:  o_0 = a,  c_i = [c_{i-1}, module_i(o_{i-1})],
    o_i = relu(conv(c_i)).  The next group has a = o_n + a and c_0 = o_n, without the skip.
    """

    def __init__(self, channels: int, depths: tuple[int, ...], reduction: int) -> None:
        super().__init__()
        self.depths = depths
        self.units = nn.ModuleList(DenseModule(channels, reduction) for _ in range(sum(depths)))
        self.fusions = nn.ModuleList(
            nn.Sequential(conv((i + 2) * channels, channels), nn.ReLU(inplace=True))
            for depth in depths
            for i in range(depth)
        )

    def forward(self, x: Tensor, recompute: bool = False) -> Tensor:
        """Keep the shape; modules can be recomputed in the backward pass."""
        dense, steps = x, iter(zip(self.units, self.fusions, strict=True))
        for group, depth in enumerate(self.depths):
            out = x
            for i in range(depth):
                unit, fuse = next(steps)
                source = x if (group, i) == READS_GROUP else out
                new = checkpoint(unit, source, use_reentrant=False) if recompute else unit(source)
                dense = torch.cat([dense, new], 1)
                out = fuse(dense)
            dense, x = out, out + x
        return x


class DRLN(SuperResolutionNet):
    """RGB in 0..1, (B, 3, H, W) -> (B, 3, scale * H, scale * W).

    Inside, pixels are in 0..255, of which the mean of pixels in 0..1 is taken off, as in the
    authors' code.
    """

    averages_image = True  # in LaplacianAttention

    def __init__(
        self,
        *,
        scale: int = 2,
        depths: tuple[int, ...] = DEPTHS,
        channels: int = 64,
        reduction: int = 16,
    ) -> None:
        if scale not in SCALES:
            raise ValueError(f"scale must be one of 2, 3, 4, 8, not {scale}")
        if channels < reduction or channels % reduction:
            raise ValueError(f"channels must be a multiple of reduction, not {channels}")
        super().__init__(
            head=nn.Sequential(conv(3, channels)),
            body=DenseGroups(channels, tuple(depths), reduction),
            tail=nn.Sequential(
                upsampler(channels, scale, before=lambda: [nn.ReLU(inplace=True)]),
                conv(channels, 3),
            ),
            scale=scale,
        )
        self.sub_mean = MeanShift(tuple(-mean for mean in DIV2K_MEAN))
        self.add_mean = MeanShift(DIV2K_MEAN)

    def forward_body(self, x: Tensor) -> Tensor:
        return self.body(x, recompute=self.grad_checkpointing and self.training)
