"""Reversible Column Networks, Cai et al., 2212.11696.

image -> stem -+---> c_0 ---> c_0 ---> ... c_0
               |      |  /     |            |        ---->  x alpha
               |     c_1 ---> c_1 ---> ... c_1          |   conv 2x2/2
               |      |  /     |            |           /   2x larger
               |     c_2 ---> c_2 ---> ... c_2
               |      |  /     |            |
               |     c_3 ---> c_3 ---> ... c_3 -> mean -> LN -> fc
               +----> the c_0 of every column

A column refines the levels of the last one (level.py). It can be undone (columns.py): with gradient
checkpointing no activations are kept but the levels.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from timm.layers import LayerNorm2d
from torch import Tensor, nn

from zoo.models.revcol.columns import PATCH, Columns
from zoo.models.revcol.level import EPSILON, column
from zoo.models.revcol.supervision import Supervision
from zoo.modules.classifier import Head
from zoo.modules.norm_classifier import reset_head

SUPERVISED = 4  # columns with a classifier, the last one among them


class RevCol(Columns):
    """(B, in_chans, H, W) -> (B, num_classes).

    `stages` are (blocks, channels) of each level; the rate of stochastic depth grows linearly in
    each column. With `inter_supv` three columns before the last have a classifier and a decoder
    too. Raises ValueError unless `columns` is then a multiple of four.
    """

    def __init__(
        self,
        *,
        stages: Sequence[tuple[int, int]],
        columns: int,
        inter_supv: bool = False,
        num_classes: int = 1000,
        in_chans: int = 3,
        global_pool: str = "avg",
        drop_rate: float = 0.0,
        drop_path_rate: float = 0.0,
    ) -> None:
        if len(stages) != len(self.links):
            raise ValueError(f"stages must have {len(self.links)} levels (Fig. 2), not {stages}")
        if columns < 1 or (inter_supv and columns % SUPERVISED):
            raise ValueError(
                f"columns must be a multiple of {SUPERVISED}, or any number of 1 or more without "
                f"inter_supv (the authors' code), not {columns}"
            )
        self.widths = [width for _, width in stages]
        stem = nn.Conv2d(in_chans, self.widths[0], PATCH, PATCH)
        levels = {
            f"subnet{i}.level{j}": level
            for i in range(columns)
            for j, level in enumerate(column(stages, self.links, drop_path_rate, first=not i))
        }
        super().__init__(
            stem={"stem": nn.Sequential(stem, LayerNorm2d(self.widths[0], eps=EPSILON))},
            pool=nn.Identity(),
            stages=levels,
            tail={},
            head=Head(num_classes, global_pool, drop_rate),
            features=list(levels)[-len(stages) :],
        )
        self.supervision = nn.ModuleList(
            Supervision(self.widths, in_chans, num_classes)
            for _ in range(SUPERVISED - 1 if inter_supv else 0)
        ).apply(self.initialise)

    def forward_supervised(self, x: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """Images -> logits of four columns, and of the pixels of three, for `compound_loss`."""
        steps, state = self.steps(), self.first_state(x)
        length, outputs = len(steps) // SUPERVISED, []
        for i, supervision in enumerate(self.supervision):
            state = self.forward_levels(steps[i * length : (i + 1) * length], state)
            outputs.append(supervision(state[-1]))
        *_, c = self.forward_levels(steps[len(outputs) * length :], state)
        return [*(y for y, _ in outputs), self.forward_head(c)], [image for _, image in outputs]

    def reset_classifier(self, num_classes: int, global_pool: str | None = None) -> None:
        super().reset_classifier(num_classes, global_pool)
        for supervision in getattr(self, "supervision", ()):
            reset_head(supervision.head, num_classes)

    @staticmethod
    def initialise(module: nn.Module) -> None:
        """Normal with deviation 0.02, cut off, as in the authors' code."""
        if isinstance(module, nn.Conv2d | nn.Linear) and module.bias is not None:
            nn.init.trunc_normal_(module.weight, std=0.02)
            nn.init.zeros_(module.bias)


class RevColHuge(RevCol):
    """RevCol-H: c_0 of a column sees c_3 of the last one too (README of the authors' code)."""

    links: ClassVar[Mapping[int, Sequence[int]]] = {**RevCol.links, 0: (1, 3)}
