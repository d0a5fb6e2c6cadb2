"""Next-token prediction on random windows of a text."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.optim import AdamW

from zoo.data.benchmarks import BENCHMARKS, DatasetNotFoundError
from zoo.data.tokenizers import get_tokenizer
from zoo.training.objective import Batch, DrawnEpochs
from zoo.training.recipe import Recipe, cosine, decay_matrices_only

OPTIMIZER = partial(decay_matrices_only, partial(AdamW, betas=(0.9, 0.95), eps=1e-8), 0.1)


@dataclass(frozen=True)
class NextToken:
    """Cross entropy of each next token."""

    tokenizer: str = "bytes"
    context: int = 256  # tokens of a window
    steps: int = 100  # batches in an epoch
    metric = "error"  # in percent of the tokens

    def load(
        self, dataset: str, batch_size: int, cfg: Mapping[str, Any], data: Path | None
    ) -> "TokenWindows":
        texts: Any = BENCHMARKS[dataset].open(data)
        tokens = texts.tokens(get_tokenizer(self.tokenizer))
        if len(tokens) <= self.context:
            raise DatasetNotFoundError(
                f"{dataset} has {len(tokens)} tokens, fewer than one window needs"
            )
        return TokenWindows(self, tokens, batch_size)

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        return F.cross_entropy(output.flatten(0, 1).float(), target.flatten())

    def metric_sum(self, output: Tensor, target: Tensor) -> float:
        wrong = (output.argmax(-1) != target).float()
        return 100 * wrong.mean().item() * len(target)


@dataclass(frozen=True)
class PenalisedNextToken(NextToken):
    """Cross entropy, and a penalty that comes with the logits: of a recipe's `around`."""

    def loss(self, output: Any, target: Tensor) -> Tensor:
        logits, penalty = output
        return super().loss(logits, target) + penalty

    def metric_sum(self, output: Any, target: Tensor) -> float:
        return super().metric_sum(output[0], target)


class TokenWindows(DrawnEpochs):
    """Random windows of one long text, in memory or in a memory-mapped file."""

    def __init__(self, objective: NextToken, tokens: np.ndarray, batch_size: int) -> None:
        self.objective = objective
        self.tokens: Tensor | np.memmap = (
            tokens if isinstance(tokens, np.memmap) else torch.from_numpy(tokens.astype(np.int64))
        )
        self.batch_size, self.steps = batch_size, objective.steps

    def to(self, device: torch.device) -> None:
        if isinstance(self.tokens, Tensor):
            self.tokens = self.tokens.to(device)

    def draw_epoch(self, generator: torch.Generator) -> Iterator[Batch]:
        context = self.objective.context
        starts_end, size = len(self.tokens) - context, context + 1
        for _ in range(self.steps):
            starts = torch.randint(starts_end, (self.batch_size, 1), generator=generator)
            if isinstance(self.tokens, Tensor):
                ids = self.tokens[(starts + torch.arange(size)).to(self.tokens.device)]
            else:
                rows = [self.tokens[start : start + size] for start in starts.flatten().tolist()]
                ids = torch.from_numpy(np.stack(rows).astype(np.int64))
            yield ids[:, :-1], ids[:, 1:]


def byte_recipe(name: str, model: str, **changes: Any) -> Recipe:
    """Return a recipe for byte-level models of some million parameters, on the bundled text.

    1,500 steps of 16 windows of 256 bytes; networks of one seed see the same batches in the same
    order. Optimizer, clipping and the shape of the schedule are those of 2502.12170, App. D.1
    (AdamW with betas 0.9 and 0.95, weight decay 0.1, gradients clipped at 1, warm-up, a cosine down
    to a tenth); rate and length are fitted to two CPU cores.

    Args:
        name: of the recipe, arch.tag.
        model: as zoo.create takes it.
        changes: fields of the recipe.

    Example:
        >>> byte_recipe("gpt2_nano.mine", "gpt2_nano", epochs=1).batch_size
        16
    """
    recipe = Recipe(
        name=name,
        model=model,
        dataset="peps_mini/train",
        objective=NextToken(),
        epochs=15,
        batch_size=16,
        lr=3e-3,
        clip=1.0,
        optimizer=OPTIMIZER,
        schedule=cosine(warmup=0.02, floor=0.1),
        source="2502.12170 App. D.1, shortened",
    )
    return replace(recipe, **changes)
