"""Inception-ResNet v1 and v2, Szegedy et al., 1602.07261.

image -> stem -> repeat -> mixed_6a -> repeat_1 -> mixed_7a -> repeat_2 block8 -> average -> classif
                35 x 35                17 x 17                8 x 8

A block adds its branches, times a scale, to its input (Fig. 20), which keeps wide networks from
dying (Sec. 3.3). In all implementations the last block has a scale of 1 and no ReLU. Keys are
timm's.
"""

import re
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from torch import nn

from zoo.models.inception_resnet.blocks import MAXIMUM, Branches, ConvNormAct, Layer, Residual
from zoo.models.inception_resnet.figures import AFTER_POOL, MIXED_5B, STEM, V1, V2, Figures
from zoo.modules.classifier import Classifier, Head


def in_a_row(
    c_in: int, layers: Mapping[str, Layer], multiplier: float
) -> tuple[dict[str, nn.Module], int]:
    """Return convolutions one after the other, by name, and the channels of the last."""
    row: dict[str, nn.Module] = {}
    for name, layer in layers.items():
        row[name] = conv = ConvNormAct(c_in, layer, multiplier)
        c_in = conv.c_out
    return row, c_in


def grids(
    c_in: int, figures: Figures, repeats: Sequence[int], scales: Sequence[float], multiplier: float
) -> tuple[dict[str, nn.Module], int]:
    """Return the blocks at 35 x 35, 17 x 17 and 8 x 8 with the reductions, and their channels."""
    if len(repeats) != 3 or min(repeats) < 1 or len(scales) != 3:
        raise ValueError(
            "repeats and scales must be three each, repeats of 1 or more (Fig. 15), "
            f"not {list(repeats)} and {list(scales)}"
        )
    stages: dict[str, nn.Module] = {}
    for name, reduction, depth, scale in zip(
        ("repeat", "repeat_1", "repeat_2"),
        ("", "mixed_6a", "mixed_7a"),
        repeats,
        scales,
        strict=True,
    ):
        if reduction:
            mixed = Branches(c_in, figures[reduction], multiplier=multiplier, stride=2)
            stages[reduction], c_in = mixed, mixed.c_out
        block = partial(Residual, c_in, figures[name], multiplier=multiplier)
        is_last = name == "repeat_2"
        if units := [block(scale=scale) for _ in range(depth - is_last)]:
            stages[name] = nn.Sequential(*units)
    stages["block8"] = block(scale=1.0, activated=False)
    return stages, c_in


class InceptionResNet(Classifier):
    """Fig. 15: stem, max-pooling, then `stages` and `tail`."""

    last = "classif"

    def __init__(
        self,
        stem: dict[str, nn.Module],
        stages: dict[str, nn.Module],
        tail: dict[str, nn.Module],
        head: Head,
    ) -> None:
        features = ["conv2d_2b", "conv2d_4a", "repeat", "repeat_1", list(stages)[-1]]
        super().__init__(
            stem=stem, pool=MAXIMUM(), stages=stages, tail=tail, head=head, features=features
        )

    def group_matcher(self, coarse: bool = False) -> dict[str, Any]:
        """Return a group for the stem and one for every stage: their names have no pattern."""
        stem = "|".join(map(re.escape, self.stem_names))
        blocks = [(rf"^{re.escape(name)}\.", (i,)) for i, name in enumerate(self.stage_names)]
        return {"stem": rf"^(?:{stem})\.", "blocks": blocks}


class InceptionResNetV1(InceptionResNet):
    """Inception-ResNet-v1: (B, in_chans, 299, 299) -> (B, num_classes).

    Args:
        repeats: Blocks at 35 x 35, 17 x 17 and 8 x 8, the last of all included.
        scales: Of the blocks of each size but the last one, whose scale is 1.
        multiplier: Of all filters.
        embedding: Channels of a 1x1 with BatchNorm before the pooling, 0 for none. pytorchcv has
            512 after it, which is the same but for BatchNorm's statistics in training.
        num_classes: Outputs.
        in_chans: Channels of the images.
        global_pool: timm's name of the pooling.
        drop_rate: Of the dropout before the classifier.

    Raises:
        ValueError: `repeats` or `scales` are not three.
    """

    def __init__(
        self,
        *,
        repeats: Sequence[int] = (5, 10, 6),
        scales: Sequence[float] = (0.17, 0.10, 0.20),
        multiplier: float = 1.0,
        embedding: int = 0,
        num_classes: int = 1000,
        in_chans: int = 3,
        global_pool: str = "avg",
        drop_rate: float = 0.0,
    ) -> None:
        stem, channels = in_a_row(in_chans, STEM, multiplier)
        entry = AFTER_POOL | {"conv2d_4b": Layer(256, 3, 2)}
        first, channels = in_a_row(channels, entry, multiplier)
        rest, channels = grids(channels, V1, repeats, scales, multiplier)
        tail: dict[str, nn.Module] = {}
        if embedding:
            tail["last_linear"] = nn.Conv2d(channels, embedding, 1, bias=False)
            tail["last_bn"] = nn.BatchNorm2d(embedding, eps=1e-3)
        super().__init__(stem, first | rest, tail, Head(num_classes, global_pool, drop_rate))


class InceptionResNetV2(InceptionResNet):
    """Inception-ResNet-v2: (B, in_chans, 299, 299) -> (B, num_classes).

    `repeats`, `scales`, `multiplier`: as of InceptionResNetV1, with the same errors.
    """

    def __init__(
        self,
        *,
        repeats: Sequence[int] = (10, 20, 10),
        scales: Sequence[float] = (0.17, 0.10, 0.20),
        multiplier: float = 1.0,
        num_classes: int = 1000,
        in_chans: int = 3,
        global_pool: str = "avg",
        drop_rate: float = 0.0,
    ) -> None:
        stem, channels = in_a_row(in_chans, STEM, multiplier)
        first, channels = in_a_row(channels, AFTER_POOL, multiplier)
        mixed = Branches(channels, MIXED_5B, multiplier=multiplier, pool=MAXIMUM(), stride=2)
        rest, channels = grids(mixed.c_out, V2, repeats, scales, multiplier)
        closing, _ = in_a_row(channels, {"conv2d_7b": Layer(1536, 1)}, multiplier)
        stages = first | {"mixed_5b": mixed} | rest | closing
        super().__init__(stem, stages, {}, Head(num_classes, global_pool, drop_rate))
