"""An image classifier that keeps timm's contract.

image -> stem -> maxpool -> layer1 -> ... -> layerN -> tail -> global_pool -> fc -> logits
           |                  |                |
        feature 0          feature 1        feature N
"""

import re
from collections.abc import Collection, Iterable, Mapping
from math import prod
from typing import Any, ClassVar, NamedTuple, cast

from timm.layers import SelectAdaptivePool2d, create_classifier
from timm.models import checkpoint_seq
from timm.models._features import feature_take_indices
from torch import Tensor, fx, nn

from zoo.modules.graphs import graph_of


class Head(NamedTuple):
    """The layers after the features."""

    num_classes: int
    global_pool: str = "avg"  # timm's name of the pooling
    drop_rate: float = 0.0  # before the last layer


class Classifier(nn.Module):
    """Stem, stages and tail by name, then a classifier: (B, in_chans, H, W) -> (B, num_classes).

    Every name ("layer1", "dense_stages.0") is a module of the network, and so a prefix in its state
    dict. A stage, or its last block, has its channels as `c_out` and its reduction as `stride`; for
    plain layers, those of the convolutions count.

    Args:
        stem: Layers before the pooling; the output of the last one is feature 0.
        pool: The pooling after the stem, or convolutions in its place.
        stages: The stages.
        tail: Layers between the last stage and the global pooling.
        head: Pooling, dropout and classes.
        features: Names whose outputs are features; by default the last of the stem and all stages.
    """

    last: str = "fc"  # name of the last layer, or "a.b" in a sequence
    convolutional: ClassVar[bool] = False  # a 1x1 convolution instead of a linear layer
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
        self.dropout = nn.Dropout(head.drop_rate) if head.drop_rate else nn.Identity()
        self.grad_checkpointing = False
        self.stem_names, self.stage_names, self.tail_names = list(stem), list(stages), list(tail)
        for name, module in {**stem, "maxpool": pool, **stages, **tail}.items():
            self._place(name, module)
        self.feature_names = list(features or [self.stem_names[-1], *stages])
        self.feature_info = self._features(self.feature_names)
        last = [conv for module in tail.values() for conv in convolutions(module)][-1:]
        self.num_features = last[0].out_channels if last else self.feature_info[-1]["num_chs"]
        self.reset_classifier(head.num_classes, head.global_pool)
        self.apply(self.initialise)

    def _place(self, name: str, module: nn.Module) -> None:
        """Add `module` as the child "a", or as "a.0" of a sequence, which is created if needed."""
        parent, _, child = name.rpartition(".")
        if parent and not hasattr(self, parent):
            self.add_module(parent, nn.Sequential())
        self.get_submodule(parent).add_module(child, module)

    def _features(self, names: Collection[str]) -> list[dict[str, Any]]:
        """Return timm's feature_info: channels and reduction (input pixels per feature pixel).

        Where height and width are reduced differently, the smaller is the `reduction`, so that no
        map is larger than it says, and `reductions` has both.
        """
        stem = [conv for name in self.stem_names for conv in convolutions(self.get_submodule(name))]
        path: list[nn.Module] = list(stem)
        features = {self.stem_names[-1]: (stem[-1].out_channels, _reduction(path))}
        path += convolutions(self.maxpool) or [self.maxpool]
        for name in self.stage_names:
            stage = self.get_submodule(name)
            blocks = [stage] if hasattr(stage, "c_out") else list(stage.children())
            path += blocks
            channels = getattr(blocks[-1], "c_out", 0) or convolutions(stage)[-1].out_channels
            features[name] = channels, _reduction(path)
        return [_feature_info(name, *features[name]) for name in names]

    def forward_stem(self, x: Tensor) -> Tensor:
        """(B, in_chans, H, W) -> feature 0."""
        for name in self.stem_names:
            x = self.get_submodule(name)(x)
        return x

    def forward_stage(self, name: str, x: Tensor) -> Tensor:
        """Run one stage, recomputed in the backward pass with gradient checkpointing."""
        stage = self.get_submodule(name)
        if self.grad_checkpointing and self.training:
            return checkpoint_seq(stage if isinstance(stage, nn.Sequential) else [stage], x)
        return stage(x)

    def forward_tail(self, x: Tensor) -> Tensor:
        """Output of the last stage -> final features, (B, num_features, H, W)."""
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
        """Output of a stage -> feature; for stages that pass on more than a tensor."""
        return x

    def forward_head(self, x: Tensor, pre_logits: bool = False) -> Tensor:
        """Features -> (B, num_classes), or the last layer's input if `pre_logits`."""
        x = self.dropout(self.global_pool(x))
        x = x if pre_logits else self.get_submodule(self.last)(x)
        return x.flatten(1) if self.convolutional and self.global_pool.pool_type else x

    def forward(self, x: Tensor) -> Tensor:
        return self.forward_head(self.forward_features(x))

    def __prepare_scriptable__(self) -> fx.GraphModule:
        """Return what torch.jit.script compiles: the forward pass, whose layers have no names."""
        return graph_of(self)

    def forward_intermediates(
        self,
        x: Tensor,
        indices: int | list[int] | None = None,
        norm: bool = False,
        stop_early: bool = False,
        output_fmt: str = "NCHW",
        intermediates_only: bool = False,
    ) -> list[Tensor] | tuple[Tensor, list[Tensor]]:
        """Return the final features and the intermediate ones, as timm does.

        Args:
            x: Images, (B, in_chans, H, W).
            indices: Which features, in this order; the last n if an int, all if None.
            norm: Apply the tail to the last stage's feature.
            stop_early: Stop after the last feature asked for.
            output_fmt: "NCHW"; anything else is a ValueError.
            intermediates_only: Return only the intermediate features.
        """
        if output_fmt != "NCHW":
            raise ValueError(f"output_fmt must be 'NCHW', not {output_fmt!r}")
        index = {name: i for i, name in enumerate(self.feature_names)}
        taken, last = feature_take_indices(len(index), indices)
        x = self.forward_stem(x)
        features = {index.get(self.stem_names[-1]): x}
        x = self.maxpool(x)
        for name in self.stage_names[: self._stages_until(last) if stop_early else None]:
            x = self.forward_stage(name, x)
            if index.get(name) in taken:
                with_tail = norm and name == self.stage_names[-1]
                features[index[name]] = self.forward_tail(x) if with_tail else self.feature(x)
        ordered = [features[i] for i in taken]
        return ordered if intermediates_only else (self.forward_tail(x), ordered)

    def _stages_until(self, feature: int) -> int:
        """Return the number of stages that a feature needs."""
        return [*self.stem_names[-1:], *self.stage_names].index(self.feature_names[feature])

    def prune_intermediate_layers(
        self,
        indices: int | list[int] | None = 1,
        prune_norm: bool = False,
        prune_head: bool = True,
    ) -> list[int]:
        """Drop all that the features at `indices` do not need; return these, counted from 0."""
        taken, last = feature_take_indices(len(self.feature_info), indices)
        unused = self.stage_names[self._stages_until(last) :]
        for name in unused:
            self.set_submodule(name, nn.Sequential())
        if prune_norm or unused:
            for name in self.tail_names:
                self.set_submodule(name, nn.Identity())
            self.num_features = self.feature_info[last]["num_chs"]
        if prune_head or unused:
            self.drop_head()
        return taken

    def group_matcher(self, coarse: bool = False) -> dict[str, str]:
        """Return patterns by which timm's optimizers give each stage or block its own rate."""
        stage = re.sub(r"\d+", r"(\\d+)", re.escape(self.stage_names[0]))
        whole = coarse or "." in self.stage_names[0]  # a stage with a dot is a block itself
        stem = (*self.stem_names, "maxpool")
        return {
            "stem": "^(?:" + "|".join(f"{name}\\." for name in stem) + ")",
            "blocks": f"^{stage}" if whole else rf"^{stage}\.(\d+)",
        }

    def set_grad_checkpointing(self, enable: bool = True) -> None:
        """Trade computation for memory in training."""
        self.grad_checkpointing = enable

    def get_classifier(self, name_only: bool = False) -> nn.Module | str:
        """Return the last layer, or its name."""
        return self.last if name_only else self.get_submodule(self.last)

    def reset_classifier(self, num_classes: int, global_pool: str | None = None) -> None:
        """Replace the last layer; 0 classes give Identity, `global_pool=''` no pooling."""
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
        self._place(self.last, last)
        self.head_hidden_size = self.num_features * int(cast(Any, self.global_pool).feat_mult())

    def drop_head(self) -> None:
        """Remove everything after the features."""
        self.reset_classifier(0, "")

    @staticmethod
    def initialise(module: nn.Module) -> None:
        """He et al. 2015 (1502.01852), by fan-out, as in all the authors' Torch code."""
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        elif isinstance(module, nn.Linear):
            nn.init.zeros_(module.bias)


def convolutions(module: nn.Module) -> list[nn.Conv2d]:
    """Return all convolutions of a module, in the order of definition."""
    return [part for part in module.modules() if isinstance(part, nn.Conv2d)]


def _reduction(path: Iterable[nn.Module]) -> tuple[int, int]:
    """Return the factors by which modules, one after the other, divide height and width."""
    rows, columns = zip(*map(_stride, path), strict=True)
    return prod(rows), prod(columns)


def _stride(part: nn.Module) -> tuple[int, int]:
    stride: Any = getattr(part, "stride", 1)
    return stride if isinstance(stride, tuple) else (stride, stride)


def _feature_info(name: str, channels: int, reductions: tuple[int, int]) -> dict[str, Any]:
    both = {"reductions": reductions} if reductions[0] != reductions[1] else {}
    return {"num_chs": channels, "reduction": min(reductions), "module": name, **both}
