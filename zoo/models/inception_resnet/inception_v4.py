"""Inception-v4, Szegedy et al., 1602.07261: without shortcuts, to compare with.

image -> stem -> 4 A -> reduction A -> 7 B -> reduction B -> 3 C -> average -> last_linear

Fig. 9. Keys are timm's: all layers are counted through, features.0 to features.21.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from zoo.models.inception_resnet.blocks import AVERAGE, Branches, ConvNormAct, Layer, Steps, chain
from zoo.models.inception_resnet.figures import (
    MIXED_3A,
    MIXED_4A,
    MIXED_5A,
    REDUCTION_A,
    REDUCTION_B,
    STEM,
    A,
    B,
)
from zoo.modules.classifier import Classifier, Head


class InceptionC(nn.Module):
    """Fig. 6, where two branches end in a 1x3 beside a 3x1: (B, c_in, H, W) -> (B, c_out, H, W)."""

    stride = 1

    def __init__(self, c_in: int, multiplier: float) -> None:
        super().__init__()
        wide = {"branch1_0": Layer(384, 1)}
        deep = {
            "branch2_0": Layer(384, 1),
            "branch2_1": Layer(448, (3, 1)),
            "branch2_2": Layer(512, (1, 3)),
        }
        self.branch0 = ConvNormAct(c_in, Layer(256, 1), multiplier)
        self.c_out = self.branch0.c_out
        self.paths = {"1": (tuple(wide), "1"), "2": (tuple(deep), "3")}
        for number, row in (("1", wide), ("2", deep)):
            channels = c_in
            for name, layer in row.items():
                self.add_module(name, conv := ConvNormAct(channels, layer, multiplier))
                channels = conv.c_out
            for side, kernel in (("a", (1, 3)), ("b", (3, 1))):
                end = ConvNormAct(channels, Layer(256, kernel), multiplier)
                self.add_module(f"branch{number}_{self.paths[number][1]}{side}", end)
                self.c_out += end.c_out
        self.branch3, channels = chain(c_in, [AVERAGE, Layer(256, 1)], multiplier)
        self.c_out += channels

    def forward(self, x: Tensor) -> Tensor:
        outputs = [self.branch0(x)]
        for number, (row, last) in self.paths.items():
            y = x
            for name in row:
                y = self.get_submodule(name)(y)
            outputs += [self.get_submodule(f"branch{number}_{last}{side}")(y) for side in "ab"]
        return torch.cat([*outputs, self.branch3(x)], 1)


class InceptionV4(Classifier):
    """Fig. 9: (B, in_chans, 299, 299) -> (B, num_classes).

    Args:
        repeats: Blocks A, B and C.
        multiplier: Of all filters.
        num_classes: Outputs.
        in_chans: Channels of the images.
        global_pool: timm's name of the pooling.
        drop_rate: Of the dropout before the classifier.

    Raises:
        ValueError: `repeats` are not three.
    """

    last = "last_linear"

    def __init__(
        self,
        *,
        repeats: Sequence[int] = (4, 7, 3),
        multiplier: float = 1.0,
        num_classes: int = 1000,
        in_chans: int = 3,
        global_pool: str = "avg",
        drop_rate: float = 0.0,
    ) -> None:
        if len(repeats) != 3 or min(repeats) < 1:
            raise ValueError(f"repeats must be three, of 1 or more (Fig. 9), not {list(repeats)}")
        stem, c_in = chain(in_chans, tuple(STEM.values()), multiplier)
        a, b, c = repeats
        plan: list[tuple[Mapping[str, Steps] | Sequence[Steps], int]] = [
            (MIXED_3A, 2), (MIXED_4A, 1), (MIXED_5A, 2),
            *[(A, 1)] * a, (REDUCTION_A, 2), *[(B, 1)] * b, (REDUCTION_B, 2),
        ]  # fmt: skip
        layers: list[nn.Module] = list(stem.children())
        for branches, stride in plan:
            layers.append(mixed := Branches(c_in, branches, multiplier=multiplier, stride=stride))
            c_in = mixed.c_out
        for _ in range(c):
            layers.append(block := InceptionC(c_in, multiplier))
            c_in = block.c_out
        named = {f"features.{i}": layer for i, layer in enumerate(layers)}
        names = list(named)
        ends = (2, 3, 5 + a, 6 + a + b, 6 + a + b + c + 1)
        super().__init__(
            stem={name: named[name] for name in names[:3]},
            pool=nn.Identity(),
            stages={name: named[name] for name in names[3:]},
            tail={},
            head=Head(num_classes, global_pool, drop_rate),
            features=[names[i] for i in ends],
        )
