"""What runs beside a residual block (1512.03385, Sec. 3.3), and the stacking of blocks.

A shortcut is a function (c_in, c_out, stride) -> module from (B, c_in, H, W) to
(B, c_out, H / stride, W / stride). A join is a function channels -> what makes one of a branch and
a skip, (B, channels, H, W) each: a plain function, or a module where it has weights.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeVar, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

K = TypeVar("K")
V = TypeVar("V")
Shortcut = Callable[[int, int, int], nn.Module]
Join = Callable[[int], Callable[[Tensor, Tensor], Tensor]]


def addition(channels: int) -> Callable[[Tensor, Tensor], Tensor]:
    """F(x) + x (Eq. 1): no module, no parameter."""
    return torch.add


class Block(Protocol):
    """Makes one residual block; `width` is the paper's number of filters, drop_path a rate."""

    def __call__(self, c_in: int, width: int, stride: int, drop_path: float, /) -> nn.Module: ...


class ZeroPadding(nn.Module):
    """Option A: every stride-th pixel, with channels of zeros: no parameter.

    The authors' Torch code appends the zeros; a port in wide use puts half of them in front.
    The two have equal keys and shapes but are different functions.
    """

    def __init__(self, c_in: int, c_out: int, stride: int, *, both_sides: bool = False) -> None:
        super().__init__()
        self.stride = stride
        self.before = (c_out - c_in) // 2 if both_sides else 0
        self.after = c_out - c_in - self.before

    def forward(self, x: Tensor) -> Tensor:
        return F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, self.before, self.after))


def identity(c_in: int, c_out: int, stride: int) -> nn.Module:
    """Option A, zeros at the end (models/resnet.lua of fb.resnet.torch)."""
    same = (c_in, stride) == (c_out, 1)
    return nn.Identity() if same else ZeroPadding(c_in, c_out, stride)


def centred_identity(c_in: int, c_out: int, stride: int) -> nn.Module:
    """Option A, zeros on both sides (akamaster/pytorch_resnet_cifar10)."""
    same = (c_in, stride) == (c_out, 1)
    return nn.Identity() if same else ZeroPadding(c_in, c_out, stride, both_sides=True)


def pooled_identity(c_in: int, c_out: int, stride: int) -> nn.Module:
    """Option A with an average of stride x stride pixels in the place of one of them (1603.09382,
    Sec. 4), zeros at the end; an odd last row or column is averaged by itself."""
    padding = identity(c_in, c_out, 1)
    pool = nn.AvgPool2d(stride, ceil_mode=True)
    return padding if stride == 1 else nn.Sequential(pool, padding)


def projection(c_in: int, c_out: int, stride: int, *, always: bool = False) -> nn.Module:
    """Option B: 1x1 convolution and BatchNorm where the dimensions change; C: `always`."""
    if (c_in, stride) == (c_out, 1) and not always:
        return nn.Identity()
    conv = nn.Conv2d(c_in, c_out, 1, stride, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(c_out))


def bare_projection(c_in: int, c_out: int, stride: int) -> nn.Module:
    """Option B of pre-activation units: the 1x1 convolution alone (1603.05027, appendix)."""
    if (c_in, stride) == (c_out, 1):
        return nn.Identity()
    return nn.Conv2d(c_in, c_out, 1, stride, bias=False)


def pick(options: Mapping[K, V], key: K, what: str) -> V:
    """The entry of a table of the paper; ValueError names all its keys."""
    if key not in options:
        raise ValueError(f"{what} must be one of {', '.join(map(str, options))}, not {key!r}")
    return options[key]


def blocks_per_stage(depth: int, *, layers: int, others: int, where: str) -> tuple[int, int, int]:
    """n blocks of `layers` layers in each of three stages, and `others` outside of them."""
    n, rest = divmod(depth - others, 3 * layers)
    if n < 1 or rest:
        raise ValueError(f"depth must be {3 * layers}N + {others} ({where}), not {depth}")
    return n, n, n


def stack(
    block: Block,
    *,
    depths: Sequence[int],
    widths: Sequence[int | Sequence[int]],
    c_in: int,
    drop_path_rate: float,
    first: Block | None = None,
) -> dict[str, nn.Sequential]:
    """layer1 ... layerN: depths[i] blocks of widths[i], each stage but the first at half the size.

    A stage has one width, or one for each of its blocks. `first` makes the very first block where
    it differs; the drop rate of a block's path grows linearly with its depth, as in timm.
    """
    stages, count, total = {}, 0, max(sum(depths) - 1, 1)
    for i, (depth, width) in enumerate(zip(depths, widths, strict=True)):
        blocks: list[nn.Module] = []
        for j, filters in enumerate([width] * depth if isinstance(width, int) else width):
            make = first if first and not count else block
            stride = 2 if i and not j else 1
            blocks.append(make(c_in, filters, stride, drop_path_rate * count / total))
            c_in = cast(int, blocks[-1].c_out)
            count += 1
        stages[f"layer{i + 1}"] = nn.Sequential(*blocks)
    return stages
