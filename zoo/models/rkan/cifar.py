"""The CIFAR ResNets of 1512.03385 (Sec. 4.2) with a KAN: the zoo's own, for a small-scale trial.

image -> 3x3 -> layer1 -> layer2 -> layer3 -> (+) -> average -> fc
                             \\______ R ______/
"""

from functools import partial

from torch import nn

from zoo.models.rkan.model import RKANet, with_branches
from zoo.modules.classifier import Head
from zoo.modules.post_activation import Basic, PostActivation, conv
from zoo.modules.shortcuts import identity
from zoo.modules.stages import blocks_per_stage, stack


class RKANCifarResNet(PostActivation):
    """(B, in_chans, 32, 32) -> (B, num_classes). Raises ValueError unless depth = 6n + 2."""

    def __init__(
        self,
        *,
        depth: int = 20,
        num_classes: int = 10,
        in_chans: int = 3,
        global_pool: str = "avg",
        drop_rate: float = 0.0,
    ) -> None:
        stages = stack(
            partial(Basic, shortcut=identity),
            depths=blocks_per_stage(depth, layers=2, extra=2, where="1512.03385, Sec. 4.2"),
            widths=(16, 32, 64),
            c_in=16,
            drop_path_rate=0.0,
        )
        super().__init__(
            stem=conv(in_chans, 16, 3),
            pool=nn.Identity(),
            stages=with_branches(stages, (3,), c_in=16, width_factor=0),
            head=Head(num_classes, global_pool, drop_rate),
        )

    initialise = staticmethod(RKANet.initialise)
