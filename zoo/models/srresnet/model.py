"""SRResNet, the generator of SRGAN (Ledig et al., CVPR 2017, 1609.04802, Fig. 4).

x -> conv 9x9, PReLU -> 16 blocks, conv, BatchNorm, + -> upsampler -> conv 9x9 -> y
"""

from torch import Tensor, nn

from zoo.modules.super_resolution import SuperResolutionNet, conv, upsampler

SCALES = (2, 4)


class BatchNormBlock(nn.Module):
    """x + bn(conv(prelu(bn(conv(x))))): (B, C, H, W) -> (B, C, H, W)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            conv(channels, channels),
            nn.BatchNorm2d(channels),
            nn.PReLU(),
            conv(channels, channels),
            nn.BatchNorm2d(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)


class Unsigned(nn.Module):
    """Pixels in -1..1, as the network is trained to output (Sec. 3.2), -> 0..1."""

    def forward(self, x: Tensor) -> Tensor:
        return (x + 1) / 2


class SRResNet(SuperResolutionNet):
    """RGB in 0..1, (B, 3, H, W) -> (B, 3, scale * H, scale * W)."""

    def __init__(self, *, scale: int = 4, blocks: int = 16, channels: int = 64) -> None:
        if scale not in SCALES:
            raise ValueError(f"scale must be 2 or 4 (Sec. 2.1: two sub-pixel layers), not {scale}")
        body = [BatchNormBlock(channels) for _ in range(blocks)]
        super().__init__(
            head=nn.Sequential(conv(3, channels, 9), nn.PReLU()),
            body=nn.Sequential(*body, conv(channels, channels), nn.BatchNorm2d(channels)),
            tail=nn.Sequential(
                upsampler(channels, scale, after=lambda: [nn.PReLU()]), conv(channels, 3, 9)
            ),
            scale=scale,
            rgb_range=1.0,
        )
        self.sub_mean, self.add_mean = nn.Identity(), Unsigned()
