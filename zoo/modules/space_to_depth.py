"""Pixels of blocks as channels, and back: invertible in place of strides (1802.07088, Sec. 2.1).

(B, C, H, W) -> (B, block * block * C, H / block, W / block)

The place in the block counts before the channel: all channels of the upper left pixels come first.
torch's pixel_unshuffle puts all places of the first channel first.
"""

import torch.nn.functional as F
from torch import Tensor


def space_to_depth(x: Tensor, block: int) -> Tensor:
    """Return the pixels of each block as channels.

    Example:
        >>> x = torch.arange(8).reshape(1, 2, 2, 2)
        >>> space_to_depth(x, 2).flatten().tolist()
        [0, 4, 1, 5, 2, 6, 3, 7]
    """
    return x if block == 1 else _exchange(F.pixel_unshuffle(x, block), -1, block * block)


def depth_to_space(x: Tensor, block: int) -> Tensor:
    """Return the x whose `space_to_depth` this is."""
    return x if block == 1 else F.pixel_shuffle(_exchange(x, block * block, -1), block)


def _exchange(x: Tensor, rows: int, columns: int) -> Tensor:
    """Count channels by columns instead of by rows."""
    batch, _, height, width = x.shape
    return x.reshape(batch, rows, columns, height, width).transpose(1, 2).flatten(1, 2)
