"""Residual channel attention networks (Zhang et al., ECCV 2018, 1807.02758).

x -> head -> 10 groups of 20 blocks, a skip around each and around all -> upsampler -> y
"""

from torch import Tensor, nn

from zoo.modules.super_resolution import (
    ChannelAttention,
    ResidualBlock,
    SuperResolutionNet,
    conv,
    upsampler,
)

SCALES = (2, 3, 4, 8)


class ResidualGroup(nn.Module):
    """x + conv(RCAB_B(... RCAB_1(x))), Eqs. 6 and 7: (B, C, H, W) -> (B, C, H, W)."""

    def __init__(self, channels: int, blocks: int, reduction: int) -> None:
        super().__init__()
        attention = [ChannelAttention(channels, reduction) for _ in range(blocks)]
        self.body = nn.Sequential(
            *(ResidualBlock(channels, attend) for attend in attention), conv(channels, channels)
        )

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.body(x)
        return out.add_(x)


class RCAN(SuperResolutionNet):
    """Residual in residual (Fig. 2): RGB in 0..1, (B, 3, H, W) -> (B, 3, scale * H, scale * W)."""

    averages_image = True  # in ChannelAttention

    def __init__(
        self,
        *,
        scale: int = 2,
        groups: int = 10,
        blocks: int = 20,
        channels: int = 64,
        reduction: int = 16,
    ) -> None:
        if scale not in SCALES:
            raise ValueError(f"scale must be one of 2, 3, 4, 8 (Table 2), not {scale}")
        if channels < reduction or channels % reduction:
            raise ValueError(f"channels must be a multiple of reduction (Sec. 3.3), not {channels}")
        body = [ResidualGroup(channels, blocks, reduction) for _ in range(groups)]
        super().__init__(
            head=nn.Sequential(conv(3, channels)),
            body=nn.Sequential(*body, conv(channels, channels)),
            tail=nn.Sequential(upsampler(channels, scale), conv(channels, 3)),
            scale=scale,
        )
