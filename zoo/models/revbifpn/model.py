"""RevBiFPN: The Fully Reversible Bidirectional Feature Pyramid Network, Chiley et al., 2206.14098.

image -> stem -> x_0 -> layer -> x_0, x_1 -> layer -> x_0 .. x_2 -> layer -> x_0 .. x_3 -> layers
    -> neck of each level -> x_0 smaller + x_1, that smaller + x_2, .. + x_3 -> 1x1 -> mean -> fc

A layer can be undone (silo.py): with gradient checkpointing no activations are kept but those of
the last levels and of the classifier.
"""

from collections.abc import Collection, Sequence
from typing import Any

import torch
from timm.models._features import feature_take_indices
from torch import Tensor, nn

from zoo.models.revbifpn.ends import NECK, PATCH, Merge, Stem
from zoo.models.revbifpn.mbconv import MBConv
from zoo.models.revbifpn.silo import Layer
from zoo.modules.classifier import Classifier, Head
from zoo.modules.reversible import State, Step, run, run_reversibly

WIDTHS, NECKS, FEATURES = (48, 64, 80, 160), (48, 64, 128, 320), 1280  # of S0


class RevBiFPN(Classifier):
    """(B, in_chans, H, W) -> (B, num_classes), with a pyramid of four levels as features.

    All widths are those of S0 by `width_multiplier`, in multiples of 16 below. `fusions` layers
    follow the three that make levels. The rate of stochastic depth grows linearly in the layers.
    """

    def __init__(
        self,
        *,
        width_multiplier: float = 1.0,
        fusions: int = 2,
        num_classes: int = 1000,
        in_chans: int = 3,
        global_pool: str = "avg",
        drop_rate: float = 0.0,
        drop_path_rate: float = 0.0,
    ) -> None:
        def scaled(width: int) -> int:
            return int(width_multiplier * width) // 16 * 16

        widths, necks = [scaled(w) for w in WIDTHS], [scaled(w) for w in NECKS]
        count, new = len(widths), len(widths) - 1
        self.widths = necks
        layers = {
            f"layers.{i}": Layer(
                widths[: i + 2],
                creates=i < new,
                drop_path=drop_path_rate * (i + 1) / (new + fusions),
            )
            for i in range(new + fusions)
        }
        shapes = zip(widths, necks, NECK, strict=True)
        super().__init__(
            stem={"stem": Stem(in_chans, widths[0], PATCH << new)},
            pool=nn.Identity(),
            stages={**layers, **{f"neck.{i}": MBConv(*shape) for i, shape in enumerate(shapes)}},
            tail={"merge": Merge(necks, scaled(FEATURES))},
            head=Head(num_classes, global_pool, drop_rate),
            features=[f"neck.{i}" for i in range(count)],
        )

    def _features(self, names: Collection[str]) -> list[dict[str, Any]]:
        return [
            {"num_chs": width, "reduction": PATCH << i, "module": name}
            for i, (name, width) in enumerate(zip(names, self.widths, strict=True))
        ]

    def steps(self) -> list[Step]:
        """Return the steps of all layers, for a state of the halves of each level."""
        layers = [self.get_submodule(name) for name in self.stage_names]
        return [step for layer in layers if isinstance(layer, Layer) for step in layer.steps()]

    def first_state(self, x: Tensor) -> State:
        """(B, in_chans, H, W) -> the state before the first layer."""
        first, second = self.forward_stem(x).chunk(2, 1)
        return [first, second, *[None] * (2 * len(self.widths) - 2)]

    def forward_pyramid(self, x: Tensor) -> list[Tensor]:
        """(B, in_chans, H, W) -> levels of 1/4, 1/8, 1/16 and 1/32 of the size."""
        runner = run_reversibly if self.grad_checkpointing and self.training else run
        state = runner(self.steps(), self.first_state(x))
        return [torch.cat(state[i : i + 2], 1) for i in range(0, len(state), 2)]

    def forward_features(self, x: Tensor) -> Tensor:
        """(B, in_chans, H, W) -> (B, num_features, H / 32, W / 32)."""
        return self.merge_levels(self.forward_levels(x, range(len(self.widths))))

    def forward_levels(self, x: Tensor, indices: Collection[int]) -> list[Tensor]:
        """Return the necks' outputs for some levels."""
        pyramid = self.forward_pyramid(x)
        return [self.forward_stage(self.feature_names[i], pyramid[i]) for i in indices]

    def merge_levels(self, levels: Sequence[Tensor]) -> Tensor:
        """Levels -> final features; the last level if the classifier was pruned."""
        merge = self.get_submodule("merge")
        return merge(levels) if isinstance(merge, Merge) else levels[-1]

    def forward_intermediates(
        self,
        x: Tensor,
        indices: int | list[int] | None = None,
        norm: bool = False,
        stop_early: bool = False,
        output_fmt: str = "NCHW",
        intermediates_only: bool = False,
    ) -> list[Tensor] | tuple[Tensor, list[Tensor]]:
        """Return the final features and the necks' outputs at `indices`, as timm does.

        With `norm` the final features take the place of the last level.
        """
        if output_fmt != "NCHW":
            raise ValueError(f"output_fmt must be 'NCHW', not {output_fmt!r}")
        taken, last = feature_take_indices(len(self.widths), indices)
        levels = self.forward_levels(x, range(last + 1 if stop_early else len(self.widths)))
        whole = len(levels) == len(self.widths)
        final = self.merge_levels(levels) if whole else levels[-1]
        ends = {len(self.widths) - 1: final} if norm else {}
        features = [ends.get(i, levels[i]) for i in taken]
        return features if intermediates_only else (final, features)

    def group_matcher(self, coarse: bool = False) -> dict[str, str]:
        """Return patterns by which timm's optimizers give each layer or neck its own rate."""
        return {**super().group_matcher(coarse), "neck": r"^neck\.(\d+)"}
