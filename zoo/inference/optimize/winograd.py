"""3x3 convolutions with a quarter of the multiplications (Lavin and Gray, 1509.09308).

Y = A^T [ (G g G^T) * (B^T d B) ] A    a tile of 6x6 pixels d -> 4x4 pixels Y, by the filter g

It is the operator zoo::winograd_conv2d, which torch.compile and torch.export keep as one node.
Between the transforms stand 36 matrix products instead of 144 sums of products. The points that
polynomials are taken at, 0, +-3/4, +-3/2 and infinity, are not those of the paper (0, +-1, +-2):
rounding errors are a quarter of theirs, a few times those of the convolution itself (and 2e-6 of
the largest output).
"""

import math
from collections.abc import Callable, MutableMapping, Sequence
from fractions import Fraction
from functools import cache
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils.weak import WeakTensorKeyDictionary

OUT, KERNEL = 4, 3
TILE = OUT + KERNEL - 1
POINTS = tuple(Fraction(n, 4) for n in (0, 3, -3, 6, -6))
MIN_CHANNELS = 64  # with fewer, moving tiles costs more than it saves
PART_BYTES = 4 << 20  # of the tiles in one part: they stay in the cache
MIN_TILES = 128  # in one part: with fewer, reading the filters takes longer than multiplying
BAND = 8  # rows of tiles in one part: the transform of more is mostly zeros


class Filters(NamedTuple):
    """Transformed filters, (36 c_out, c_in, 1, 1)."""

    version: int  # of the weight when it was transformed
    tiles: int  # oneDNN's order is for this number of them; 0: in torch's order
    values: Tensor


_filters: MutableMapping[Tensor, Filters] = WeakTensorKeyDictionary()  # by weight


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


def direct(conv: nn.Conv2d, x: Tensor) -> Callable[[Tensor], Tensor]:
    """Return a convolution that `fits` as inductor runs it, with its weights in oneDNN's order."""
    onednn: Any = torch.ops.mkldnn
    options = [1, 1], [1, 1], [1, 1], 1  # padding, stride, dilation, groups
    weight = onednn._reorder_convolution_weight(conv.weight.detach(), *options, x.shape)
    layout = torch.channels_last

    def run(x: Tensor) -> Tensor:
        x = x.contiguous(memory_format=layout)
        y: Tensor = onednn._convolution_pointwise(x, weight, conv.bias, *options, "none", [], "")
        return y

    return run


class WinogradConv2d(nn.Module):
    """A convolution that `fits`, for inference; it shares its weights."""

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        self.weight, self.bias = conv.weight, conv.bias

    @torch.no_grad()
    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = winograd_conv2d(x, self.weight, self.bias)
        return y


