"""What a network can learn: examples in batches, a loss, and what counts as a fault.

data set -> Examples.batches(generator) -> (inputs, targets) -> network -> Lesson.loss
Seed and epoch alone decide what is seen, by the generator.
"""

from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

Batch = tuple[Tensor, Tensor]
Shard = tuple[int, int]  # (rank, of how many processes)
WHOLE = (0, 1)


class TrainingData(Protocol):
    """The examples of a lesson; `steps` are the batches of an epoch, from `start` on and of each
    the `share` of one of several processes. Those that are small enough move to the device that
    learns, and are drawn and changed there."""

    steps: int

    def to(self, device: torch.device) -> None: ...
    def batches(
        self, generator: torch.Generator, start: int = 0, share: Shard = ...
    ) -> Iterator[Batch]: ...


def sharded(batches: Iterator[Batch], start: int, share: Shard) -> Iterator[Batch]:
    """Of each whole batch from `start` on, every so-manieth example; those before are drawn too, so
    that what follows is what it would have been."""
    rank, world = share
    for inputs, targets in islice(batches, start, None):
        yield inputs[rank::world], targets[rank::world]


class Objective(Protocol):
    """A way to learn. `faults` of a batch, summed over its examples, are what `metric` counts."""

    metric: str

    def load(
        self, dataset: str, batch_size: int, cfg: Mapping[str, Any], data: Path | None
    ) -> TrainingData: ...
    def loss(self, output: Tensor, target: Tensor) -> Tensor: ...
    def faults(self, output: Tensor, target: Tensor) -> float: ...
