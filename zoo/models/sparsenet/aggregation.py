"""Stages of 1801.05895: a layer reads some outputs before it, concatenated, and adds none.

x -> [transition] -> x_0 -> x_1 = H([x_0]), x_2 = H([x_1, x_0]), x_3 = H([x_2, x_1]),
x_4 = H([x_3, x_2, x_0]), ... -> the outputs that a further layer would read
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import ClassVar, Protocol, TypeVar

import torch
from torch import Tensor, nn

from zoo.modules.classifier import Classifier, Head
from zoo.modules.post_activation import conv
from zoo.modules.stages import pick

T = TypeVar("T")
BOTTLENECK = 4  # growth rates, between the two convolutions


class Links(Protocol):
    """Pick the outputs, oldest first, that the next layer reads, in the order that it does."""

    def __call__(self, outputs: Sequence[T], /) -> list[T]: ...


def exponential(outputs: Sequence[T]) -> list[T]:
    """Return the outputs 1, 2, 4, 8, ... layers before the next one.

    Example:
        >>> exponential(range(10))
        [9, 8, 6, 2]
    """
    return [outputs[-(1 << i)] for i in range(len(outputs).bit_length())]


class Layer(Protocol):
    """Make a layer of input channels and the growth rate."""

    def __call__(self, c_in: int, growth: int, /) -> nn.Sequential: ...


LINKS: Mapping[str, Links] = {"sparse": exponential, "dense": list}


def unit(*convs: nn.Conv2d) -> nn.Sequential:
    """BN, ReLU and convolution, in turn: (B, c_in, H, W) -> (B, growth, H, W)."""
    parts: OrderedDict[str, nn.Module] = OrderedDict()
    for i, layer in enumerate(convs, 1):
        parts[f"bn{i}"] = nn.BatchNorm2d(layer.in_channels)
        parts[f"act{i}"] = nn.ReLU(inplace=True)
        parts[f"conv{i}"] = layer
    return nn.Sequential(parts)


def basic(c_in: int, growth: int) -> nn.Sequential:
    """One 3x3."""
    return unit(conv(c_in, growth, 3))


def bottleneck(c_in: int, growth: int) -> nn.Sequential:
    """A 1x1 of 4 growth rates, then a 3x3 (the B of BC)."""
    return unit(conv(c_in, BOTTLENECK * growth, 1), conv(BOTTLENECK * growth, growth, 3))


class SparseStage(nn.Module):
    """(B, c_in, H, W) -> (B, c_out, H / stride, W / stride).

    Args:
        c_in: Channels of the stage's input.
        units: Number of layers H.
        growth: Channels of the output of each.
        make: Makes a layer from its input channels and the growth rate.
        links: Picks what a layer reads.
        compression: Of a transition that comes first and halves the image: output channels by
            input channels. 0: there is none.
    """

    def __init__(
        self,
        c_in: int,
        units: int,
        growth: int,
        *,
        make: Layer,
        links: Links,
        compression: float,
    ) -> None:
        super().__init__()
        self.links, self.stride, self.transition = links, 1, nn.Sequential()
        if compression:
            squeezed = int(c_in * compression)
            self.transition, self.stride = unit(conv(c_in, squeezed, 1)), 2
            self.transition.add_module("pool", nn.AvgPool2d(2))
            c_in = squeezed
        widths, self.blocks = [c_in], nn.ModuleList()
        for _ in range(units):
            self.blocks.append(make(sum(links(widths)), growth))
            widths.append(growth)
        self.c_out = sum(links(widths))

    def forward(self, x: Tensor) -> Tensor:
        x = self.transition(x)
        outputs = [x]
        for block in self.blocks:
            outputs.append(block(x))
            x = torch.cat(self.links(outputs), 1)
        return x


class Aggregated(Classifier):
    """Stages of layers, a transition before all but the first.

    Args:
        stem: Layers before the pooling, the last of them of `width` channels.
        pool: The pooling after them.
        width: Channels of the first stage's input.
        units: Number of layers of each stage.
        growth: Growth rate of each stage.
        links: Key of LINKS.
        head: Pooling, dropout and classes.
    """

    make: ClassVar[Layer] = staticmethod(bottleneck)
    compression: ClassVar[float] = 0.5  # of a transition (the C of BC)
    grid: ClassVar[int] = 1  # means of the last map in a row that fc reads

    def __init__(
        self,
        stem: dict[str, nn.Module],
        pool: nn.Module,
        *,
        width: int,
        units: Sequence[int],
        growth: Sequence[int],
        links: str = "sparse",
        head: Head,
    ) -> None:
        if len(growth) != len(units):
            raise ValueError(f"growth must be {len(units)} rates, one of each stage, not {growth}")
        stages: dict[str, nn.Module] = {}
        for i, (depth, rate) in enumerate(zip(units, growth, strict=True)):
            stage = SparseStage(
                width,
                depth,
                rate,
                make=self.make,
                links=pick(LINKS, links, "links"),
                compression=self.compression if i else 0,
            )
            stages[f"stages.{i}"], width = stage, stage.c_out
        tail: dict[str, nn.Module] = {"bn": nn.BatchNorm2d(width), "act": nn.ReLU(inplace=True)}
        if self.grid > 1:
            means = nn.AdaptiveAvgPool2d(self.grid)
            tail["means"] = nn.Sequential(means, nn.Flatten(1), nn.Unflatten(1, (-1, 1, 1)))
        super().__init__(stem=stem, pool=pool, stages=stages, tail=tail, head=head)
        self.num_features *= self.grid**2
        self.reset_classifier(head.num_classes, head.global_pool)
        self.get_submodule(self.last).apply(self.initialise)
