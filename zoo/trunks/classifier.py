"""An image classifier as timm means it: the contract is written once, here.

image -> stem -> maxpool -> layer1 -> ... -> layerN -> tail -> global_pool -> fc -> logits
           |                  |                |
        feature 0          feature 1        feature N
"""

from collections.abc import Mapping
from typing import Any, NamedTuple, cast

import torch.nn.functional as F
from timm.layers import SelectAdaptivePool2d, create_classifier
from timm.models import checkpoint_seq
from timm.models._features import feature_take_indices
from torch import Tensor, nn


class Head(NamedTuple):
    """What follows the features: timm's name of a pooling, dropout, a linear layer."""

    num_classes: int
    global_pool: str = "avg"
    drop_rate: float = 0.0


class Classifier(nn.Module):
    """Stem, stages and tail by name, with a classifier on top: (B, in_chans, H, W) -> (B, classes).

    Every name becomes a child of the network and so a prefix of its state dict. The last module
    of the stem must be the one whose output is feature 0; every block of a stage has `c_out`
    (its channels) and `stride` (of its first convolution, in pixels).
    """

    maxpool: nn.Module
    global_pool: SelectAdaptivePool2d
    fc: nn.Module

    def __init__(
        self,
        *,
        stem: Mapping[str, nn.Module],
        pool: nn.Module,
        stages: Mapping[str, nn.Sequential],
        tail: Mapping[str, nn.Module],
        head: Head,
    ) -> None:
        super().__init__()
        self.drop_rate = head.drop_rate
        self.grad_checkpointing = False
        self.stem_names, self.stage_names, self.tail_names = list(stem), list(stages), list(tail)
        for name, module in {**stem, "maxpool": pool, **stages, **tail}.items():
            self.add_module(name, module)
        self.feature_info = self._features()
        self.num_features = self.feature_info[-1]["num_chs"]
        self.reset_classifier(head.num_classes, head.global_pool)
        self.apply(_initialise)

    def _features(self) -> list[dict[str, Any]]:
        """Channels and reduction (input pixels per feature pixel) of the stem and of each stage."""
        stem = cast(nn.Conv2d, self.get_submodule(self.stem_names[0]))
        reduction = stem.stride[0]
        info: list[dict[str, Any]] = [
            {"num_chs": stem.out_channels, "reduction": reduction, "module": self.stem_names[-1]}
        ]
        reduction *= getattr(self.maxpool, "stride", 1)
        for name in self.stage_names:
            blocks = cast(Any, self.get_submodule(name))
            reduction *= blocks[0].stride
            info.append({"num_chs": blocks[-1].c_out, "reduction": reduction, "module": name})
        return info

    def forward_stem(self, x: Tensor) -> Tensor:
        """(B, in_chans, H, W) -> feature 0."""
        for name in self.stem_names:
            x = self.get_submodule(name)(x)
        return x

    def forward_stage(self, name: str, x: Tensor) -> Tensor:
        """One stage, recomputed in the backward pass when gradient checkpointing is on."""
        stage = self.get_submodule(name)
        if self.grad_checkpointing and self.training:
            return checkpoint_seq(stage, x)
        return stage(x)

    def forward_tail(self, x: Tensor) -> Tensor:
        """What stands between the last stage and the pooling (Identity if nothing does)."""
        for name in self.tail_names:
            x = self.get_submodule(name)(x)
        return x

    def forward_features(self, x: Tensor) -> Tensor:
        """(B, in_chans, H, W) -> (B, num_features, H / r, W / r), r the last reduction."""
        x = self.maxpool(self.forward_stem(x))
        for name in self.stage_names:
            x = self.forward_stage(name, x)
        return self.forward_tail(x)

    def forward_head(self, x: Tensor, pre_logits: bool = False) -> Tensor:
        """Features -> (B, num_classes), or what the last layer sees when `pre_logits`."""
        x = self.global_pool(x)
        if self.drop_rate:
            x = F.dropout(x, p=self.drop_rate, training=self.training)
        return x if pre_logits else self.fc(x)

    def forward(self, x: Tensor) -> Tensor:
        return self.forward_head(self.forward_features(x))

    def forward_intermediates(
        self,
        x: Tensor,
        indices: int | list[int] | None = None,
        norm: bool = False,
        stop_early: bool = False,
        output_fmt: str = "NCHW",
        intermediates_only: bool = False,
    ) -> list[Tensor] | tuple[Tensor, list[Tensor]]:
        """The features at `indices` (last n if an int, all if None), with the final ones before.

        `norm` applies the tail to the last stage's feature. Raises ValueError if not NCHW.
        """
        if output_fmt != "NCHW":
            raise ValueError(f"output_fmt must be 'NCHW', not {output_fmt!r}")
        wanted, last = feature_take_indices(len(self.stage_names) + 1, indices)
        x = self.forward_stem(x)
        taken = [x] if 0 in wanted else []
        x = self.maxpool(x)
        for i, name in enumerate(self.stage_names[:last] if stop_early else self.stage_names, 1):
            x = self.forward_stage(name, x)
            if i in wanted:
                is_last = i == len(self.stage_names)
                taken.append(self.forward_tail(x) if norm and is_last else x)
        return taken if intermediates_only else (self.forward_tail(x), taken)

    def prune_intermediate_layers(
        self,
        indices: int | list[int] | None = 1,
        prune_norm: bool = False,
        prune_head: bool = True,
    ) -> list[int]:
        """Drops what the features at `indices` do not need and returns them, counted from 0."""
        wanted, last = feature_take_indices(len(self.stage_names) + 1, indices)
        shortened = last < len(self.stage_names)
        for name in self.stage_names[last:]:
            setattr(self, name, nn.Sequential())
        for name in self.tail_names if prune_norm or shortened else ():
            setattr(self, name, nn.Identity())
        if shortened:
            self.num_features = self.feature_info[last]["num_chs"]
        if prune_head or shortened:
            self.reset_classifier(0, "")
        return wanted

    def group_matcher(self, coarse: bool = False) -> dict[str, str]:
        """Patterns that timm's optimizers use to give each stage or block its own rate."""
        return {
            "stem": "^(?:" + "|".join(f"{name}\\." for name in self.stem_names) + ")",
            "blocks": r"^layer(\d+)" if coarse else r"^layer(\d+)\.(\d+)",
        }

    def set_grad_checkpointing(self, enable: bool = True) -> None:
        """Trades computation for memory in training."""
        self.grad_checkpointing = enable

    def get_classifier(self, name_only: bool = False) -> nn.Module | str:
        """The last layer, or its name."""
        return "fc" if name_only else self.fc

    def reset_classifier(self, num_classes: int, global_pool: str | None = None) -> None:
        """A new last layer; 0 classes give Identity, `global_pool=''` no pooling."""
        like = next(self.parameters())
        pool = self.global_pool.pool_type if global_pool is None else global_pool
        self.num_classes = num_classes
        self.global_pool, self.fc = create_classifier(
            self.num_features, num_classes, pool_type=pool, device=like.device, dtype=like.dtype
        )
        self.head_hidden_size = self.num_features * int(cast(Any, self.global_pool).feat_mult())


def _initialise(module: nn.Module) -> None:
    """He et al. 2015 (1502.01852), by fan-out, as in all the authors' Torch code."""
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    elif isinstance(module, nn.Linear):
        nn.init.zeros_(module.bias)
