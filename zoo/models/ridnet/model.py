"""RIDNet (Anwar and Barnes, ICCV 2019, 1904.07396): real image denoising with feature attention.

x -> sub_mean -> head -> 4 enhancement attention modules -> tail -> add_mean -> + x = y
"""

import torch
from timm.models import checkpoint_seq
from torch import Tensor, nn

from zoo.modules.super_resolution import (
    DIV2K_MEAN,
    ChannelAttention,
    MeanShift,
    RectifiedResidual,
    conv,
)

RANGE = 255  # of the pixels inside
DILATIONS = ((1, 2), (3, 4))  # of the two convolutions of each branch


class MergeAndRun(nn.Module):
    """x + relu(conv([branch_1(x), branch_2(x)])): (B, C, H, W) -> (B, C, H, W).

    A branch is two dilated 3x3 convolutions, each with ReLU.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.branches = nn.ModuleList(
            nn.Sequential(*(layer for d in dilations for layer in (_dilated(channels, d), _relu())))
            for dilations in DILATIONS
        )
        self.fuse = nn.Sequential(conv(len(DILATIONS) * channels, channels), _relu())

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.fuse(torch.cat([branch(x) for branch in self.branches], 1))
        return out + x


def enhancement_attention(channels: int, reduction: int) -> nn.Sequential:
    """EAM, without a skip around it: (B, C, H, W) -> (B, C, H, W)."""
    c = channels
    return nn.Sequential(
        MergeAndRun(c),
        RectifiedResidual(conv(c, c), _relu(), conv(c, c)),
        RectifiedResidual(conv(c, c), _relu(), conv(c, c), _relu(), conv(c, c, 1)),
        ChannelAttention(c, reduction),
    )


class RIDNet(nn.Module):
    """y = x + tail(modules(head(x - mean))) + mean: RGB with noise, (B, 3, H, W) -> without.

    Pixels are in 0..1 outside and in 0..255 inside; the mean is that of DIV2K. The output is not
    clipped.
    """

    averages_image = True  # in ChannelAttention

    def __init__(self, *, blocks: int = 4, channels: int = 64, reduction: int = 16) -> None:
        super().__init__()
        if channels < reduction or channels % reduction:
            raise ValueError(f"channels must be a multiple of reduction, not {channels}")
        self.sub_mean = MeanShift(tuple(-RANGE * mean for mean in DIV2K_MEAN))
        self.head = nn.Sequential(conv(3, channels), _relu())
        self.body = nn.Sequential(
            *(enhancement_attention(channels, reduction) for _ in range(blocks))
        )
        self.tail = conv(channels, 3)
        self.add_mean = MeanShift(tuple(RANGE * mean for mean in DIV2K_MEAN))
        self.grad_checkpointing = False

    def correction(self, x: Tensor) -> Tensor:
        """Return what is added to the image, the mean among it: (B, 3, H, W) -> (B, 3, H, W)."""
        features = self.head(self.sub_mean(x * RANGE).to(self.tail.weight.dtype))
        if self.grad_checkpointing and self.training:
            features = checkpoint_seq(self.body, features)
        else:
            features = self.body(features)
        added: Tensor = self.add_mean(self.tail(features)) / RANGE
        return added

    def forward(self, x: Tensor) -> Tensor:
        return (x + self.correction(x)).to(x.dtype)

    def set_grad_checkpointing(self, enable: bool = True) -> None:
        """Trade computation for memory in training."""
        self.grad_checkpointing = enable


def _dilated(channels: int, dilation: int) -> nn.Conv2d:
    return nn.Conv2d(channels, channels, 3, padding=dilation, dilation=dilation)


def _relu() -> nn.ReLU:
    return nn.ReLU(inplace=True)
