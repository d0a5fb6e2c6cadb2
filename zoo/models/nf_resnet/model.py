"""Normalizer-free ResNets, Brock et al., 2101.08692: x + alpha f(act(x) / std), no norms.

NF-ResNet  image -> 7x7/2 -> max 3x3/2 -> 4 stages ----------> act -> mean -> fc
NF-RegNet  image -> 3x3/2 -------------> 4 stages -> 1x1 -> act -> mean -> fc

Blocks are in blocks.py; zoo.modules.signals has the paper's signal propagation plots as numbers.
"""

from collections.abc import Sequence
from typing import Any

from torch import nn

from zoo.models.nf_resnet.blocks import FORMS, Block, stack, to_multiple
from zoo.modules.classifier import Classifier, Head
from zoo.modules.stages import DEPTHS, pick

# Blocks of each stage; 288 and 600 are of the authors' nf_resnet.py, 26 of timm.
LAYERS = {26: (2, 2, 2, 2)} | {depth: DEPTHS[depth] for depth in (50, 101, 152, 200)}
LAYERS |= {288: (24, 24, 24, 24), 600: (50, 50, 50, 50)}
WIDTH, EXPANSION, GROUP, FEATURES = 0.75, 2.25, 8, 1280  # of NF-RegNets (nf_regnet.py)


class NormalizerFree(Classifier):
    """What both networks share: the keys of the last layer, and initial weights."""

    last = "head.fc"

    @staticmethod
    def initialise(module: nn.Module) -> None:
        """By fan-in, with variance 1 / N; the classifier N(0, 0.01 ** 2)."""
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="linear")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=0.01)
            nn.init.zeros_(module.bias)


class NFResNet(NormalizerFree):
    """Sec. 5: (B, in_chans, H, W) -> (B, num_classes). ReLU; `base_width` is ResNet's 64.

    `form` is "timm", which the published weights have, or "authors" (deviations of paper.toml).
    Raises ValueError for another form, or a depth without a table.
    """

    def __init__(
        self,
        *,
        depth: int = 50,
        base_width: int = 64,
        form: str = "timm",
        num_classes: int = 1000,
        in_chans: int = 3,
        global_pool: str = "avg",
        drop_rate: float = 0.0,
        drop_path_rate: float = 0.0,
    ) -> None:
        depths, parts = pick(LAYERS, depth, "depth (Sec. 5)"), pick(FORMS, form, "form")("relu")

        def block(c_in: int, c_out: int, *, first: bool, **options: Any) -> Block:
            return Block(c_in, c_out // 4, c_out, form=parts, **options)

        super().__init__(
            stem={"stem.conv": parts.conv(in_chans, base_width, 7, 2)},
            pool=nn.MaxPool2d(3, 2, 1),
            stages=stack(
                block,
                c_in=base_width,
                channels=[4 * base_width * 2**i for i in range(4)],
                depths=depths,
                strides=(1, 2, 2, 2),
                drop_path_rate=drop_path_rate,
            ),
            tail={"final_act": parts.act()},
            head=Head(num_classes, global_pool, drop_rate),
        )


class NFRegNet(NormalizerFree):
    """Sec. 5.2: (B, in_chans, H, W) -> (B, num_classes). SiLU, groups of 8 channels, SE.

    Branches are 2.25 times as wide as their input, but for the first of all. `form` is "timm" or
    "authors", as for NF-ResNets; timm's channels are multiples of 8. Raises ValueError for others.
    """

    def __init__(
        self,
        *,
        stage_blocks: Sequence[int] = (1, 3, 6, 6),
        widths: Sequence[int] = (48, 104, 208, 440),
        form: str = "timm",
        num_classes: int = 1000,
        in_chans: int = 3,
        global_pool: str = "avg",
        drop_rate: float = 0.0,
        drop_path_rate: float = 0.0,
    ) -> None:
        parts = pick(FORMS, form, "form")("silu")
        channels = [to_multiple(WIDTH * width, parts.divisor) for width in widths]
        features = to_multiple(WIDTH * (FEATURES * widths[-1] // 440), parts.divisor)

        def block(c_in: int, c_out: int, *, first: bool, **options: Any) -> Block:
            width = c_in if first else to_multiple(EXPANSION * c_in, parts.divisor)
            groups = width // GROUP
            return Block(c_in, GROUP * groups, c_out, form=parts, groups=groups, **options)

        super().__init__(
            stem={"stem.conv": parts.conv(in_chans, channels[0], 3, 2)},
            pool=nn.Identity(),
            stages=stack(
                block,
                c_in=channels[0],
                channels=channels,
                depths=stage_blocks,
                strides=(2, 2, 2, 2),
                drop_path_rate=drop_path_rate,
            ),
            tail={"final_conv": parts.conv(channels[-1], features, 1), "final_act": parts.act()},
            head=Head(num_classes, global_pool, drop_rate),
        )
