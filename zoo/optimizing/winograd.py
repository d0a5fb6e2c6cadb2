"""3x3 convolutions with a quarter of the multiplications (Lavin and Gray, 1509.09308).

Y = A^T [ (G g G^T) * (B^T d B) ] A    a tile of 6x6 pixels d -> 4x4 pixels Y, by the filter g

Between the transforms stand 36 matrix products instead of 144 sums of products. The points that
polynomials are taken at, 0, +-3/4, +-3/2 and infinity, are not those of the paper (0, +-1, +-2):
rounding errors are a quarter of theirs, a few times those of the convolution itself (and 2e-6 of
the largest output).
"""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

OUT, KERNEL = 4, 3
TILE = OUT + KERNEL - 1
POINTS = tuple(Fraction(n, 4) for n in (0, 3, -3, 6, -6))
NARROW = 64  # channels: with fewer, moving tiles about takes longer than is won
BYTES = 2 << 20  # of the tiles that are worked on at once: they stay in a core's cache
LEAST = 64  # tiles at once: with fewer, reading the filters takes longer than multiplying


class Transforms(NamedTuple):
    """B^T (6, 6), G (6, 3) and A^T (4, 6)."""

    data: Tensor
    kernel: Tensor
    inverse: Tensor


def transforms() -> Transforms:
    """Toom and Cook's, exact in fractions and then in float64: the values of both polynomials at
    the points, their products, and the polynomial through these."""
    others = [[q for q in POINTS if q != p] for p in POINTS]
    scale = [_product([p - q for q in rest]) for p, rest in zip(POINTS, others, strict=True)]
    data = [[*_polynomial(rest), Fraction(0)] for rest in others]
    kernel = [[p**j / s for j in range(KERNEL)] for p, s in zip(POINTS, scale, strict=True)]
    inverse = [[*(p**i for p in POINTS), Fraction(i == OUT - 1)] for i in range(OUT)]
    last = [Fraction(j == KERNEL - 1) for j in range(KERNEL)]
    return Transforms(
        _matrix([*data, _polynomial(POINTS)]), _matrix([*kernel, last]), _matrix(inverse)
    )


def _product(factors: Sequence[Fraction]) -> Fraction:
    found = Fraction(1)
    for factor in factors:
        found *= factor
    return found


def _polynomial(roots: Sequence[Fraction]) -> list[Fraction]:
    """Coefficients of the product of all x - root, the lowest first."""
    found = [Fraction(1)]
    for root in roots:
        pairs = zip([Fraction(0), *found], [*found, Fraction(0)], strict=True)
        found = [higher - root * lower for higher, lower in pairs]
    return found


def _matrix(rows: Sequence[Sequence[Fraction]]) -> Tensor:
    return torch.tensor([[float(value) for value in row] for row in rows], dtype=torch.float64)


def fits(conv: nn.Module) -> bool:
    """Whether a module is a convolution that gains: 3x3, of stride 1, with the sides kept, of wide
    layers without groups, in float32 on a CPU."""
    return (
        type(conv) is nn.Conv2d
        and (conv.kernel_size, conv.stride, conv.dilation) == ((3, 3), (1, 1), (1, 1))
        and (conv.padding, conv.padding_mode, conv.groups) == ((1, 1), "zeros", 1)
        and min(conv.in_channels, conv.out_channels) >= NARROW
        and (conv.weight.device.type, conv.weight.dtype) == ("cpu", torch.float32)
    )


class Winograd(nn.Module):
    """A convolution that `fits`, for inference: (B, c_in, H, W) -> (B, c_out, H, W), channels last.

    It holds its transformed filters, four times as many numbers as there were.
    """

    bias: Tensor | None
    kernel: Tensor
    data: Tensor
    inverse: Tensor

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        data, kernel, inverse = transforms()
        self.in_channels, self.out_channels = conv.in_channels, conv.out_channels
        weight = conv.weight.detach().double()
        changed = torch.einsum("ia,kcab,jb->ijck", kernel, weight, kernel).flatten(0, 1)
        bias = None if conv.bias is None else conv.bias.detach()
        for name, value in (
            ("kernel", changed.float()),  # (36, c_in, c_out)
            ("data", torch.kron(data, data).float()),  # (36, 36)
            ("inverse", torch.kron(inverse, inverse).float()),  # (16, 36)
            ("bias", bias),
        ):
            self.register_buffer(name, value, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        rows, height, width = x.permute(0, 2, 3, 1), x.shape[2], x.shape[3]
        high, wide = -(-height // OUT), -(-width // OUT)
        out = x.new_empty(len(x), high * OUT, wide * OUT, self.out_channels)
        for images, first, last in self._parts(len(x), high, wide):
            above, below = first * OUT - 1, last * OUT + 1
            seen = rows[images, max(above, 0) : min(below, height)]
            missing = (max(-above, 0), max(below - height, 0))
            padded = F.pad(seen, (0, 0, 1, wide * OUT + 1 - width, *missing))
            part: Any = out[images, first * OUT : last * OUT]
            to = part.unflatten(1, (-1, OUT)).unflatten(3, (-1, OUT))
            to.copy_(self._tiles(padded).permute(2, 3, 0, 4, 1, 5))
        kept = out[:, :height, :width].permute(0, 3, 1, 2)
        return kept if self.bias is None else kept.add_(self.bias[:, None, None])

    def _parts(self, images: int, high: int, wide: int) -> Iterator[tuple[slice, int, int]]:
        """(images, rows of tiles from, to) that are worked on together."""
        widest = max(self.in_channels, self.out_channels)
        tiles = max(LEAST, BYTES // (4 * TILE * TILE * widest))
        together, rows = max(1, tiles // (high * wide)), max(1, min(high, tiles // wide))
        for image in range(0, images, together):
            for row in range(0, high, rows):
                yield slice(image, image + together), row, min(row + rows, high)

    def _tiles(self, padded: Tensor) -> Tensor:
        """(B, H + 2, W + 2, c_in) -> (4, 4, B, H / 4, W / 4, c_out)."""
        tiles = padded.unfold(1, TILE, OUT).unfold(2, TILE, OUT).permute(4, 5, 0, 1, 2, 3)
        seen = self.data @ tiles.reshape(TILE * TILE, -1)
        found = torch.bmm(seen.view(TILE * TILE, -1, self.in_channels), self.kernel)
        made = self.inverse @ found.view(TILE * TILE, -1)
        return made.view(OUT, OUT, *tiles.shape[2:5], self.out_channels)
