"""Parts of RDNet (2403.19588): mixing blocks of feature mixers, and transitions.

mixing block = 3 feature mixers, each seeing all channels so far (Fig. 1):
    cat -> 7x7 depthwise -> LN -> 1x1 to 4 C -> GELU -> 1x1 to the growth rate [-> ESE] -> gamma
"""

from collections import OrderedDict
from collections.abc import Sequence

import torch
from timm.layers import DropPath, EffectiveSEModule, LayerNorm2d
from torch import Tensor, nn

MIXERS = 3  # of a mixing block
EXPANSION, COMPRESSION = 4, 0.5  # of a mixer's input; of a transition's
LAYER_SCALE = 1e-6


def to_eights(channels: float) -> int:
    """Round down to a multiple of eight."""
    return int(channels / 8) * 8


class Mixer(nn.Module):
    """A feature mixer: all features so far, (B, c_in, H, W), -> new ones, (B, growth, H, W)."""

    def __init__(self, c_in: int, growth: int, drop_path: float, *, attention: bool) -> None:
        super().__init__()
        inner = to_eights(c_in * EXPANSION)
        layers = nn.Sequential(
            nn.Conv2d(c_in, c_in, 7, padding=3, groups=c_in),
            LayerNorm2d(c_in, eps=1e-6),
            nn.Conv2d(c_in, inner, 1),
            nn.GELU(),
            nn.Conv2d(inner, growth, 1),
        )
        if attention:
            layers.append(EffectiveSEModule(growth))
        self.layers = nn.Sequential(OrderedDict(layers=layers))  # as in the released keys
        self.gamma = nn.Parameter(LAYER_SCALE * torch.ones(growth))
        self.drop_path = DropPath(drop_path) if drop_path else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return self.drop_path(self.layers(x) * self.gamma.reshape(1, -1, 1, 1))


class Mixing(nn.Sequential):
    """A mixing block, dense connections: (B, c_in, H, W) -> (B, c_in + 3 growth, H, W)."""

    def __init__(self, c_in: int, growth: int, paths: Sequence[float], *, attention: bool) -> None:
        super().__init__()
        for i, drop_path in enumerate(paths):
            mixer = Mixer(c_in + i * growth, growth, drop_path, attention=attention)
            self.add_module(f"dense_block{i}", mixer)
        self.c_out = c_in + len(paths) * growth

    def forward(self, input: Tensor) -> Tensor:
        x = input
        for mixer in self:
            x = torch.cat([x, mixer(x)], 1)
        return x


def transition(c_in: int, c_out: int, stride: int) -> list[nn.Module]:
    """Fewer channels, and at stride 2 fewer pixels: (B, c_in, H, W) -> (B, c_out, H / s, W / s)."""
    return [LayerNorm2d(c_in, eps=1e-6), nn.Conv2d(c_in, c_out, stride, stride)]
