"""EDSR and MDSR (Lim et al., CVPRW 2017, 1707.02921): residual blocks without BatchNorm.

x -> head -> 16 or 32 blocks, a skip around each and around all -> upsampler -> y
"""

from torch import Tensor, nn

from zoo.modules.super_resolution import ResidualBlock, SuperResolutionNet, conv, upsampler

SCALES = (2, 3, 4)


class EDSR(SuperResolutionNet):
    """Single scale (Fig. 3): RGB in 0..1, (B, 3, H, W) -> (B, 3, scale * H, scale * W)."""

    def __init__(
        self, *, scale: int = 2, blocks: int = 32, channels: int = 256, res_scale: float = 0.1
    ) -> None:
        if scale not in SCALES:
            raise ValueError(f"scale must be one of 2, 3, 4 (Table 3), not {scale}")
        body = [ResidualBlock(channels, res_scale=res_scale) for _ in range(blocks)]
        super().__init__(
            head=nn.Sequential(conv(3, channels)),
            body=nn.Sequential(*body, conv(channels, channels)),
            tail=nn.Sequential(upsampler(channels, scale), conv(channels, 3)),
            scale=scale,
        )


class MDSR(SuperResolutionNet):
    """Several scales in one network (Fig. 5): RGB in 0..1, (B, 3, H, W) -> (B, 3, s * H, s * W).

    Each scale has its own two 5x5 blocks before the body and its upsampler after it. `scale` is the
    default of a call.
    """

    def __init__(
        self,
        *,
        scale: int = 4,
        scales: tuple[int, ...] = SCALES,
        blocks: int = 80,
        channels: int = 64,
    ) -> None:
        if not set(scales) <= set(SCALES):
            raise ValueError(f"scales must be among 2, 3, 4 (Fig. 5), not {scales}")
        body = [ResidualBlock(channels) for _ in range(blocks)]
        super().__init__(
            head=nn.Sequential(conv(3, channels)),
            body=nn.Sequential(*body, conv(channels, channels)),
            tail=nn.Sequential(conv(channels, 3)),
            scale=scale,
            scales=scales,
        )
        self.pre_process = nn.ModuleList(
            nn.Sequential(*(ResidualBlock(channels, kernel_size=5) for _ in range(2)))
            for _ in scales
        )
        self.upsample = nn.ModuleList(upsampler(channels, scale) for scale in scales)

    def restore(self, features: Tensor, scale: int) -> Tensor:
        i = self.scales.index(scale)
        features = self.pre_process[i](features)
        output: Tensor = self.tail(self.upsample[i](self.forward_body(features) + features))
        return output
