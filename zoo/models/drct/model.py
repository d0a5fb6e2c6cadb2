"""DRCT (Hsu et al., CVPRW 2024, 2404.00722): dense connections between Swin blocks.

x -> conv -> 6 or 12 groups, norm, conv, a skip around all -> upsampler -> y
"""

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from zoo.models.drct.blocks import DenseGroup
from zoo.modules.super_resolution import (
    DIV2K_MEAN,
    SuperResolutionNet,
    conv,
    mirror_to_multiple,
    upsampler,
)

SCALES = (2, 3, 4)
TAIL_CHANNELS = 64


class DenseTransformer(nn.Module):
    """norm -> groups -> norm -> conv: (B, C, H, W) kept, sides in multiples of a window."""

    def __init__(self, channels: int, groups: list[DenseGroup]) -> None:
        super().__init__()
        self.embed = nn.LayerNorm(channels)
        self.groups = nn.ModuleList(groups)
        self.norm = nn.LayerNorm(channels)
        self.conv = conv(channels, channels)

    def forward(self, x: Tensor, recompute: bool = False) -> Tensor:
        """Keep the shape; groups can be recomputed in the backward pass."""
        x = self.embed(x.permute(0, 2, 3, 1))
        for group in self.groups:
            x = checkpoint(group, x, use_reentrant=False) if recompute else group(x)
        out: Tensor = self.conv(self.norm(x).permute(0, 3, 1, 2))
        return out


class Offset(nn.Module):
    """x + offset per channel, a constant that no file holds: (B, 3, H, W) -> (B, 3, H, W)."""

    def __init__(self, offset: tuple[float, ...]) -> None:
        super().__init__()
        values = torch.tensor(offset).view(-1, 1, 1)
        self.register_buffer("offset", values, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.get_buffer("offset")


class DRCT(SuperResolutionNet):
    """RGB in 0..1, (B, 3, H, W) -> (B, 3, scale * H, scale * W), of any size.

    The image is mirrored beyond its lower and right edges to whole windows. The authors train with
    a `drop_path_rate` of 0.1.
    """

    def __init__(
        self,
        *,
        scale: int = 4,
        groups: int = 6,
        channels: int = 180,
        growth: int = 32,
        heads: int = 6,
        window: int = 16,
        drop_path_rate: float = 0.0,
    ) -> None:
        if scale not in SCALES:
            raise ValueError(f"scale must be one of 2, 3, 4, not {scale}")
        rates = torch.linspace(0, drop_path_rate, 6 * groups, device="cpu")[::6].tolist()
        body = [
            DenseGroup(channels, growth=growth, heads=heads, window=window, drop_path=rate)
            for rate in rates
        ]
        super().__init__(
            head=nn.Sequential(conv(3, channels)),
            body=DenseTransformer(channels, body),
            tail=nn.Sequential(
                conv(channels, TAIL_CHANNELS),
                nn.LeakyReLU(inplace=True),
                upsampler(TAIL_CHANNELS, scale),
                conv(TAIL_CHANNELS, 3),
            ),
            scale=scale,
            rgb_range=1.0,
        )
        self.sub_mean = Offset(tuple(-mean for mean in DIV2K_MEAN))
        self.add_mean = Offset(DIV2K_MEAN)
        self.window = window
        self.apply(draw)

    def forward_body(self, x: Tensor) -> Tensor:
        return self.body(x, recompute=self.grad_checkpointing and self.training)

    def forward(self, x: Tensor, scale: int | None = None) -> Tensor:
        height, width = x.shape[-2:]
        y = super().forward(mirror_to_multiple(x, self.window), scale)
        return y[..., : height * self.scale, : width * self.scale]


def draw(layer: nn.Module) -> None:
    """Initialise as Swin: linear layers from N(0, 0.02^2), cut at 2, and biases 0."""
    if isinstance(layer, nn.Linear):
        nn.init.trunc_normal_(layer.weight, std=0.02)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
