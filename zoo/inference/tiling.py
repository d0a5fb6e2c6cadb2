"""Super-resolution of large images: tiles, the authors' chop, self-ensemble.

(B, C, H, W) -> (B, C, scale * H, scale * W), whatever the network

Channel attention averages over its whole input, so its output depends on the tiles. A network
without it gives the same output wherever its receptive field lies within tile and overlap.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn

Upscaler = Callable[[Tensor], Tensor]


class AtScale(nn.Module):
    """A super-resolution network at one of its scales: (B, C, H, W) -> (B, C, scale H, scale W)."""

    def __init__(self, network: nn.Module, scale: int) -> None:
        super().__init__()
        self.network, self.scales = network, (scale,)
        self.options = {"scale": scale} if len(vars(network)["scales"]) > 1 else {}

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.network(x, **self.options)
        return y


class Tile(NamedTuple):
    """Two boxes of an image, each (top, bottom, left, right) in pixels."""

    core: tuple[int, int, int, int]  # what this tile adds to the output
    padded: tuple[int, int, int, int]  # what the network sees: the core and the overlap


def tiles(height: int, width: int, size: int, overlap: int) -> Iterator[Tile]:
    """Yield tiles of `size` pixels that cover an image, with up to `overlap` pixels around them.

    Raises:
        ValueError: the size is below 1 or the overlap negative.
    """
    if size < 1 or overlap < 0:
        raise ValueError(
            f"a tile has a pixel or more and no negative overlap, not {size}, {overlap}"
        )
    for top in range(0, height, size):
        for left in range(0, width, size):
            bottom, right = min(top + size, height), min(left + size, width)
            padded = (
                max(top - overlap, 0),
                min(bottom + overlap, height),
                max(left - overlap, 0),
                min(right + overlap, width),
            )
            yield Tile((top, bottom, left, right), padded)


def crop_overlap(tile: Tile, scale: int) -> tuple[slice, slice]:
    """Return rows and columns of a tile's core within the upscaled padded tile."""
    top, bottom, left, right = tile.core
    y, _, x, _ = tile.padded
    return (
        slice((top - y) * scale, (bottom - y) * scale),
        slice((left - x) * scale, (right - x) * scale),
    )


def forward_chop(
    upscale: Upscaler, x: Tensor, scale: int, shave: int = 10, pixels: int = 160_000
) -> Tensor:
    """Upscale in four quarters or more, as RCAN's `--chop` does.

    Args:
        upscale: the network.
        x: images, (B, C, H, W).
        scale: of the network.
        shave: pixels by which each quarter is larger.
        pixels: a quarter with as many pixels or more is again split in four.
    """
    height, width = x.shape[-2:]
    half = height // 2, width // 2
    tall, wide = min(half[0] + shave, height), min(half[1] + shave, width)
    rows = (slice(0, tall), slice(height - tall, height))
    columns = (slice(0, wide), slice(width - wide, width))
    is_small = tall * wide < pixels or (tall, wide) == (height, width)
    y = x.new_empty(*x.shape[:-2], height * scale, width * scale)
    for i, row in enumerate(rows):
        for j, column in enumerate(columns):
            part = x[..., row, column]
            large = upscale(part) if is_small else forward_chop(upscale, part, scale, shave, pixels)
            (top, bottom), (left, right) = (
                (0, n * scale) if side == 0 else (n * scale, size * scale)
                for side, n, size in ((i, half[0], height), (j, half[1], width))
            )
            from_top = 0 if i == 0 else large.shape[-2] - (bottom - top)
            from_left = 0 if j == 0 else large.shape[-1] - (right - left)
            y[..., top:bottom, left:right] = large[
                ..., from_top : from_top + bottom - top, from_left : from_left + right - left
            ]
    return y


def self_ensemble(upscale: Upscaler, x: Tensor) -> Tensor:
    """Average over the eight flips and rotations of an image (1707.02921, Sec. 3.4: "+")."""
    total: Tensor | None = None
    for dims in ([], [-1], [-2], [-2, -1]):
        for transposed in (False, True):
            flipped = x.flip(dims)
            flipped = flipped.transpose(-1, -2) if transposed else flipped
            large = upscale(flipped.contiguous())
            large = large.transpose(-1, -2) if transposed else large
            large = large.flip(dims)
            total = large if total is None else total + large
    assert total is not None
    return total / 8


def to_uint8(x: Tensor) -> Tensor:
    """Convert pixels of 0..1, clipped and rounded half up as MATLAB's im2uint8 rounds: on the CPU,
    since MPS has no float64."""
    return torch.floor(x.cpu().double() * 255 + 0.5).clamp(0, 255).to(torch.uint8)
