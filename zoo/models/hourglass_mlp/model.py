"""Hourglass MLP (Chen et al., 2025, 2510.01796, abstract and Fig. 1).

image -> W_in -> z, (B, d_z) -> L x (z + W_2 act(W_1 z)) -> W_out
                                       d_z -> d_h -> d_z

Hourglass: d_h < d_z, the stream is wider than the image. Conventional: d_z < d_h. Vectors are maps
of 1 x 1 here, and W_in and the blocks are convolutions of them.
"""

import re
from collections.abc import Sequence

from timm.layers import DropPath, Mlp, to_2tuple
from torch import Tensor, nn

from zoo.modules.classifier import Classifier, Head
from zoo.modules.patches import linear_patches


class Block(nn.Module):
    """z + W_2 act(W_1 z): (B, d_z, 1, 1) -> (B, d_z, 1, 1)."""

    stride = 1

    def __init__(self, width: int, hidden: int, drop_path: float) -> None:
        super().__init__()
        self.c_out = width
        self.mlp = Mlp(width, hidden, use_conv=True)
        self.drop_path = DropPath(drop_path) if drop_path else nn.Identity()

    def forward(self, z: Tensor) -> Tensor:
        return z + self.drop_path(self.mlp(z))


def parse_shape(shape: str) -> tuple[int, int, int]:
    """Return d_z, d_h and L of "<d_z>x<d_h>x<L>".

    Raises:
        ValueError: The shape is written otherwise, or a number in it is 0.

    Example:
        >>> parse_shape("1150x784x2")
        (1150, 784, 2)
    """
    if not (match := re.fullmatch(r"([1-9]\d*)x([1-9]\d*)x([1-9]\d*)", shape)):
        raise ValueError(f'shape must be d_z, d_h and blocks, such as "1150x784x2", not {shape!r}')
    width, hidden, layers = map(int, match.groups())
    return width, hidden, layers


class HourglassMLP(Classifier):
    """(B, in_chans, H, W) -> (B, num_classes), for square images of one size.

    Args:
        shape: Numbers of the residual stream, numbers between W_1 and W_2, and blocks, with an x
            between them: "1150x784x2".
        trains_lift: Train W_in; if False, it stays as it was drawn (abstract).
        img_size: Side of an image in pixels.
        num_classes: Number of classes.
        in_chans: Channels of an image.
        global_pool: timm's name of the pooling, of one number here.
        drop_rate: Dropout before W_out.
        drop_path_rate: Rate at which the last block is dropped; it grows from 0 in the first.

    Raises:
        ValueError: The shape is no such text, or images are not square.
    """

    def __init__(
        self,
        *,
        shape: str = "1150x784x2",
        trains_lift: bool = True,
        img_size: int | Sequence[int] = 28,
        num_classes: int = 10,
        in_chans: int = 1,
        global_pool: str = "avg",
        drop_rate: float = 0.0,
        drop_path_rate: float = 0.0,
    ) -> None:
        width, hidden, layers = parse_shape(shape)
        height, breadth = to_2tuple(img_size)
        if height != breadth:
            raise ValueError(f"images must be square, not {height} x {breadth}")
        rates = [drop_path_rate * i / max(layers - 1, 1) for i in range(layers)]
        super().__init__(
            stem={"stem": linear_patches(in_chans, width, height)},
            pool=nn.Identity(),
            stages={f"blocks.{i}": Block(width, hidden, rate) for i, rate in enumerate(rates)},
            tail={},
            head=Head(num_classes, global_pool, drop_rate),
        )
        self.img_size = (height, breadth)
        self.stem.requires_grad_(trains_lift)
