"""Networks on patches of an image: the names of their sizes, patches, and feed-forward networks.

"S18x2/16" -> width 384, 18 layers of 2 branches, patches of 16 x 16 pixels

Keys are timm's.
"""

import re
from collections import OrderedDict
from typing import NamedTuple

from timm.layers import Mlp
from torch import Tensor, nn

WIDTHS = {"Ti": 192, "S": 384, "B": 768, "L": 1024}  # Table 1 of 2203.09795
EXPANSION = 4  # of feed-forward networks


class Size(NamedTuple):
    """What the name of a size says."""

    width: int
    layers: int
    branches: int  # of each layer, in parallel
    patch: int  # pixels per side


def parse_size(size: str) -> Size:
    """Return what a name such as "S18x2/16" says; x1 and /16 may be left out.

    Raises:
        ValueError: The name is another, or a number in it is 0.

    Example:
        >>> parse_size("S18x2"), parse_size("B24/8").patch
        (Size(width=384, layers=18, branches=2, patch=16), 8)
    """
    letters = "|".join(WIDTHS)
    match = re.fullmatch(rf"({letters})([1-9]\d*)(?:x([1-9]\d*))?(?:/([1-9]\d*))?", size)
    if not match:
        raise ValueError(
            f'size must be one of {", ".join(WIDTHS)} and the number of layers, such as "S12", '
            f'"S18x2" or "B24/8", not {size!r}'
        )
    letter, layers, branches, patch = match.groups()
    return Size(WIDTHS[letter], int(layers), int(branches or 1), int(patch or 16))


def linear_patches(in_chans: int, width: int, patch: int) -> nn.Sequential:
    """Each patch by itself, linearly: (B, in_chans, H, W) -> (B, width, H / patch, W / patch)."""
    return nn.Sequential(OrderedDict(proj=nn.Conv2d(in_chans, width, patch, patch)))


def feed_forward(width: int) -> nn.Module:
    """fc2(gelu(fc1 x)) with 4 `width` hidden channels: (B, T, width) -> (B, T, width)."""
    return Mlp(width, EXPANSION * width)


def to_tokens(x: Tensor) -> Tensor:
    """(B, D, h, w) -> (B, h w, D), row by row."""
    return x.flatten(2).transpose(1, 2)


def initialise_linear(module: nn.Module) -> None:
    """As in DeiT's code: N(0, 0.02 ** 2) for linear layers, biases 0; PyTorch's own elsewhere."""
    if isinstance(module, nn.Linear):
        nn.init.trunc_normal_(module.weight, std=0.02)
        nn.init.zeros_(module.bias)
