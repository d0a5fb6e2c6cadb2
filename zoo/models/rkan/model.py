"""Residual Kolmogorov-Arnold Network for Enhanced Deep Learning, Yu, Wu and Gui, 2410.05500.

image -> 7x7 -> maxpool -> layer1 -> layer2 -> layer3 -> layer4 -> (+) -> average -> fc
                                                   \\______ R ______/      R: branch.py

Backbones are ResNets of 1512.03385, ResNeXts of 1611.05431 and wide ResNets of 1605.07146. A branch
has half of its input's channels inside, in "L" networks several times as many; "E" has a second
one, beside stage 3.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import cast

from torch import nn

from zoo.models.rkan.branch import KANBranch, KANStage
from zoo.modules.classifier import Head
from zoo.modules.post_activation import Basic, Bottleneck, PostActivation, dense, imagenet_stem
from zoo.modules.shortcuts import projection
from zoo.modules.stages import Block, imagenet_depths, pick, stack

REDUCTION = 2  # of the input's channels in a branch that is not "L"


def grouped(width: int, stride: int, *, cardinality: int, base_width: int) -> nn.Conv2d:
    """Return the 3x3 of a ResNeXt: `base_width` channels a group where `width` is 64."""
    channels = cardinality * base_width * width // 64
    return nn.Conv2d(channels, channels, 3, stride, 1, groups=cardinality, bias=False)


bottleneck = partial(Bottleneck, shortcut=projection)
BLOCKS: dict[str, Block] = {
    "basic": partial(Basic, shortcut=projection),
    "bottleneck": bottleneck,
    "wide": partial(bottleneck, middle=partial(dense, widen=2)),
    "32x4d": partial(bottleneck, middle=partial(grouped, cardinality=32, base_width=4)),
    "32x8d": partial(bottleneck, middle=partial(grouped, cardinality=32, base_width=8)),
}


def with_branches(
    stages: Mapping[str, nn.Sequential], places: Sequence[int], *, c_in: int, width_factor: int
) -> dict[str, nn.Module]:
    """Put a branch beside some of the stages.

    Args:
        stages: The stages, by name.
        places: Of those with a branch, from 1.
        c_in: Channels of the first stage's input.
        width_factor: Channels in a branch over those of its input; 0: half of them.

    Raises:
        ValueError: There are no such stages.
    """
    if not places or not {*places} <= {*range(1, len(stages) + 1)}:
        raise ValueError(f"places must be some of 1 to {len(stages)}, not {tuple(places)}")
    wrapped: dict[str, nn.Module] = {}
    for place, (name, stage) in enumerate(stages.items(), 1):
        wrapped[name] = stage
        width = c_in * width_factor if width_factor else c_in // REDUCTION
        if place in places:
            wrapped[name] = KANStage(
                stage, partial(KANBranch, c_in, width), again=place == len(stages)
            )
        c_in = cast(int, stage[-1].c_out)
    return wrapped


class RKANet(PostActivation):
    """(B, in_chans, 224, 224) -> (B, num_classes).

    Raises ValueError for a depth, a block or places that no ResNet has.

    Args:
        depth: 18, 34, 50, 101 or 152, all of the authors' code.
        block: "basic" (18, 34), "bottleneck", "32x4d", "32x8d" (ResNeXt) or "wide" (WRN).
        places: Stages with a branch, from 1; "E" is (3, 4).
        width_factor: Channels in a branch over those of its input ("L"); 0: half of them.
        num_classes: Number of classes.
        in_chans: Channels of the images.
        global_pool: timm's name of the pooling.
        drop_rate: Of the last layer's input.
    """

    def __init__(
        self,
        *,
        depth: int = 50,
        block: str = "bottleneck",
        places: Sequence[int] = (4,),
        width_factor: int = 0,
        num_classes: int = 1000,
        in_chans: int = 3,
        global_pool: str = "avg",
        drop_rate: float = 0.0,
    ) -> None:
        stages = stack(
            pick(BLOCKS, block, "block"),
            depths=imagenet_depths(depth, (18, 34, 50, 101, 152), "Table 1 of 1512.03385"),
            widths=(64, 128, 256, 512),
            c_in=64,
            drop_path_rate=0.0,
        )
        super().__init__(
            stem=imagenet_stem(in_chans),
            pool=nn.MaxPool2d(3, 2, 1),
            stages=with_branches(stages, places, c_in=64, width_factor=width_factor),
            head=Head(num_classes, global_pool, drop_rate),
        )

    @staticmethod
    def initialise(module: nn.Module) -> None:
        """As in the authors' code: branches have PyTorch's own first weights."""
        if isinstance(module, KANBranch):
            module.reduce.reset_parameters()
            module.expand.reset_parameters()
        else:
            PostActivation.initialise(module)
