"""Layers of RevBiFPN: reversible blocks in each level, then a RevSilo across levels (Fig. 1).

x_0 -> blocks -+--------------------------> (+) -> y_0
               D_01   D_02            U_10   |
x_1 -> blocks -+---> (+) ------------+------ | --> y_1 ...       D_ij: smaller, U_ij: larger
                      ... -> (+) ----+- U_20 +

down    x_j <- x_j + sum of D_ij(x_i) for i < j, the last level first; a new level is this sum alone
up      x_j <- x_j + sum of U_ij(x_i) for i > j, the first level first

Each sum reads levels that are not changed yet, and so can be undone in the opposite order. A level
is two halves of its channels in the state, of which blocks change one by the other.
"""

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Any, cast

from torch import Tensor, nn

from zoo.models.revbifpn.mbconv import MBConv, Shape
from zoo.modules.reversible import Coupling, Step

REPEATS = 2  # pairs of blocks in each level of a layer
LEVELS = (  # of the blocks and the RevSilos
    Shape(3, 1, 0.25),
    Shape(5, 1, 0.25),
    Shape(5, 2, 0.125),
    Shape(5, 2, 0.0),
)
WIDER = (0, 0, 0, 2)  # added to the kernels of what a level sends to others


class Branch(Coupling):
    """y + layers(x), or layers(x) where it `creates` y."""

    def __init__(self, layers: nn.Module, *, creates: bool = False) -> None:
        super().__init__()
        self.layers, self.creates = layers, creates

    def residual(self, *sources: Tensor) -> Tensor:
        """The layers of one source."""
        (x,) = sources
        y: Tensor = self.layers(x)
        return y


def halves(level: int) -> tuple[int, int]:
    """Return the places of a level's halves in the state."""
    return 2 * level, 2 * level + 1


class Layer(nn.Module):
    """Blocks of the levels that there are, and a RevSilo to all of `widths`.

    Args:
        widths: Channels of the levels after the layer.
        creates: The last of them is new.
        drop_path: Rate of stochastic depth of all branches but those that make the new level.
    """

    def __init__(self, widths: Sequence[int], *, creates: bool, drop_path: float) -> None:
        super().__init__()
        self.count = count = len(widths)
        self.blocks = nn.ModuleList(
            nn.ModuleList(
                nn.ModuleList(
                    Branch(MBConv(width // 2, width // 2, shape, drop_path=drop_path))
                    for _ in range(2)
                )
                for width, shape in zip(widths[: count - creates], LEVELS, strict=False)
            )
            for _ in range(REPEATS)
        )
        self.down, self.up = nn.ModuleDict(), nn.ModuleDict()
        for i, j in combinations(range(count), 2):
            stride, new = 2 ** (j - i), creates and j == count - 1
            shape = LEVELS[i]._replace(kernel=2 * stride - 1 + WIDER[i])
            layers = MBConv(widths[i], widths[j], shape, stride, 0.0 if new else drop_path)
            self.down[f"{i}_{j}"] = Branch(layers, creates=new and i == 0)
        for j, i in combinations(reversed(range(count)), 2):
            shape = LEVELS[i]._replace(kernel=3 + WIDER[j])
            layers = MBConv(widths[j], widths[i], shape, drop_path=drop_path)
            enlarge = nn.Upsample(scale_factor=2 ** (j - i), mode="bilinear")
            self.up[f"{j}_{i}"] = Branch(nn.Sequential(layers, enlarge))

    def steps(self) -> Iterator[Step]:
        """Yield the blocks, then the branches down, then those up."""
        count = self.count
        pairs: Any = self.blocks
        for levels in pairs:
            for level, (second, first) in enumerate(levels):
                a, b = halves(level)
                yield from (Step(second, b, (a,)), Step(first, a, (b,)))
        for j in reversed(range(1, count)):
            for i in range(j):
                yield Step(cast(Branch, self.down[f"{i}_{j}"]), halves(j), (halves(i),))
        for j in range(count - 1):
            for i in reversed(range(j + 1, count)):
                yield Step(cast(Branch, self.up[f"{i}_{j}"]), halves(j), (halves(i),))
