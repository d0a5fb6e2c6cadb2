"""Intermediate supervision: what columns before the last one have to know (the authors' code).

c_3 of a column -+- mean, LN, fc -> logits of the class
                 +- decoder ------> logits of the pixels, (B, in_chans, H, W)
"""

from collections import OrderedDict
from collections.abc import Sequence
from itertools import pairwise

import torch.nn.functional as F
from timm.layers import LayerNorm2d, NormMlpClassifierHead
from torch import Tensor, nn

from zoo.models.revcol.columns import PATCH
from zoo.models.revcol.level import EPSILON, ConvNeXtBlock

MANY = 1000  # classes, with more than which the decoder is one layer


class Stage(nn.Module):
    """1x1, LN, GELU, twice as large, ConvNeXt block: (B, c_in, h, w) -> (B, c_out, 2h, 2w)."""

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(c_in, c_out, 1)
        self.norm = LayerNorm2d(c_out, eps=EPSILON)
        self.block = ConvNeXtBlock(c_out, c_out)

    def forward(self, x: Tensor) -> Tensor:
        x = F.gelu(self.norm(self.proj(x)))
        x = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True)
        return self.block(x)


def decoder(widths: Sequence[int], in_chans: int, num_classes: int) -> nn.Sequential:
    """Return c_3 -> image: a stage for each level, or with more than 1,000 classes one layer."""
    top, many = widths[-1], num_classes > MANY
    stages = [] if many else [Stage(c_in, c_out) for c_in, c_out in pairwise(reversed(widths))]
    patch = PATCH << (len(widths) - 1) if many else PATCH
    norm = [LayerNorm2d(top, eps=EPSILON)] if many else []
    conv = nn.Conv2d(top if many else widths[0], in_chans * patch**2, 1)
    projback = nn.Sequential(*norm, conv, nn.PixelShuffle(patch))
    return nn.Sequential(OrderedDict(stages=nn.Sequential(*stages), projback=projback))


class Supervision(nn.Module):
    """Classifier and decoder of one column: c_3 -> logits, image."""

    def __init__(self, widths: Sequence[int], in_chans: int, num_classes: int) -> None:
        super().__init__()
        self.head = NormMlpClassifierHead(widths[-1], num_classes)
        self.decoder = decoder(widths, in_chans, num_classes)

    def forward(self, c: Tensor) -> tuple[Tensor, Tensor]:
        return self.head(c), self.decoder(c)


def compound_loss(
    logits: Sequence[Tensor],
    images: Sequence[Tensor],
    target: Tensor,
    image: Tensor,
    weights: tuple[float, float] = (3.0, 0.7),
) -> Tensor:
    """Return the loss of `RevCol.forward_supervised`: later columns draw less and classify more.

    sum_i  a (1 - i / n) BCE(images_i, image) + b ((i + 1) / (n + 1)) CE(logits_i)  +  CE(logits_n)

    Args:
        logits: Of the n supervised columns and of the last one, each (B, classes).
        images: Logits of the pixels, n times (B, C, H, W).
        target: Labels (B,), or probabilities (B, classes).
        image: The pixels, from 0 to 1; bounded to [0.01, 0.99].
        weights: a and b; the recipes of all sizes have the defaults.
    """
    pixels, n = image.clamp(0.01, 0.99), len(images)
    loss = F.cross_entropy(logits[-1], target)
    for i, (drawn, classes) in enumerate(zip(images, logits[:-1], strict=True)):
        loss = loss + weights[0] * (1 - i / n) * F.binary_cross_entropy_with_logits(drawn, pixels)
        loss = loss + weights[1] * (i + 1) / (n + 1) * F.cross_entropy(classes, target)
    return loss
