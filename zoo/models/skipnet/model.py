"""SkipNet: Learning Dynamic Routing in Convolutional Networks, Wang et al., 1711.09485.

x^{i+1} = G^i(x^i) F^i(x^i) + (1 - G^i(x^i)) x^i (Eq. 1), G^i(x^i) 0 or 1 for every image

ResNets of 1512.03385 whose blocks are executed for some images and skipped for others: gates.py
decides, blocks.py has the blocks, skipping.py computes only what is executed, and policy.py has the
loss of the second stage of training.    skipnet38_ff .. skipnet152_rnn (CIFAR, SVHN)
skipnet34_rnn .. skipnet101_rnn (ImageNet)
"""

from torch import nn

from zoo.models.skipnet.blocks import gated_blocks
from zoo.models.skipnet.gated import GatedNetwork
from zoo.modules.classifier import Head
from zoo.modules.post_activation import conv, imagenet_stem
from zoo.modules.stages import blocks_per_stage, imagenet_depths


class CifarSkipNet(GatedNetwork):
    """Sec. 4: (B, in_chans, 32, 32) -> (B, num_classes).

    `gate` is ff1, ff2, rnn, or none for the base network (Table 2); `gating` is hard (Eq. 7), soft,
    or sampled, for the second stage of training. Raises ValueError unless depth = 6n + 2.
    """

    def __init__(
        self,
        *,
        depth: int,
        gate: str = "rnn",
        gating: str = "hard",
        num_classes: int = 10,
        in_chans: int = 3,
        global_pool: str = "avg",
        drop_rate: float = 0.0,
    ) -> None:
        depths = blocks_per_stage(depth, layers=2, extra=2, where="Sec. 4")
        super().__init__(
            stem=conv(in_chans, 16, 3),
            pool=nn.Identity(),
            blocks=gated_blocks(depths, (16, 32, 64), gate),
            gate=gate,
            gating=gating,
            head=Head(num_classes, global_pool, drop_rate),
        )


class SkipNet(GatedNetwork):
    """SkipNet of Sec. 4 for ImageNet: (B, in_chans, 224, 224) -> (B, num_classes).

    Arguments as those of CifarSkipNet. Raises ValueError for a depth that the paper lacks.
    """

    def __init__(
        self,
        *,
        depth: int,
        gate: str = "rnn",
        gating: str = "hard",
        num_classes: int = 1000,
        in_chans: int = 3,
        global_pool: str = "avg",
        drop_rate: float = 0.0,
    ) -> None:
        depths = imagenet_depths(depth, (34, 50, 101), "Sec. 4")
        widths = (64, 128, 256, 512)
        super().__init__(
            stem=imagenet_stem(in_chans),
            pool=nn.MaxPool2d(3, 2, 1),
            blocks=gated_blocks(depths, widths, gate, bottleneck=depth >= 50),
            gate=gate,
            gating=gating,
            head=Head(num_classes, global_pool, drop_rate),
        )
