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
from zoo.training.objective import WHOLE, Batch, Shard, sharded


@dataclass(frozen=True)
class NextToken:
    """Texts, by the cross entropy of each next token; an epoch is `steps` batches of windows of
    `context` tokens that begin anywhere."""

    tokenizer: str = "bytes"
    context: int = 256
    steps: int = 100
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

    def faults(self, output: Tensor, target: Tensor) -> float:
        wrong = (output.argmax(-1) != target).float()
        return 100 * wrong.mean().item() * len(target)


class TokenWindows:
    """Random windows of one long text: in memory, or in a file that is read where it is asked."""

    def __init__(self, lesson: NextToken, tokens: np.ndarray, batch_size: int) -> None:
        self.lesson = lesson
        self.tokens: Tensor | np.memmap = (
            tokens if isinstance(tokens, np.memmap) else torch.from_numpy(tokens.astype(np.int64))
        )
        self.batch_size, self.steps = batch_size, lesson.steps

    def to(self, device: torch.device) -> None:
        if isinstance(self.tokens, Tensor):
            self.tokens = self.tokens.to(device)

    def batches(
        self, generator: torch.Generator, start: int = 0, share: Shard = WHOLE
    ) -> Iterator[Batch]:
        return sharded(self._drawn(generator), start, share)

    def _drawn(self, generator: torch.Generator) -> Iterator[Batch]:
        last, size = len(self.tokens) - self.lesson.context, self.lesson.context + 1
        for _ in range(self.steps):
            starts = torch.randint(last, (self.batch_size, 1), generator=generator)
            if isinstance(self.tokens, Tensor):
                ids = self.tokens[(starts + torch.arange(size)).to(self.tokens.device)]
            else:
                rows = [self.tokens[place : place + size] for place in starts.flatten().tolist()]
                ids = torch.from_numpy(np.stack(rows).astype(np.int64))
            yield ids[:, :-1], ids[:, 1:]
