"""An image classifier as timm means it: the contract is written once, here.

image -> stem -> maxpool -> layer1 -> ... -> layerN -> tail -> global_pool -> fc -> logits
           |                  |                |
        feature 0          feature 1        feature N
"""

import re
from collections.abc import Collection, Iterable, Mapping
from math import prod
from typing import Any, ClassVar, NamedTuple, cast

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

    Every name ("layer1", "dense_stages.0") is a module of the network and so a prefix of its state
    dict. A stage, or its last block, says its channels as `c_out`, and by how much it shrinks the
    image as `stride`; of plain layers, the convolutions say it. `features` are the names whose
    outputs are features: by default the last of the stem and every stage. The classifier is called
    `last`: a linear layer, or a 1x1 convolution if it is `convolutional`.
    """

    last: ClassVar[str] = "fc"
    convolutional: ClassVar[bool] = False
    maxpool: nn.Module
    global_pool: SelectAdaptivePool2d

    def __init__(
        self,
        *,
        stem: Mapping[str, nn.Module],
        pool: nn.Module,
        stages: Mapping[str, nn.Module],
        tail: Mapping[str, nn.Module],
        head: Head,
        features: Collection[str] = (),
    ) -> None:
        super().__init__()
        self.drop_rate = head.drop_rate
        self.grad_checkpointing = False
        self.stem_names, self.stage_names, self.tail_names = list(stem), list(stages), list(tail)
        for name, module in {**stem, "maxpool": pool, **stages, **tail}.items():
            self._place(name, module)
        self.feature_names = list(features or [self.stem_names[-1], *stages])
        self.feature_info = self._features(self.feature_names)
        self.num_features = self.feature_info[-1]["num_chs"]
        self.reset_classifier(head.num_classes, head.global_pool)
        self.apply(self.initialise)

    def _place(self, name: str, module: nn.Module) -> None:
        """Makes `module` the child "a", or "a.0" within a sequence that is there or new."""
        parent, _, child = name.rpartition(".")
        if parent and not hasattr(self, parent):
            self.add_module(parent, nn.Sequential())
        self.get_submodule(parent).add_module(child, module)

    def _features(self, names: Collection[str]) -> list[dict[str, Any]]:
        """Channels and reduction (input pixels per feature pixel) at each of `names`; where height
        and width are not reduced alike, the larger is the `reduction`, and `reductions` has both.
        """
        stem = [conv for name in self.stem_names for conv in convolutions(self.get_submodule(name))]
        before: list[nn.Module] = list(stem)
        found = {self.stem_names[-1]: (stem[-1].out_channels, _reduced(before))}
        before.append(self.maxpool)
        for name in self.stage_names:
            stage = self.get_submodule(name)
            blocks = [stage] if hasattr(stage, "c_out") else list(stage.children())
            before += blocks
            found[name] = getattr(blocks[-1], "c_out", 0) or _channels(stage), _reduced(before)
        return [_feature(name, *found[name]) for name in names]

    def forward_stem(self, x: Tensor) -> Tensor:
        """(B, in_chans, H, W) -> feature 0."""
        for name in self.stem_names:
            x = self.get_submodule(name)(x)
        return x

    def forward_stage(self, name: str, x: Tensor) -> Tensor:
        """One stage, recomputed in the backward pass when gradient checkpointing is on."""
        stage = self.get_submodule(name)
        if self.grad_checkpointing and self.training:
            return checkpoint_seq(stage if isinstance(stage, nn.Sequential) else [stage], x)
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

    def feature(self, x: Any) -> Tensor:
        """What a stage gave, as a feature: itself, if only a tensor flows between the stages."""
        return x

    def forward_head(self, x: Tensor, pre_logits: bool = False) -> Tensor:
        """Features -> (B, num_classes), or what the last layer sees when `pre_logits`."""
        x = self.global_pool(x)
        if self.drop_rate:
            x = F.dropout(x, p=self.drop_rate, training=self.training)
        x = x if pre_logits else self.get_submodule(self.last)(x)
        return x.flatten(1) if self.convolutional and self.global_pool.pool_type else x

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
        at = {name: i for i, name in enumerate(self.feature_names)}
        wanted, last = feature_take_indices(len(at), indices)
        x = self.forward_stem(x)
        taken = [x] if at.get(self.stem_names[-1]) in wanted else []
        x = self.maxpool(x)
        for name in self.stage_names[: self._until(last) if stop_early else None]:
            x = self.forward_stage(name, x)
            if at.get(name) in wanted:
                last_one = norm and name == self.stage_names[-1]
                taken.append(self.forward_tail(x) if last_one else self.feature(x))
        return taken if intermediates_only else (self.forward_tail(x), taken)

    def _until(self, feature: int) -> int:
        """How many stages run before the feature of that index is there."""
        return [*self.stem_names[-1:], *self.stage_names].index(self.feature_names[feature])

    def prune_intermediate_layers(
        self,
        indices: int | list[int] | None = 1,
        prune_norm: bool = False,
        prune_head: bool = True,
    ) -> list[int]:
        """Drops what the features at `indices` do not need and returns them, counted from 0."""
        wanted, last = feature_take_indices(len(self.feature_info), indices)
        unused = self.stage_names[self._until(last) :]
        for name in unused:
            self.set_submodule(name, nn.Sequential())
        for name in self.tail_names if prune_norm or unused else ():
            self.set_submodule(name, nn.Identity())
        if unused:
            self.num_features = self.feature_info[last]["num_chs"]
        if prune_head or unused:
            self.drop_head()
        return wanted

    def group_matcher(self, coarse: bool = False) -> dict[str, str]:
        """Patterns that timm's optimizers use to give each stage or block its own rate."""
        stage = re.sub(r"\d+", r"(\\d+)", re.escape(self.stage_names[0]))
        whole = coarse or "." in self.stage_names[0]  # a stage with a dot is a block itself
        return {
            "stem": "^(?:" + "|".join(f"{name}\\." for name in self.stem_names) + ")",
            "blocks": f"^{stage}" if whole else rf"^{stage}\.(\d+)",
        }

    def set_grad_checkpointing(self, enable: bool = True) -> None:
        """Trades computation for memory in training."""
        self.grad_checkpointing = enable

    def get_classifier(self, name_only: bool = False) -> nn.Module | str:
        """The last layer, or its name."""
        return self.last if name_only else self.get_submodule(self.last)

    def reset_classifier(self, num_classes: int, global_pool: str | None = None) -> None:
        """A new last layer; 0 classes give Identity, `global_pool=''` no pooling."""
        like = next(self.parameters())
        pool = self.global_pool.pool_type if global_pool is None else global_pool
        self.num_classes = num_classes
        self.global_pool, last = create_classifier(
            self.num_features,
            num_classes,
            pool_type=pool,
            use_conv=self.convolutional,
            device=like.device,
            dtype=like.dtype,
        )
        self.add_module(self.last, last)
        self.head_hidden_size = self.num_features * int(cast(Any, self.global_pool).feat_mult())

    def drop_head(self) -> None:
        """Nothing after the features, for networks that only give features."""
        self.reset_classifier(0, "")

    @staticmethod
    def initialise(module: nn.Module) -> None:
        """He et al. 2015 (1502.01852), by fan-out, as in all the authors' Torch code."""
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        elif isinstance(module, nn.Linear):
            nn.init.zeros_(module.bias)


def convolutions(module: nn.Module) -> list[nn.Conv2d]:
    """The module itself or those inside it, in the order of definition."""
    return [part for part in module.modules() if isinstance(part, nn.Conv2d)]


def _channels(stage: nn.Module) -> int:
    return convolutions(stage)[-1].out_channels


def _reduced(parts: Iterable[nn.Module]) -> tuple[int, int]:
    """By how much parts, one after the other, divide height and width."""
    rows, columns = zip(*map(_stride, parts), strict=True)
    return prod(rows), prod(columns)


def _stride(part: nn.Module) -> tuple[int, int]:
    stride: Any = getattr(part, "stride", 1)
    return stride if isinstance(stride, tuple) else (stride, stride)


def _feature(name: str, channels: int, reduced: tuple[int, int]) -> dict[str, Any]:
    """An entry of timm's feature_info, whose `reduction` is one number."""
    both = {"reductions": reduced} if reduced[0] != reduced[1] else {}
    return {"num_chs": channels, "reduction": max(reduced), "module": name, **both}
