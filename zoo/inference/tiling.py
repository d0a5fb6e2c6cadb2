"""Ways to show a large image to a network: whole, in tiles, as the authors chop it, turned.

(B, C, H, W) -> (B, C, scale * H, scale * W), whatever the network

Channel attention averages over what it is shown, so a network with it gives something else for
each way; one without gives the same wherever its receptive field lies within tile and overlap.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor

Enlarge = Callable[[Tensor], Tensor]


class Tile(NamedTuple):
    """What is kept of one tile, and what is shown around it: (top, bottom, left, right)."""

    kept: tuple[int, int, int, int]
    shown: tuple[int, int, int, int]


def tiles(height: int, width: int, size: int, overlap: int) -> Iterator[Tile]:
    """Tiles of `size` pixels that cover an image, each shown with `overlap` pixels around it where
    there are any. Raises ValueError for a size below 1 or a negative overlap."""
    if size < 1 or overlap < 0:
        raise ValueError(
            f"a tile has a pixel or more and no negative overlap, not {size}, {overlap}"
        )
    for top in range(0, height, size):
        for left in range(0, width, size):
            bottom, right = min(top + size, height), min(left + size, width)
            yield Tile(
                (top, bottom, left, right),
                (
                    max(top - overlap, 0),
                    min(bottom + overlap, height),
                    max(left - overlap, 0),
                    min(right + overlap, width),
                ),
            )


def crop_overlap(tile: Tile, scale: int) -> tuple[slice, slice]:
    """Where what is kept lies in what the network made of what it was shown."""
    top, bottom, left, right = tile.kept
    y, _, x, _ = tile.shown
    return (
        slice((top - y) * scale, (bottom - y) * scale),
        slice((left - x) * scale, (right - x) * scale),
    )


def forward_chop(
    enlarge: Enlarge, x: Tensor, scale: int, shave: int = 10, pixels: int = 160_000
) -> Tensor:
    """RCAN's `--chop`: four quarters, `shave` pixels larger, each again in four while it has
    `pixels` or more; so always four at least."""
    height, width = x.shape[-2:]
    half = height // 2, width // 2
    tall, wide = min(half[0] + shave, height), min(half[1] + shave, width)
    rows = (slice(0, tall), slice(height - tall, height))
    columns = (slice(0, wide), slice(width - wide, width))
    small = tall * wide < pixels or (tall, wide) == (height, width)
    y = x.new_empty(*x.shape[:-2], height * scale, width * scale)
    for i, row in enumerate(rows):
        for j, column in enumerate(columns):
            part = x[..., row, column]
            large = enlarge(part) if small else forward_chop(enlarge, part, scale, shave, pixels)
            kept = [
                (0, n * scale) if side == 0 else (n * scale, size * scale)
                for side, n, size in ((i, half[0], height), (j, half[1], width))
            ]
            (top, bottom), (left, right) = kept
            from_top = 0 if i == 0 else large.shape[-2] - (bottom - top)
            from_left = 0 if j == 0 else large.shape[-1] - (right - left)
            y[..., top:bottom, left:right] = large[
                ..., from_top : from_top + bottom - top, from_left : from_left + right - left
            ]
    return y


def self_ensemble(enlarge: Enlarge, x: Tensor) -> Tensor:
    """The mean over the eight positions of an image, mirrored and transposed (1707.02921, Sec.
    3.4): what is marked by a + in tables."""
    total: Tensor | None = None
    for dims in ([], [-1], [-2], [-2, -1]):
        for transposed in (False, True):
            turned = x.flip(dims)
            turned = turned.transpose(-1, -2) if transposed else turned
            large = enlarge(turned.contiguous())
            large = large.transpose(-1, -2) if transposed else large
            large = large.flip(dims)
            total = large if total is None else total + large
    assert total is not None
    return total / 8


def whole_values(x: Tensor) -> Tensor:
    """Pixels of 0..1 as uint8, clipped and rounded half up as MATLAB's im2uint8 rounds."""
    return torch.floor(x.double() * 255 + 0.5).clamp(0, 255).to(torch.uint8)
