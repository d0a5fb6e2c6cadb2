"""Deep Networks with Stochastic Depth, Huang, Sun, Liu, Sedra and Weinberger, 1603.09382.

H_l = ReLU(b_l f_l(H_{l-1}) + id(H_{l-1}))    b_l is 1 with probability p_l, else 0 (Eq. 2)

ResNets of 1512.03385 that drop blocks at random in training, later blocks more often. In testing
they have full depth.    sd_resnet110, sd_resnet1202 (CIFAR)   sd_resnet152 (ImageNet)
"""

from functools import partial

from torch import nn

from zoo.models.stochastic_depth.survival import stochastic_depth
from zoo.modules.classifier import Head
from zoo.modules.post_activation import Basic, Bottleneck, PostActivation, conv, imagenet_stem
from zoo.modules.shortcuts import pooled_identity, projection
from zoo.modules.stages import blocks_per_stage, imagenet_depths, stack


class StochasticDepthCifarResNet(PostActivation):
    """Sec. 4: (B, in_chans, 32, 32) -> (B, num_classes), with averages where the size changes.

    `drop_path_rate` is 1 - p_L, 0.5 in the paper; `rule` is linear (Eq. 4) or uniform (Fig. 8);
    `draw` is per batch, or per sample. Raises ValueError unless depth = 6n + 2.
    """

    def __init__(
        self,
        *,
        depth: int,
        rule: str = "linear",
        draw: str = "batch",
        num_classes: int = 10,
        in_chans: int = 3,
        global_pool: str = "avg",
        drop_rate: float = 0.0,
        drop_path_rate: float = 0.0,
    ) -> None:
        super().__init__(
            stem=conv(in_chans, 16, 3),
            pool=nn.Identity(),
            stages=stack(
                partial(Basic, shortcut=pooled_identity),
                depths=blocks_per_stage(depth, layers=2, extra=2, where="Sec. 4"),
                widths=(16, 32, 64),
                c_in=16,
                drop_path_rate=0.0,
            ),
            head=Head(num_classes, global_pool, drop_rate),
        )
        stochastic_depth(self, drop_path_rate, rule=rule, draw=draw)


class StochasticDepthResNet(PostActivation):
    """ResNet-152 of Sec. 4: (B, in_chans, 224, 224) -> (B, num_classes), with projections."""

    def __init__(
        self,
        *,
        depth: int,
        rule: str = "linear",
        draw: str = "batch",
        num_classes: int = 1000,
        in_chans: int = 3,
        global_pool: str = "avg",
        drop_rate: float = 0.0,
        drop_path_rate: float = 0.0,
    ) -> None:
        super().__init__(
            stem=imagenet_stem(in_chans),
            pool=nn.MaxPool2d(3, 2, 1),
            stages=stack(
                partial(Bottleneck, shortcut=projection),
                depths=imagenet_depths(depth, (50, 101, 152), "Sec. 4"),
                widths=(64, 128, 256, 512),
                c_in=64,
                drop_path_rate=0.0,
            ),
            head=Head(num_classes, global_pool, drop_rate),
        )
        stochastic_depth(self, drop_path_rate, rule=rule, draw=draw)
