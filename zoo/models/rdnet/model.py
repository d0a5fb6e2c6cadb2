"""DenseNets Reloaded: Paradigm Shift Beyond ResNets and ViTs, Kim et al., 2403.19588.

x_{l+1} = [x_l, f(x_l)] (Eq. 1): outputs are concatenated with the input, never added.

image -> 4x4/4, LN -> mixing block -+-> LN, conv -> mixing block -+-> ... -> mean -> LN -> fc
                                    halves the channels (transition)

The mixing block and the transition are in mixing.py.
"""

from collections.abc import Sequence

import torch
from timm.layers import LayerNorm2d
from torch import nn

from zoo.models.rdnet.mixing import COMPRESSION, MIXERS, Mixing, to_eights, transition
from zoo.modules.classifier import Head
from zoo.modules.norm_classifier import NormClassifier


class RDNet(NormClassifier):
    """Table B: (B, in_chans, 224, 224) -> (B, num_classes).

    One mixing block per growth rate; the transition before those in `downsample` (counted from
    0) halves the image. From the third mixing block on, mixers end in channel attention (ESE).
    Raises ValueError for indices out of range.
    """

    epsilon = 1e-5  # of the head's norm in the authors' code; timm has 1e-6

    def __init__(
        self,
        *,
        init_features: int,
        growth_rates: Sequence[int],
        downsample: Sequence[int],
        num_classes: int = 1000,
        in_chans: int = 3,
        global_pool: str = "avg",
        drop_rate: float = 0.0,
        drop_path_rate: float = 0.0,
    ) -> None:
        count = len(growth_rates)
        if not set(downsample) <= set(range(1, count)):
            raise ValueError(
                f"downsample must be indices from 1 to {count - 1} (Table B), not {downsample}"
            )
        rates = torch.linspace(0, drop_path_rate, MIXERS * count, device="cpu").tolist()
        stages: dict[str, nn.Sequential] = {}
        channels = init_features
        for i, growth in enumerate(growth_rates):
            c_in = to_eights(channels * COMPRESSION) if i else channels
            paths = rates[MIXERS * i : MIXERS * (i + 1)]
            mixing = Mixing(c_in, growth, paths, attention=i > 1)
            between = transition(channels, c_in, 2 if i in downsample else 1) if i else []
            stages[f"dense_stages.{i}"] = nn.Sequential(*between, mixing)
            channels = mixing.c_out
        stem = [nn.Conv2d(in_chans, init_features, 4, 4), LayerNorm2d(init_features, eps=1e-6)]
        super().__init__(
            stem={"stem": nn.Sequential(*stem)},
            pool=nn.Identity(),
            stages=stages,
            tail={},
            head=Head(num_classes, global_pool, drop_rate),
            features=[f"dense_stages.{i - 1}" for i in (*downsample, count)],
        )

    @staticmethod
    def initialise(module: nn.Module) -> None:
        """He et al. 2015 (1502.01852), by fan-in, as in the authors' code."""
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight)
        elif isinstance(module, nn.Linear):
            nn.init.zeros_(module.bias)
