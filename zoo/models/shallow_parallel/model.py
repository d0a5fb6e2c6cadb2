"""Make Deep Networks Shallow Again (Bermeitinger et al., 2023, 2309.08414, abstract).

(I + F_n) ... (I + F_2) (I + F_1) x  =  x + sum F_i(x) + terms of higher order, which are left out

sequential  x -> + -> + -> ... -> +          parallel  x -----------------> + -> y
                F_1  F_2       F_n                     |-> F_1, ..., F_n -> ^
"""

from collections.abc import Iterable
from functools import partial
from typing import Any

from torch import Tensor, nn

from zoo.modules.classifier import Head
from zoo.modules.post_activation import conv
from zoo.modules.pre_activation import PreActivation, PreUnit
from zoo.modules.shortcuts import Merge, addition, identity
from zoo.modules.stages import pick


def branch_alone(branch: Tensor, skip: Tensor) -> Tensor:
    """F(x), without x."""
    return branch


def unit(width: int, kernel: int, merge: Merge) -> PreUnit:
    """F_i: BatchNorm, ReLU and a convolution. (B, width, H, W) -> (B, width, H, W)."""
    layers = [conv(width, width, kernel)]
    return PreUnit(layers, shortcut=identity, drop_path=0.0, merge=merge)


class Parallel(nn.ModuleList):
    """x + sum F_i(x): one broad layer. (B, width, H, W) -> (B, width, H, W)."""

    stride = 1

    def __init__(self, units: Iterable[PreUnit], width: int) -> None:
        super().__init__(units)
        self.c_out = width
        self.beside = tuple(map(str, range(1, len(self))))  # of one depth

    def forward(self, x: Tensor) -> Tensor:
        y = x
        for branch in self:
            y = y + branch(x)
        return y


LAYOUTS: dict[str, tuple[Merge, Any]] = {  # merge of a unit, and the units together
    "sequential": (addition, lambda units, width: nn.Sequential(*units)),
    "parallel": (lambda channels: branch_alone, Parallel),
}


class ShallowParallel(PreActivation):
    """Residual convolutions of one width, one after the other or side by side, of the same weights.

    (B, in_chans, H, W) -> (B, num_classes)

    Args:
        layout: "sequential" or "parallel".
        layers: Number of residual convolutions, n.
        filters: Channels of each.
        kernel: Odd side of their kernels.
        num_classes: Number of classes.
        in_chans: Channels of an image.
        global_pool: timm's name of the pooling.
        drop_rate: Dropout before the classifier.

    Raises:
        ValueError: The layout is unknown, a number is less than 1, or the kernel is even.
    """

    def __init__(
        self,
        *,
        layout: str = "parallel",
        layers: int = 8,
        filters: int = 16,
        kernel: int = 3,
        num_classes: int = 10,
        in_chans: int = 3,
        global_pool: str = "avg",
        drop_rate: float = 0.0,
    ) -> None:
        merge, stage = pick(LAYOUTS, layout, "layout")
        if min(layers, filters, kernel) < 1 or kernel % 2 == 0:
            raise ValueError(
                "layers and filters must be 1 or more and kernel odd, "
                f"not {layers}, {filters} and {kernel}"
            )
        make = partial(unit, filters, kernel, merge)
        super().__init__(
            stem={"conv1": conv(in_chans, filters, kernel)},
            pool=nn.Identity(),
            stages={"layer1": stage([make() for _ in range(layers)], filters)},
            head=Head(num_classes, global_pool, drop_rate),
        )