@torch.library.custom_op("zoo::winograd_conv2d", mutates_args=())
def winograd_conv2d(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Convolve (B, c_in, H, W) by (c_out, c_in, 3, 3) to (B, c_out, H, W), channels last.

    The transformed filters are four times as many numbers as the weight, and are kept while it is.
    They are in oneDNN's order for the last number of tiles: another order is tens of times slower.
    """
    x = x.contiguous(memory_format=torch.channels_last).permute(0, 2, 3, 1)
    count, height, width, _ = x.shape
    out = _empty_tiles(x, weight)
    if not count:
        return _crop(out, height, width)
    high, wide = out.shape[1], out.shape[3]
    images, rows = part_size(count, high, wide, max(weight.shape[:2]))
    filters = _filters_of(weight, images * rows * wide)
    for image in _starts(count, images):
        for row in _starts(high, rows):
            part = x[image : image + images, max(row * OUT - 1, 0) : (row + rows) * OUT + 1]
            y = _convolve(part, filters, rows, wide, first=row == 0)
            target = out[image : image + images, row : row + rows]
            target.copy_(y) if bias is None else torch.add(y, bias, out=target)
    return _crop(out, height, width)


@winograd_conv2d.register_fake
def _(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    return _crop(_empty_tiles(x.permute(0, 2, 3, 1), weight), x.shape[2], x.shape[3])


def _empty_tiles(x: Tensor, weight: Tensor) -> Tensor:
    """Return memory for tiles of output: (B, H, W, c_in) -> (B, high, 4, wide, 4, c_out)."""
    count, height, width, _ = x.shape
    return x.new_empty(count, -(-height // OUT), OUT, -(-width // OUT), OUT, weight.shape[0])


def _crop(tiles: Tensor, height: int, width: int) -> Tensor:
    count, high, _, wide, _, c_out = tiles.shape
    image = tiles.view(count, high * OUT, wide * OUT, c_out)
    return image[:, :height, :width].permute(0, 3, 1, 2)


def part_size(count: int, high: int, wide: int, channels: int) -> tuple[int, int]:
    """Return the number of images, and of rows of their tiles, in one part."""
    tiles = max(MIN_TILES, PART_BYTES // (4 * TILE * TILE * channels))
    rows = max(1, min(high, BAND, tiles // wide))
    return max(1, min(count, tiles // (rows * wide))), rows


def _filters_of(weight: Tensor, tiles: int) -> Tensor:
    """Return a weight's transformed filters in oneDNN's order for a number of tiles."""
    version = 0 if weight.is_inference() else weight._version
    filters = _filters.get(weight) or Filters(version, 0, _transform(weight))
    if filters.version != version:
        filters = Filters(version, 0, _transform(weight))
    if filters.tiles != tiles:
        values = filters.values.to_dense() if filters.tiles else filters.values
        shape = (1, TILE * TILE * weight.shape[1], 1, tiles)
        onednn: Any = torch.ops.mkldnn
        values = onednn._reorder_convolution_weight(
            values, [0, 0], [1, 1], [1, 1], TILE * TILE, shape
        )
        _filters[weight] = filters = Filters(version, tiles, values)
    return filters.values


def _transform(weight: Tensor) -> Tensor:
    kernel = transforms().kernel
    filters = torch.einsum("ia,kcab,jb->ijkc", kernel, weight.detach().double(), kernel).float()
    return filters.reshape(-1, weight.shape[1], 1, 1)


@cache
def _matrices() -> tuple[Tensor, Tensor, Tensor]:
    """Return B^T (6, 6), 8 of them below each other (48, 34), and A^T both ways (16, 36)."""
    data, _, inverse = transforms()
    band = data.new_zeros(BAND * TILE, BAND * OUT + TILE - OUT)
    for k in range(BAND):
        band[k * TILE : (k + 1) * TILE, k * OUT : k * OUT + TILE] = data
    return data.float(), band.float(), torch.kron(inverse, inverse).float()


def _convolve(x: Tensor, filters: Tensor, rows: int, wide: int, first: bool) -> Tensor:
    """Convolve a part: (B, h, W, c_in) -> (B, rows, 4, wide, 4, c_out)."""
    images, height, width, channels = x.shape
    rows_of_data, band, inverse = _matrices()
    lines = x.reshape(images * height, width, channels)
    columns = x.new_empty(wide, images * height, TILE, channels)
    for k, column in enumerate(columns):
        left, right = max(k * OUT - 1, 0), min(k * OUT + TILE - 1, width)
        data = rows_of_data[:, left + 1 - k * OUT : right + 1 - k * OUT]
        torch.bmm(data.expand(len(lines), -1, -1), lines[:, left:right], out=column)
    band = band[: rows * TILE, first : first + height].expand(wide * images, -1, -1)
    tiles = torch.bmm(band, columns.view(wide * images, height, -1))
    products = _multiply(tiles.view(-1, TILE * TILE * channels), filters)
    y = torch.bmm(inverse.expand(len(products), -1, -1), products)
    return y.view(wide, images, rows, OUT, OUT, -1).permute(1, 2, 3, 0, 4, 5)


def _multiply(tiles: Tensor, filters: Tensor) -> Tensor:
    """Multiply (N, 36 c_in) -> (N, 36, c_out), as a convolution of 36 groups over one row."""
    image = tiles[None, None].permute(0, 3, 1, 2)
    onednn: Any = torch.ops.mkldnn
    groups = TILE * TILE
    products: Tensor = onednn._convolution_pointwise(
        image, filters, None, [0, 0], [1, 1], [1, 1], groups, "none", [], ""
    )
    return products.permute(0, 2, 3, 1).reshape(len(tiles), groups, -1)


def _starts(count: int, size: int) -> list[int]:
    """Return the starts of parts of a size; the last part ends with the whole and may overlap."""
    return [min(start, count - size) for start in range(0, count, size)]
