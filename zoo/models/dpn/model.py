"""Dual Path Networks, Chen et al., 1707.01629.

image -> conv1 -> maxpool -> conv2_1 -> ... -> conv5_3 -> BN ReLU -> average -> 1x1 -> logits

The blocks are in dual_path.py: a residual path of one width in a stage, and a densely connected
path that every block makes k wider (Table 1: +k). Keys are timm's; the classifier is a 1x1
convolution.
"""

from collections import OrderedDict
from collections.abc import Sequence

from torch import nn

from zoo.models.dpn.dual_path import EPS, Active, DualPath
from zoo.modules.classifier import Classifier, Head

Stages = Sequence[tuple[int, int]]  # (blocks, k) of conv2, conv3, ...


def dual_paths(
    stages: Stages, c_in: int, residual: int, width: int, *, cardinality: int, split: bool
) -> dict[str, DualPath]:
    """All blocks by name; `residual` and `width` double from stage to stage."""
    blocks: dict[str, DualPath] = {}
    for i, (depth, k) in enumerate(stages):
        for j in range(depth):
            block = DualPath(
                c_in,
                residual << i,
                width << i,
                k,
                stride=2 if i and not j else 1,
                first=not j,
                cardinality=cardinality,
                split=split,
            )
            blocks[f"features.conv{i + 2}_{j + 1}"], c_in = block, block.c_out
    return blocks


class DualPathNetwork(Classifier):
    """conv1, max pooling, conv2 to conv5, BatchNorm and ReLU, average, classifier (Table 1).

    `residual` and `width` are the channels of the residual path and of the 3x3 in conv2.
    """

    last = "classifier"
    convolutional = True

    def __init__(
        self,
        stem: nn.Conv2d,
        stages: Stages,
        *,
        residual: int,
        width: int,
        cardinality: int,
        split: bool = False,
        head: Head,
    ) -> None:
        if not stages or min(map(min, stages)) < 1:
            raise ValueError(
                f"stages must be pairs (blocks, k) of 1 or more (Table 1), not {stages}"
            )
        c_in, first = stem.out_channels, "features.conv1_1"
        blocks = dual_paths(stages, c_in, residual, width, cardinality=cardinality, split=split)
        *_, last = blocks.values()
        norm, act = nn.BatchNorm2d(c_in, eps=EPS), nn.ReLU(inplace=True)
        super().__init__(
            stem={first: nn.Sequential(OrderedDict(conv=stem, bn=norm, act=act))},
            pool=nn.MaxPool2d(3, 2, 1),
            stages=blocks,
            tail={f"features.conv{len(stages) + 1}_bn_ac": Active(last.c_out)},
            head=head,
            features=[first, *(f"features.conv{i}_{n}" for i, (n, _) in enumerate(stages, 2))],
        )


class DPN(DualPathNetwork):
    """Table 1: (B, in_chans, 224, 224) -> (B, num_classes).

    `stages` are (blocks, k) of conv2 to conv5. The 3x3 are of `cardinality` groups, each
    `base_width` channels wide in conv2: DPN-92 is 32x3d. Raises ValueError for an empty stage.
    """

    def __init__(
        self,
        *,
        stages: Stages = ((3, 16), (4, 32), (20, 24), (3, 128)),
        cardinality: int = 32,
        base_width: int = 3,
        stem_width: int = 64,
        num_classes: int = 1000,
        in_chans: int = 3,
        global_pool: str = "avg",
        drop_rate: float = 0.0,
    ) -> None:
        super().__init__(
            nn.Conv2d(in_chans, stem_width, 7, 2, 3, bias=False),
            stages,
            residual=256,
            width=cardinality * base_width,
            cardinality=cardinality,
            head=Head(num_classes, global_pool, drop_rate),
        )


class SmallDPN(DualPathNetwork):
    """DPN-68 of the authors' code: (B, in_chans, 224, 224) -> (B, num_classes).

    A residual path a quarter as wide as in Table 1, 32x4d, and ten 3x3 as the first layer.
    """

    def __init__(
        self,
        *,
        stages: Stages = ((3, 16), (4, 32), (12, 32), (3, 64)),
        split: bool = False,
        num_classes: int = 1000,
        in_chans: int = 3,
        global_pool: str = "avg",
        drop_rate: float = 0.0,
    ) -> None:
        super().__init__(
            nn.Conv2d(in_chans, 10, 3, 2, 1, bias=False),
            stages,
            residual=64,
            width=128,
            cardinality=32,
            split=split,
            head=Head(num_classes, global_pool, drop_rate),
        )
