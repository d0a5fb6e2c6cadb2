"""What is before and after the layers of RevBiFPN that can be undone."""

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zoo.models.revbifpn.mbconv import MBConv, Shape, conv_norm
from zoo.modules.space_to_depth import space_to_depth

PATCH = 4  # pixels, of the stem
NECK = (Shape(5, 1, 0.25), Shape(5, 2, 0.25), Shape(5, 2, 0.125), Shape(5, 2, 0.125))


class Stem(nn.Module):
    """(B, in_chans, H, W) -> (B, c_out, H' / 4, W' / 4).

    Channels are repeated, as often as fits into c_out. H' and W' are the next multiples of
    `multiple`; the pixels that are missing are zeros.
    """

    def __init__(self, in_chans: int, c_out: int, multiple: int) -> None:
        super().__init__()
        self.multiple, channels = multiple, c_out // PATCH**2
        if in_chans > channels:
            raise ValueError(f"in_chans must be at most {channels}, not {in_chans}")
        self.repeats, self.rest = divmod(channels, in_chans)

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[2:]
        x = F.pad(x, (0, -width % self.multiple, 0, -height % self.multiple))
        rest = [x[:, : self.rest]] if self.rest else []
        return space_to_depth(torch.cat([x] * self.repeats + rest, 1), PATCH)


class Merge(nn.Module):
    """The levels, each made smaller and added to the next: -> (B, c_out, H / 32, W / 32)."""

    def __init__(self, widths: Sequence[int], c_out: int) -> None:
        super().__init__()
        pairs = zip(pairwise(widths), NECK, strict=False)
        self.down = nn.ModuleList(MBConv(*pair, shape, stride=2) for pair, shape in pairs)
        self.conv = conv_norm(widths[-1], c_out, 1)

    def forward(self, levels: Sequence[Tensor]) -> Tensor:
        x, *others = levels
        for down, y in zip(self.down, others, strict=True):
            x = y + down(x)
        return self.conv(x)
