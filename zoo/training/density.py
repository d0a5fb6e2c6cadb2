"""Density estimation by maximum likelihood, on points that are drawn anew for each batch.

density -> points -> network -> log p -> mean of -log p
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from zoo.data.benchmarks import BENCHMARKS
from zoo.data.toy_densities import DENSITIES, Density
from zoo.training.objective import Batch, DrawnEpochs


@dataclass(frozen=True)
class DensityEstimation:
    """Negative log-likelihood, in nats."""

    steps: int = 100  # batches of an epoch
    metric = "nats above the density's entropy"

    def load(
        self, dataset: str, batch_size: int, cfg: Mapping[str, Any], data: Path | None
    ) -> "DrawnPoints":
        return DrawnPoints(DENSITIES[BENCHMARKS[dataset].split], batch_size, self.steps)

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        return -output.mean()

    def metric_sum(self, output: Tensor, target: Tensor) -> float:
        return (target - output).sum().item()


class DrawnPoints(DrawnEpochs):
    """Points of a density, each with its own logarithm of it."""

    def __init__(self, density: Density, batch_size: int, steps: int) -> None:
        self.density, self.batch_size, self.steps = density, batch_size, steps

    def draw_epoch(self, generator: torch.Generator) -> Iterator[Batch]:
        for _ in range(self.steps):
            points = self.density.points(self.batch_size, generator)
            yield points, self.density.log_density(points)
