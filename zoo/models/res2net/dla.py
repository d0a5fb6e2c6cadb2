"""Res2Net-DLA (1904.01169, Sec. 3.3): its block in the trees of Deep Layer Aggregation, 1707.06484.

base_layer -> level0 -> level1 /2 -> level2 /4 -> ... -> level5 /32 -> average -> fc

A tree of one level runs two blocks and merges their outputs with earlier nodes (root); a tree of n
levels runs two trees of n - 1 levels, the second of which merges the first's output too.
"""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from zoo.models.res2net.model import Res2Block
from zoo.modules.classifier import Classifier, Head
from zoo.modules.post_activation import conv

LEVELS = {2: 1, 3: 2, 4: 3, 5: 1}  # DLA-60 (1707.06484, Table 1)
CHANNELS = (16, 32, 128, 256, 512, 1024)


def layer(c_in: int, c_out: int, kernel: int, stride: int = 1) -> nn.Sequential:
    """Convolution, BatchNorm, ReLU."""
    norm = nn.BatchNorm2d(c_out)
    return nn.Sequential(conv(c_in, c_out, kernel, stride), norm, nn.ReLU())


class Block(Res2Block):
    """Res2Net's block, half as wide inside as out, whose shortcut comes from its tree."""

    def __init__(
        self, c_in: int, c_out: int, stride: int, *, slice_width: int, scale: int, cardinality: int
    ) -> None:
        super().__init__(
            c_in,
            c_out // 4,
            stride,
            0.0,
            shortcut=lambda *_: nn.Identity(),
            slice_width=2 * slice_width,
            scale=scale,
            cardinality=cardinality,
        )

    def forward(self, x: Tensor, skip: Tensor | None = None) -> Tensor:
        return self.relu(self.residual(x) + (x if skip is None else skip))


class Root(nn.Module):
    """Merge the nodes of a tree: (B, sum of their channels, H, W) -> (B, c_out, H, W)."""

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__()
        self.conv, self.bn = conv(c_in, c_out, 1), nn.BatchNorm2d(c_out)

    def forward(self, *nodes: Tensor) -> Tensor:
        return torch.relu(self.bn(self.conv(torch.cat(nodes, 1))))


class Tree(nn.Module):
    """(B, c_in, H, W) -> (B, c_out, H / stride, W / stride).

    `earlier` is the number of channels of other incoming nodes; a tree that `keeps` its input
    merges that too, max-pooled. With `unused_projections`, a tree of trees projects its input and
    uses the projection nowhere, as the code of DLA does.
    """

    def __init__(
        self,
        levels: int,
        block: Callable[[int, int, int], nn.Module],
        c_in: int,
        c_out: int,
        stride: int,
        *,
        earlier: int = 0,
        keeps: bool = False,
        unused_projections: bool = False,
    ) -> None:
        super().__init__()
        self.c_out, self.stride, self.keeps, self.levels = c_out, stride, keeps, levels
        earlier += c_in if keeps else 0
        self.downsample = nn.MaxPool2d(stride, ceil_mode=True) if stride > 1 else nn.Identity()
        self.project: nn.Module = nn.Identity()
        if c_in != c_out and (levels == 1 or unused_projections):
            self.project = nn.Sequential(conv(c_in, c_out, 1), nn.BatchNorm2d(c_out))
        if levels > 1:
            tree = partial(Tree, levels - 1, block, unused_projections=unused_projections)
            self.tree1: nn.Module = tree(c_in, c_out, stride)
            self.tree2: nn.Module = tree(c_out, c_out, 1, earlier=earlier + c_out)
            return
        self.tree1, self.tree2 = block(c_in, c_out, stride), block(c_out, c_out, 1)
        self.root = Root(2 * c_out + earlier, c_out)

    def forward(self, x: Tensor, *earlier: Tensor) -> Tensor:
        pooled = self.downsample(x)
        nodes = (*earlier, pooled) if self.keeps else earlier
        projected = self.project(pooled)
        if self.levels > 1:
            first = self.tree1(x)
            return self.tree2(first, *nodes, first)
        first = self.tree1(x, projected)
        return self.root(self.tree2(first), first, *nodes)


class Res2NetDla(Classifier):
    """DLA-60 (Sec. 4.1): (B, in_chans, 224, 224) -> (B, num_classes).

    `unused_projections` are those of the authors' code, which the printed counts include.
    """

    convolutional = True

    def __init__(
        self,
        *,
        cardinality: int = 1,
        slice_width: int = 28,
        scale: int = 4,
        num_classes: int = 1000,
        in_chans: int = 3,
        global_pool: str = "avg",
        drop_rate: float = 0.0,
        unused_projections: bool = False,
    ) -> None:
        block = partial(Block, slice_width=slice_width, scale=scale, cardinality=cardinality)
        stages: dict[str, nn.Module] = {
            "level0": layer(CHANNELS[0], CHANNELS[0], 3),
            "level1": layer(CHANNELS[0], CHANNELS[1], 3, 2),
        }
        for i, levels in LEVELS.items():
            shape = CHANNELS[i - 1], CHANNELS[i], 2
            stages[f"level{i}"] = Tree(
                levels, block, *shape, keeps=i > 2, unused_projections=unused_projections
            )
        super().__init__(
            stem={"base_layer": layer(in_chans, CHANNELS[0], 7)},
            pool=nn.Identity(),
            stages=stages,
            tail={},
            head=Head(num_classes, global_pool, drop_rate),
            features=list(stages),
        )

    def group_matcher(self, coarse: bool = False) -> dict[str, str]:
        """Every level is one group: the nodes of a tree have no order."""
        return super().group_matcher(coarse=True)
