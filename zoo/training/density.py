"""Density estimation by maximum likelihood: of points drawn anew for each batch, and of images.

density -> points -> network -> log p -> mean of -log p
images -> pixels + new noise -> network -> log p -> mean of bits per dimension
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from zoo.data.benchmarks import BENCHMARKS
from zoo.data.dequantized import dequantize
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


@dataclass(frozen=True)
class ImageDensity:
    """Negative log-likelihood of images, in bits per dimension."""

    flip: bool = False  # mirror half of the images
    metric = "bits per dimension"

    def load(
        self, dataset: str, batch_size: int, cfg: Mapping[str, Any], data: Path | None
    ) -> "DrawnImages":
        return DrawnImages(_pixels(dataset, data), batch_size, self.flip)

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        return (-output / target).mean()

    def metric_sum(self, output: Tensor, target: Tensor) -> float:
        return (-output / target).sum().item()


@lru_cache(1)  # for the runs that follow
def _pixels(dataset: str, data: Path | None) -> Tensor:
    """Return all images of a split, (N, C, H, W) in uint8."""
    samples: Any = BENCHMARKS[dataset].open(data)
    return torch.stack([samples.pixels(index) for index in range(len(samples))])


class DrawnImages(DrawnEpochs):
    """Images in a random order with new noise, each with log 2 times its dimensions."""

    def __init__(self, pixels: Tensor, batch_size: int, flip: bool) -> None:
        self.pixels, self.batch_size, self.flip = pixels, batch_size, flip
        self.steps = len(pixels) // batch_size
        self.nats = math.log(2) * pixels[0].numel()  # of a bit in each dimension

    def draw_epoch(self, generator: torch.Generator) -> Iterator[Batch]:
        order = torch.randperm(len(self.pixels), generator=generator)
        for rows in torch.split(order, self.batch_size)[: self.steps]:
            images = self.pixels[rows]
            if self.flip:
                mirrored = torch.rand(len(rows), 1, 1, 1, generator=generator) < 0.5
                images = torch.where(mirrored, images.flip(3), images)
            yield dequantize(images, generator), torch.full((len(rows),), self.nats)
