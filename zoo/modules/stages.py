"""How many residual blocks a network has, and how they are stacked.

depth of the paper -> blocks of each stage -> layer1 ... layerN
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol, TypeVar, cast

from torch import nn

K = TypeVar("K")
V = TypeVar("V")

# Table 1 of 1512.03385; 200 is of 1603.05027. Blocks are basic up to 34, then bottlenecks.
DEPTHS: dict[int, tuple[int, ...]] = {
    18: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
    200: (3, 24, 36, 3),
}


class Block(Protocol):
    """Makes one residual block; `width` is the paper's number of filters, drop_path a rate."""

    def __call__(self, c_in: int, width: int, stride: int, drop_path: float, /) -> nn.Module: ...


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


def imagenet_depths(depth: int, known: Collection[int], where: str) -> tuple[int, ...]:
    """Blocks of each of four stages, of those depths that a paper has."""
    return pick({each: DEPTHS[each] for each in known}, depth, f"depth ({where})")


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
