"""Cascading residual networks (Ahn et al., ECCV 2018, 1803.08664).

x -> head -> o_1 -> o_2 -> o_3 -> upsampler -> y      o_i = relu(conv1x1([x, u_1, .., u_i]))

The same cascade twice: of three blocks (Fig. 2b), each a cascade of three units (Fig. 3a).
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from zoo.modules.super_resolution import RectifiedResidual, SuperResolutionNet, conv, upsampler

SCALES = (2, 3, 4)
UNITS = 3  # in a cascade, Sec. 4.2
Unit = Callable[[int], nn.Module]


class ResidualUnit(RectifiedResidual):
    """relu(x + convs(x)): (B, C, H, W) -> (B, C, H, W).

    Two 3x3 convolutions (Fig. 3a), or the residual-E block (Fig. 3b): two of `groups` groups and a
    pointwise convolution.
    """

    def __init__(self, channels: int, groups: int = 0) -> None:
        between = [nn.ReLU(inplace=True), conv(channels, channels, groups=groups or 1)]
        last = [nn.ReLU(inplace=True), conv(channels, channels, 1)] if groups else []
        super().__init__(conv(channels, channels, groups=groups or 1), *between, *last)


class Cascade(nn.Module):
    """Fuse input and all outputs so far as input of the next unit (Eqs. 3-6), B, C, H, W kept.

    A single unit is shared by all places (Fig. 3d).
    """

    def __init__(self, channels: int, units: Sequence[nn.Module]) -> None:
        super().__init__()
        self.units = nn.ModuleList(units)
        self.fusions = nn.ModuleList(
            nn.Sequential(conv((i + 2) * channels, channels, 1), nn.ReLU(inplace=True))
            for i in range(UNITS)
        )

    def forward(self, x: Tensor, recompute: bool = False) -> Tensor:
        """(B, C, H, W) -> the same shape; units can be recomputed in the backward pass."""
        outputs, out = [x], x
        for i, fuse in enumerate(self.fusions):
            unit = self.units[i % len(self.units)]
            outputs.append(checkpoint(unit, out, use_reentrant=False) if recompute else unit(out))
            out = fuse(torch.cat(outputs, 1))
        return out


class CARN(SuperResolutionNet):
    """RGB in 0..1, (B, 3, H, W) -> (B, 3, scale * H, scale * W), for all `scales` in one network.

    With `groups`, CARN-M: residual-E units, shared by the three places of a block, and grouped
    upsamplers. `scale` is the default of a call.
    """

    def __init__(
        self,
        *,
        scale: int = 4,
        scales: tuple[int, ...] = SCALES,
        channels: int = 64,
        groups: int = 0,
    ) -> None:
        if not set(scales) <= set(SCALES):
            raise ValueError(f"scales must be among 2, 3, 4 (Sec. 4.1), not {scales}")
        if groups and channels % groups:
            raise ValueError(f"channels must be a multiple of groups (Sec. 3.3), not {channels}")
        blocks = [
            Cascade(
                channels, [ResidualUnit(channels, groups) for _ in range(1 if groups else UNITS)]
            )
            for _ in range(UNITS)
        ]
        super().__init__(
            head=nn.Sequential(conv(3, channels)),
            body=Cascade(channels, blocks),
            tail=nn.Sequential(conv(channels, 3)),
            scale=scale,
            scales=scales,
            rgb_range=1.0,
        )
        self.upsample = nn.ModuleDict(
            {
                f"x{factor}": upsampler(channels, factor, groups=groups or 1, before=_relu)
                for factor in scales
            }
        )

    def forward_body(self, x: Tensor) -> Tensor:
        return self.body(x, recompute=self.grad_checkpointing and self.training)

    def restore(self, features: Tensor, scale: int) -> Tensor:
        output: Tensor = self.tail(self.upsample[f"x{scale}"](self.forward_body(features)))
        return output


def _relu() -> list[nn.Module]:
    return [nn.ReLU(inplace=True)]
