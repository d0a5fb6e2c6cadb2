"""Next-token prediction on random windows of a text."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from zoo.data.benchmarks import BENCHMARKS, DatasetNotFoundError
from zoo.data.tokenizers import get_tokenizer
from zoo.training.objective import Batch, DrawnEpochs


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
