"""Stages of residual blocks.

depth of the paper -> number of blocks in each stage -> layer1 ... layerN
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
    """Factory of residual blocks; `width` is the paper's number of filters, `drop_path` a rate."""

    def __call__(self, c_in: int, width: int, stride: int, drop_path: float, /) -> nn.Module: ...


def pick(options: Mapping[K, V], key: K, what: str) -> V:
    """Return an entry of one of the paper's tables; a ValueError lists its keys."""
    if key not in options:
        raise ValueError(f"{what} must be one of {', '.join(map(str, options))}, not {key!r}")
    return options[key]


def blocks_per_stage(depth: int, *, layers: int, extra: int, where: str) -> tuple[int, int, int]:
    """Return N blocks of `layers` layers for each of three stages; `extra` layers are outside."""
    n, rest = divmod(depth - extra, 3 * layers)
    if n < 1 or rest:
        raise ValueError(f"depth must be {3 * layers}N + {extra} ({where}), not {depth}")
    return n, n, n


def imagenet_depths(depth: int, depths: Collection[int], where: str) -> tuple[int, ...]:
    """Return the numbers of blocks of four stages; `depths` are those that the paper has."""
    return pick({d: DEPTHS[d] for d in depths}, depth, f"depth ({where})")


def stack(
    block: Block,
    *,
    depths: Sequence[int],
    widths: Sequence[int | Sequence[int]],
    c_in: int,
    drop_path_rate: float,
    first: Block | None = None,
) -> dict[str, nn.Sequential]:
    """Build layer1 ... layerN; all stages but the first halve the image.

    Args:
        block: Makes a block.
        depths: Number of blocks of each stage.
        widths: Width of each stage, or of each of its blocks.
        c_in: Input channels.
        drop_path_rate: Of the last block; it grows linearly from 0 in the first, as in timm.
        first: Makes the very first block, if it differs.
    """
    stages, count, total = {}, 0, max(sum(depths) - 1, 1)
    for i, (depth, width) in enumerate(zip(depths, widths, strict=True)):
        blocks: list[nn.Module] = []
        for j, filters in enumerate([width] * depth if isinstance(width, int) else width):
            make_block = first if first and not count else block
            stride = 2 if i and not j else 1
            blocks.append(make_block(c_in, filters, stride, drop_path_rate * count / total))
            c_in = cast(int, blocks[-1].c_out)
            count += 1
        stages[f"layer{i + 1}"] = nn.Sequential(*blocks)
    return stages
