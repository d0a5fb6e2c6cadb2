"""MobileNetV2, Sandler et al., 1801.04381.

image -> conv_stem -> blocks.0 -> ... -> blocks.6 -> conv_head -> average -> classifier -> logits

x -> 1x1 BN ReLU6 -> 3x3 depthwise BN ReLU6 -> 1x1 BN -> (+)     (Table 1, Fig. 4d)
 \\_______ if the stride is 1 and the channels stay ______/

The wide tensors are inside, the thin ones between the blocks: a shortcut joins bottlenecks, and no
activation follows a bottleneck (Sec. 3.2). Keys are timm's.
"""

from collections.abc import Sequence
from functools import partial

from torch import nn

from zoo.models.mobilenetv2.blocks import BOTTLENECKS, SHORTCUTS, InvertedResidual
from zoo.modules.classifier import Classifier, Head
from zoo.modules.stages import pick

# Table 2: expansion t, channels c, blocks n; the strides are an argument.
TABLE_2 = (
    (1, 16, 1),
    (6, 24, 2),
    (6, 32, 3),
    (6, 64, 4),
    (6, 96, 3),
    (6, 160, 3),
    (6, 320, 1),
)
STEM, HEAD = 32, 1280


def scaled(channels: int, width: float) -> int:
    """Return the multiple of 8 nearest to `channels` times `width`, at most a tenth below it.

    The rounding is that of the authors' code.

    Example:
        >>> [scaled(32, 0.35), scaled(24, 0.75), scaled(320, 1.4)]
        [16, 24, 448]
    """
    exact = channels * width
    nearest = max(8, int(exact + 4) // 8 * 8)
    return nearest + 8 if nearest < 0.9 * exact else nearest


class MobileNetV2(Classifier):
    """Table 2: (B, in_chans, 224, 224) -> (B, num_classes).

    Args:
        width: Multiplier of all channels but those of conv_head, which only grow (Sec. 4).
        strides: Of the stem and of the first block of each line of Table 2.
        bottleneck: "linear", or "relu6" after each (Fig. 6a).
        shortcuts: Between "bottleneck"s, or "none" (Fig. 6b).
        num_classes: Outputs.
        in_chans: Channels of the images.
        global_pool: timm's name of the pooling.
        drop_rate: Of the dropout before the classifier.

    Raises:
        ValueError: `width` is not positive, `strides` are not eight, or a text is another one.
    """

    last = "classifier"

    def __init__(
        self,
        *,
        width: float = 1.0,
        strides: Sequence[int] = (2, 1, 2, 2, 2, 1, 2, 1),
        bottleneck: str = "linear",
        shortcuts: str = "bottleneck",
        num_classes: int = 1000,
        in_chans: int = 3,
        global_pool: str = "avg",
        drop_rate: float = 0.0,
    ) -> None:
        if width <= 0:
            raise ValueError(f"width must be a positive multiplier (Sec. 4), not {width}")
        if len(strides) != len(TABLE_2) + 1:
            raise ValueError(f"strides must be eight (Table 2), not {list(strides)}")
        block = partial(
            InvertedResidual,
            last_act=pick(BOTTLENECKS, bottleneck, "bottleneck (Fig. 6a)"),
            shortcuts=pick(SHORTCUTS, shortcuts, "shortcuts (Fig. 6b)"),
        )
        c_in = scaled(STEM, width)
        stem = nn.Conv2d(in_chans, c_in, 3, strides[0], 1, bias=False)
        stages = {}
        for i, ((expansion, channels, depth), stride) in enumerate(
            zip(TABLE_2, strides[1:], strict=True)
        ):
            blocks = []
            for j in range(depth):
                c_out = scaled(channels, width)
                blocks.append(block(c_in, c_out, 1 if j else stride, expansion=expansion))
                c_in = c_out
            stages[f"blocks.{i}"] = nn.Sequential(*blocks)
        c_out = scaled(HEAD, max(width, 1.0))
        super().__init__(
            stem={
                "conv_stem": stem,
                "bn1": nn.BatchNorm2d(stem.out_channels),
                "act1": nn.ReLU6(inplace=True),
            },
            pool=nn.Identity(),
            stages=stages,
            tail={
                "conv_head": nn.Conv2d(c_in, c_out, 1, bias=False),
                "bn2": nn.BatchNorm2d(c_out),
                "act2": nn.ReLU6(inplace=True),
            },
            head=Head(num_classes, global_pool, drop_rate),
            features=[f"blocks.{i}" for i in (0, 1, 2, 4, 6)],
        )

    @staticmethod
    def initialise(module: nn.Module) -> None:
        """Truncated normal, 0.09 (training_scope of the authors' code)."""
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.trunc_normal_(module.weight, std=0.09, a=-0.18, b=0.18)
        if isinstance(module, nn.Linear):
            nn.init.zeros_(module.bias)
