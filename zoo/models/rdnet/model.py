"""DenseNets Reloaded: Paradigm Shift Beyond ResNets and ViTs, Kim et al., 2403.19588.

x_{l+1} = [x_l, f(x_l)] (Eq. 1): outputs are concatenated with the input, never added.

image -> 4x4/4, LN -> mixing block -+-> LN, conv -> mixing block -+-> ... -> mean -> LN -> fc
                                    halves the channels (transition)

The mixing block and the transition are in mixing.py.
"""

from collections.abc import Sequence
from functools import partial

import torch
from timm.layers import ClassifierHead, LayerNorm2d, NormMlpClassifierHead
from torch import Tensor, nn

from zoo.models.rdnet.mixing import COMPRESSION, MIXERS, Mixing, to_eights, transition
from zoo.modules.classifier import Classifier, Head


class RDNet(Classifier):
    """Table B: (B, in_chans, 224, 224) -> (B, num_classes).

    One mixing block per growth rate; the transition before those in `downsample` (counted from
    0) halves the image. From the third mixing block on, mixers end in channel attention (ESE).
    Raises ValueError for indices out of range.
    """

    head: NormMlpClassifierHead | ClassifierHead

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

    def forward_head(self, x: Tensor, pre_logits: bool = False) -> Tensor:
        """Features -> mean -> LayerNorm -> (B, num_classes), or fc's input if `pre_logits`."""
        return self.head(x, pre_logits)

    def get_classifier(self, name_only: bool = False) -> nn.Module | str:
        """Return the last layer, or its name."""
        return "head.fc" if name_only else self.head.fc

    def reset_classifier(self, num_classes: int, global_pool: str | None = None) -> None:
        """Replace the last layer, not the norm.

        0 classes give Identity, `global_pool=''` no pooling. Raises ValueError for a pooling that
        changes the number of channels.
        """
        if global_pool and global_pool.endswith("catavgmax"):
            raise ValueError(f"global_pool must be avg, max, avgmax or '', not {global_pool!r}")
        self.num_classes, self.head_hidden_size = num_classes, self.num_features
        if hasattr(self, "head"):
            self.head.reset(num_classes, global_pool)
            return
        self.head = NormMlpClassifierHead(  # eps of the authors' code; timm has 1e-6
            self.num_features,
            num_classes,
            pool_type=global_pool or "",
            drop_rate=self.drop_rate,
            norm_layer=partial(LayerNorm2d, eps=1e-5),
        )

    def drop_head(self) -> None:
        self.num_classes = 0
        self.head = ClassifierHead(self.num_features, 0, pool_type="")

    @staticmethod
    def initialise(module: nn.Module) -> None:
        """He et al. 2015 (1502.01852), by fan-in, as in the authors' code."""
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight)
        elif isinstance(module, nn.Linear):
            nn.init.zeros_(module.bias)
