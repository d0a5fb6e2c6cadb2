"""3x3 convolutions with a quarter of the multiplications (Lavin and Gray, 1509.09308).

Y = A^T [ (G g G^T) * (B^T d B) ] A    a tile of 6x6 pixels d -> 4x4 pixels Y, by the filter g

Between the transforms stand 36 matrix products instead of 144 sums of products. The points that
polynomials are taken at, 0, +-3/4, +-3/2 and infinity, are not those of the paper (0, +-1, +-2):
rounding errors are a quarter of theirs, a few times those of the convolution itself (and 2e-6 of
the largest output).
"""

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

OUT, KERNEL = 4, 3
TILE = OUT + KERNEL - 1
POINTS = tuple(Fraction(n, 4) for n in (0, 3, -3, 6, -6))
MIN_CHANNELS = 64  # with fewer, moving tiles costs more than it saves
PART_BYTES = 4 << 20  # of the tiles in one part: they stay in the cache
MIN_TILES = 128  # in one part: with fewer, reading the filters takes longer than multiplying
BAND = 8  # rows of tiles in one part: the transform of more is mostly zeros


class Transforms(NamedTuple):
    """B^T (6, 6), G (6, 3) and A^T (4, 6)."""

    data: Tensor
    kernel: Tensor
    inverse: Tensor


def transforms() -> Transforms:
    """Return Toom and Cook's transforms, computed in fractions.

    The values of two polynomials at the points, and the polynomial through their products.
    """
    other_points = [[q for q in POINTS if q != p] for p in POINTS]
    scale = [math.prod(p - q for q in rest) for p, rest in zip(POINTS, other_points, strict=True)]
    data = [[*_polynomial(rest), Fraction(0)] for rest in other_points]
    kernel = [[p**j / s for j in range(KERNEL)] for p, s in zip(POINTS, scale, strict=True)]
    inverse = [[*(p**i for p in POINTS), Fraction(i == OUT - 1)] for i in range(OUT)]
    last = [Fraction(j == KERNEL - 1) for j in range(KERNEL)]
    return Transforms(
        _matrix([*data, _polynomial(POINTS)]), _matrix([*kernel, last]), _matrix(inverse)
    )


def _polynomial(roots: Sequence[Fraction]) -> list[Fraction]:
    """Return the coefficients of the product of all x - root, the lowest first."""
    coefficients = [Fraction(1)]
    for root in roots:
        pairs = zip([Fraction(0), *coefficients], [*coefficients, Fraction(0)], strict=True)
        coefficients = [higher - root * lower for higher, lower in pairs]
    return coefficients


def _matrix(rows: Sequence[Sequence[Fraction]]) -> Tensor:
    return torch.tensor([[float(value) for value in row] for row in rows], dtype=torch.float64)


def fits(conv: nn.Module) -> bool:
    """Return True for a wide, padded 3x3 convolution of stride 1, in float32 on a CPU."""
    return (
        type(conv) is nn.Conv2d
        and (conv.kernel_size, conv.stride, conv.dilation) == ((3, 3), (1, 1), (1, 1))
        and (conv.padding, conv.padding_mode, conv.groups) == ((1, 1), "zeros", 1)
        and min(conv.in_channels, conv.out_channels) >= MIN_CHANNELS
        and (conv.weight.device.type, conv.weight.dtype) == ("cpu", torch.float32)
        and torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    )


