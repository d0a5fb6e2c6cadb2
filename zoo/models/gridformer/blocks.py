"""Blocks of GridFormer: attention of channels, dense transformer layers, changes of resolution."""

import torch
import torch.nn.functional as F
from timm.layers import LayerNorm2d
from torch import Tensor, nn

from zoo.modules.super_resolution import mirror_to_multiple

FFN_EXPANSION = 2.66  # of blocks that are in no dense layer
EPS = 1e-5


class CompactAttention(nn.Module):
    """Attention of channels on channels, on every `rate`-th pixel: (B, C, H, W) kept.

    Both halves of the channels share the projections, and each weighs the values of the other:
    softmax(temperature * q_1 k_1') v_2, with q and k of length 1. A transposed convolution puts
    the pixels between back.
    """

    def __init__(self, channels: int, heads: int, rate: int) -> None:
        super().__init__()
        half = channels // 2
        self.heads, self.rate = heads, rate
        self.temperature = nn.Parameter(torch.ones(heads, 1, 1))
        self.qkv = nn.Sequential(
            pointwise(half, 3 * half),
            nn.Conv2d(3 * half, 3 * half, 3, padding=1, groups=3 * half, bias=False),
        )
        self.local = nn.ConvTranspose2d(
            channels, channels, rate, stride=rate, groups=channels, bias=False
        )
        self.proj = pointwise(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        batch, _, height, width = x.shape
        x = mirror_to_multiple(x, self.rate)[..., :: self.rate, :: self.rate]
        rows, columns = x.shape[-2:]
        halves = torch.cat(x.chunk(2, 1))
        shape = (2 * batch, self.heads, -1, rows * columns)
        q, k, v = (part.reshape(shape) for part in self.qkv(halves).chunk(3, 1))
        scores = F.normalize(q, dim=-1) @ F.normalize(k, dim=-1).transpose(-2, -1)
        weights = (scores * self.temperature).softmax(-1)
        swapped = v.reshape(2, batch, *v.shape[1:]).flip(0).flatten(0, 1)  # of the other half
        mixed = (weights @ swapped).reshape(2, batch, -1, rows, columns)
        out: Tensor = self.proj(self.local(torch.cat(mixed.unbind(), 1)))
        return out[..., :height, :width]


class GatedFeedForward(nn.Module):
    """proj(gelu(a) * b), [a, b] = dwconv(expand(x)): (B, C, H, W) kept."""

    def __init__(self, channels: int, expansion: float) -> None:
        super().__init__()
        hidden = int(channels * expansion)
        self.expand = nn.Sequential(
            pointwise(channels, 2 * hidden),
            nn.Conv2d(2 * hidden, 2 * hidden, 3, padding=1, groups=2 * hidden, bias=False),
        )
        self.proj = pointwise(hidden, channels)

    def forward(self, x: Tensor) -> Tensor:
        a, b = self.expand(x).chunk(2, 1)
        out: Tensor = self.proj(F.gelu(a) * b)
        return out


class TransformerBlock(nn.Module):
    """x + attention(norm(x)), then x + ffn(norm(x)): (B, C, H, W) kept."""

    def __init__(
        self, channels: int, *, heads: int, rate: int, expansion: float = FFN_EXPANSION
    ) -> None:
        super().__init__()
        self.norm1 = LayerNorm2d(channels, eps=EPS)
        self.attn = CompactAttention(channels, heads, rate)
        self.norm2 = LayerNorm2d(channels, eps=EPS)
        self.ffn = GatedFeedForward(channels, expansion)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.norm1(x))
        out: Tensor = x + self.ffn(self.norm2(x))
        return out


class DenseLayer(nn.Module):
    """[x, relu(conv1x1(blocks(x)))]: (B, C, H, W) -> (B, C + growth, H, W).

    The feed-forward layers expand by `expansion`, and attention takes every second pixel.
    """

    def __init__(
        self, channels: int, growth: int, *, blocks: int, heads: int, expansion: float
    ) -> None:
        super().__init__()
        self.blocks = nn.Sequential(
            *(
                TransformerBlock(channels, heads=heads, rate=2, expansion=expansion)
                for _ in range(blocks)
            )
        )
        self.conv = pointwise(channels, growth)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, self.conv(self.blocks(x)).relu()], 1)


class ResidualDense(nn.Module):
    """RDTB: x + relu(conv1x1(layers(x))), three dense layers: (B, C, H, W) kept."""

    def __init__(
        self, channels: int, growth: int, *, blocks: int, heads: int, expansion: float
    ) -> None:
        super().__init__()
        widths = [channels + i * growth for i in range(4)]
        self.layers = nn.Sequential(
            *(
                DenseLayer(width, growth, blocks=blocks, heads=heads, expansion=expansion)
                for width in widths[:3]
            )
        )
        self.conv = pointwise(widths[3], channels)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.conv(self.layers(x)).relu()
        return out + x


def pointwise(c_in: int, c_out: int) -> nn.Conv2d:
    """1x1 without a bias."""
    return nn.Conv2d(c_in, c_out, 1, bias=False)


def halve(channels: int) -> nn.Sequential:
    """(B, C, H, W) -> (B, 2C, H / 2, W / 2)."""
    return nn.Sequential(
        nn.Conv2d(channels, channels // 2, 3, padding=1, bias=False), nn.PixelUnshuffle(2)
    )


def double(channels: int) -> nn.Sequential:
    """(B, C, H, W) -> (B, C / 2, 2H, 2W)."""
    return nn.Sequential(
        nn.Conv2d(channels, 2 * channels, 3, padding=1, bias=False), nn.PixelShuffle(2)
    )
