"""MUDDViT-S/16 and its baseline, ViT-S/16 (App. F of 2502.12170).

image -> patches + positions = X_0 -> layer(DA_0: X^Q, X^K, X^V, X^R) -> X_1 -> ... -> DA_12 -> norm
      -> mean -> linear, tanh -> fc

The text gives PrePostDANorm, the sizes of Table 8 and Big Vision's positions and mean. The rest is
as in the authors' fork of Big Vision (github.com/Lisennlp/big_vision, configs/baseline_paper_S16.py
at 2a8deca, whose recipe is App. F's; models/vit.py): three norms in the first layer too, GELU by
tanh, one way out of the last aggregate with the hidden size of four, and a linear layer with tanh
before the last (rep_size). Its feed-forward networks are all equal: no re-allocation (Sec. 2.4).

The relative size of 1.007 (Table 9) says that hidden sizes are not rounded to 64s: W_1 and W_2,
which Sec. 2.6 counts, are 0.7 % of ViT-S/16, and 1.4 % if rounded. All added weights are 0.8 %.

Two things are as in Eq. 10 and the authors' code for language, and not as in that fork, where X_0
itself is normalised, not only its copy among the sources, and where a setting adds X^Q, X^K and X^V
to the normalised X_i. Its last settings have no norms at all: Table 9's are not known.
"""

from functools import partial
from typing import Any

from torch import Tensor

from zoo.models.muddformer.mudd import MUDD, Stream
from zoo.modules.vision_transformer import VisionTransformer


class ViT(VisionTransformer):
    """Table 8, as in Big Vision: (B, in_chans, H, W) -> (B, num_classes).

    Trained with a dropout (`drop_rate`) of 0.1. Unlike timm's ViTs, it has no class token and no
    learnt positions.
    """


class MUDDViT(VisionTransformer):
    """ViT with multiway dynamic dense connections: (B, in_chans, H, W) -> (B, num_classes)."""

    def __init__(self, **options: Any) -> None:
        connections = partial(MUDD, pre_post=True, first_norms=3, gelu="tanh", round_to=0)
        super().__init__(connections=connections, **options)

    def output(self, stream: Stream) -> Tensor:
        """X_i, the output of layer i before the aggregate."""
        return stream.x
