"""Columns of levels, one after the other, and the state that they change.

stem -> [x, -, -, -, -] -> column 1 -> [x, c_0, c_1, c_2, c_3] -> column 2 -> ...
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from timm.models._features import feature_take_indices
from torch import Tensor

from zoo.models.revcol.level import Level
from zoo.modules.norm_classifier import NormClassifier
from zoo.modules.reversible import State, Step, run, run_reversibly

PATCH = 4  # pixels, of the stem


class Columns(NormClassifier):
    """A classifier of levels by the names "subnet#.level#"; the last column's are its features."""

    links: ClassVar[Mapping[int, Sequence[int]]] = {0: (1,), 1: (2,), 2: (3,), 3: ()}
    widths: list[int]  # channels of each level
    kept = 0  # levels between states that are kept; 0: the last state alone

    def _features(self, names: Any) -> list[dict[str, Any]]:
        return [
            {"num_chs": width, "reduction": PATCH << j, "module": name}
            for j, (name, width) in enumerate(zip(names, self.widths, strict=True))
        ]

    def steps(self) -> list[Step]:
        """Return all levels in order; in the state, c_j comes after the stem's output and c_0."""
        steps = []
        for i, name in enumerate(self.stage_names):
            first, j = i < len(self.widths), i % len(self.widths)
            above = [k + 1 for k in self.links[j]]
            level = self.get_submodule(name)
            if isinstance(level, Level):  # not pruned
                steps.append(Step(level, j + 1, (j, *(() if first else above))))
        return steps

    def set_grad_checkpointing(self, enable: bool = True, columns: int = 1) -> None:
        """Keep the state after every `columns` columns alone; 0 for that of the last one.

        Each column undone divides rounding errors by its alphas, 0.5 at first: of 16 in float32,
        little is left of the gradients.
        """
        self.grad_checkpointing, self.kept = enable, columns * len(self.widths)

    def forward_levels(self, steps: Sequence[Step], state: State) -> State:
        """Run levels on the state: the stem's output, c_0 .. c_3, each of half the size."""
        if not (self.grad_checkpointing and self.training):
            return run(steps, state)
        length = self.kept or len(steps)
        for i in range(0, len(steps), length):
            state = run_reversibly(steps[i : i + length], state)
        return state

    def first_state(self, x: Tensor) -> State:
        """(B, in_chans, H, W) -> the state before the first column."""
        return [self.forward_stem(x), *(None for _ in self.widths)]

    def forward_features(self, x: Tensor) -> Tensor:
        """(B, in_chans, H, W) -> c_3 of the last column, (B, num_features, H / 32, W / 32)."""
        return self.forward_levels(self.steps(), self.first_state(x))[-1]

    def forward_intermediates(
        self,
        x: Tensor,
        indices: int | list[int] | None = None,
        norm: bool = False,
        stop_early: bool = False,
        output_fmt: str = "NCHW",
        intermediates_only: bool = False,
    ) -> list[Tensor] | tuple[Tensor, list[Tensor]]:
        """Return c_3 and the levels of the last column at `indices`, as timm does (no `norm`)."""
        if output_fmt != "NCHW":
            raise ValueError(f"output_fmt must be 'NCHW', not {output_fmt!r}")
        taken, last = feature_take_indices(len(self.widths), indices)
        end = len(self.stage_names) - (len(self.widths) - 1 - last if stop_early else 0)
        state = self.forward_levels(self.steps()[:end], self.first_state(x))
        features = [state[i + 1] for i in taken]
        return features if intermediates_only else (state[last + 1 if stop_early else -1], features)
