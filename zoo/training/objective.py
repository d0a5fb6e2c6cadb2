"""Training objectives: the batches, loss and training metric of a task.

data set -> TrainingData.batches(generator) -> (inputs, targets) -> network -> Objective.loss

Seed and epoch alone decide what is drawn: everything random comes from the generator.
"""

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

Batch = tuple[Tensor, Tensor]  # inputs, targets
Inputs = Tensor | tuple[Tensor, ...]  # several are arguments of the network: nodes and edges


class Shard(NamedTuple):
    """The part of each batch that one process trains on."""

    rank: int = 0
    size: int = 1  # number of processes


WHOLE = Shard()


class TrainingData(Protocol):
    """The data of one run."""

    steps: int  # batches in an epoch
    patience: int = 0  # epochs without a better validation loss that end the run; 0: none do
    keeps_lowest_loss: bool = False  # the weights of the lowest training loss are kept
    checkpoint_seconds: float = 0.0  # least time between checkpoints at the ends of epochs

    def to(self, device: torch.device) -> None:
        """Move the data to the device, if batches are to be drawn there."""
        return

    def generator(self, seed: int, epoch: int) -> torch.Generator:
        """Return the generator that the batches of an epoch are drawn from."""
        return torch.Generator().manual_seed(1_000_003 * seed + epoch)

    def validate(self, predict: Callable[[Tensor], Tensor], epoch: int) -> float | None:
        """Return the loss after an epoch, by which the best weights are kept; None: the last."""
        return None

    def batches(
        self, generator: torch.Generator, start: int = 0, shard: Shard = WHOLE
    ) -> Iterator[tuple[Inputs, Tensor]]:
        """Yield the shard of each batch of an epoch, from step `start` on."""


class Objective(Protocol):
    """A training objective. Implementations are frozen dataclasses, shown in a recipe."""

    metric: str  # name of the training metric in the history

    def load(
        self, dataset: str, batch_size: int, cfg: Mapping[str, Any], data: Path | None
    ) -> TrainingData:
        """Open a data set, preprocessed as the pretrained_cfg says."""

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        """Return the mean loss of a batch."""

    def metric_sum(self, output: Tensor, target: Tensor) -> float:
        """Return the metric, summed over the examples of a batch."""


class DrawnEpochs(TrainingData):
    """Training data whose epochs are drawn batch by batch from one generator."""

    @abstractmethod
    def draw_epoch(self, generator: torch.Generator) -> Iterator[Batch]:
        """Yield the whole batches of an epoch."""

    def batches(
        self, generator: torch.Generator, start: int = 0, shard: Shard = WHOLE
    ) -> Iterator[Batch]:
        # skipped batches are drawn, so that the random state matches an uninterrupted run
        for inputs, targets in islice(self.draw_epoch(generator), start, None):
            yield inputs[shard.rank :: shard.size], targets[shard.rank :: shard.size]


def random_index(n: int, generator: torch.Generator) -> int:
    """Draw from 0..n-1."""
    return int(torch.randint(n, (), generator=generator))


def error_sum(output: Tensor, target: Tensor) -> float:
    """Sum the top-1 errors in percent; for mixup and CutMix, the dominant class is the label."""
    labels = target.argmax(1) if target.is_floating_point() else target
    return 100 * (output.argmax(1) != labels).sum().item()