class WinogradConv2d(nn.Module):
    """A convolution that `fits`, for inference: (B, c_in, H, W) -> (B, c_out, H, W), channels last.

    The transformed filters are four times as many numbers. They are kept in oneDNN's order for the
    last number of tiles, as another order is tens of times slower.
    """

    bias: Tensor
    data: Tensor
    band: Tensor
    inverse: Tensor

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        data, kernel, inverse = transforms()
        self.in_channels, self.out_channels = conv.in_channels, conv.out_channels
        weight = conv.weight.detach().double()
        filters = torch.einsum("ia,kcab,jb->ijkc", kernel, weight, kernel).float()
        # (number of tiles that the order is for, filters)
        self.filters = (0, filters.reshape(-1, self.in_channels, 1, 1))
        bias = weight.new_zeros(self.out_channels) if conv.bias is None else conv.bias.detach()
        for name, value in (
            ("data", data),  # (6, 6)
            ("band", _band(data)),  # (48, 34)
            ("inverse", torch.kron(inverse, inverse)),  # (16, 36)
            ("bias", bias),
        ):
            self.register_buffer(name, value.float(), persistent=False)

    def __getstate__(self) -> dict[str, Any]:
        # oneDNN's order cannot be copied
        return {**vars(self), "filters": (0, self._plain_filters())}

    def _plain_filters(self) -> Tensor:
        filters = self.filters[1]
        return filters.to_dense() if filters.is_mkldnn else filters

    @torch.no_grad()
    def forward(self, x: Tensor) -> Tensor:
        x = x.contiguous(memory_format=torch.channels_last).permute(0, 2, 3, 1)
        count, height, width, _ = x.shape
        high, wide = -(-height // OUT), -(-width // OUT)
        out = x.new_empty(count, high, OUT, wide, OUT, self.out_channels)
        images, rows = self._part_size(count, high, wide)
        for image in _starts(count, images):
            for row in _starts(high, rows):
                part = x[image : image + images, max(row * OUT - 1, 0) : (row + rows) * OUT + 1]
                y = self._convolve(part, rows, wide, first=row == 0)
                torch.add(y, self.bias, out=out[image : image + images, row : row + rows])
        whole = out.view(count, high * OUT, wide * OUT, self.out_channels)
        return whole[:, :height, :width].permute(0, 3, 1, 2)

    def _part_size(self, count: int, high: int, wide: int) -> tuple[int, int]:
        """Return the number of images, and of rows of their tiles, in one part."""
        widest = max(self.in_channels, self.out_channels)
        tiles = max(MIN_TILES, PART_BYTES // (4 * TILE * TILE * widest))
        rows = max(1, min(high, BAND, tiles // wide))
        return max(1, min(count, tiles // (rows * wide))), rows

    def _convolve(self, x: Tensor, rows: int, wide: int, first: bool) -> Tensor:
        """Convolve a part: (B, h, W, c_in) -> (B, rows, 4, wide, 4, c_out)."""
        images, height, width, channels = x.shape
        lines = x.reshape(images * height, width, channels)
        columns = x.new_empty(wide, images * height, TILE, channels)
        for k, column in enumerate(columns):
            left, right = max(k * OUT - 1, 0), min(k * OUT + TILE - 1, width)
            data = self.data[:, left + 1 - k * OUT : right + 1 - k * OUT]
            torch.bmm(data.expand(len(lines), -1, -1), lines[:, left:right], out=column)
        band = self.band[: rows * TILE, first : first + height].expand(wide * images, -1, -1)
        tiles = torch.bmm(band, columns.view(wide * images, height, -1))
        products = self._multiply(tiles.view(-1, TILE * TILE * channels))
        y = torch.bmm(self.inverse.expand(len(products), -1, -1), products)
        shape = (wide, images, rows, OUT, OUT, self.out_channels)
        return y.view(shape).permute(1, 2, 3, 0, 4, 5)

    def _multiply(self, tiles: Tensor) -> Tensor:
        """Multiply (N, 36 c_in) -> (N, 36, c_out), as a convolution of 36 groups over one row."""
        image = tiles[None, None].permute(0, 3, 1, 2)
        count, filters = self.filters
        onednn: Any = torch.ops.mkldnn
        groups = TILE * TILE
        if count != len(tiles):
            filters = onednn._reorder_convolution_weight(
                self._plain_filters(), [0, 0], [1, 1], [1, 1], groups, image.shape
            )
            self.filters = (len(tiles), filters)
        products: Tensor = onednn._convolution_pointwise(
            image, filters, None, [0, 0], [1, 1], [1, 1], groups, "none", [], ""
        )
        return products.permute(0, 2, 3, 1).reshape(len(tiles), groups, self.out_channels)


def _band(data: Tensor) -> Tensor:
    """Return B^T of 8 tiles below each other: (48, 34)."""
    band = data.new_zeros(BAND * TILE, BAND * OUT + TILE - OUT)
    for k in range(BAND):
        band[k * TILE : (k + 1) * TILE, k * OUT : k * OUT + TILE] = data
    return band


def _starts(count: int, size: int) -> list[int]:
    """Return the starts of parts of a size; the last part ends with the whole and may overlap."""
    return [min(start, count - size) for start in range(0, count, size)]
