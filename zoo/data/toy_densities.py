"""Densities of the plane whose formulas are known: points to train on, and to test on.

name -> Density: points(n, generator), log_density(points) in nats
"""

import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from zoo.data.benchmarks import Benchmark

SEED = 0  # of the test points
RADIUS, SPREAD = 4 / math.sqrt(2), 0.5 / math.sqrt(2)  # of eight normal densities on a circle
SIDE = 2.0  # of a square of the checkerboard, which has 8 of 16
CENTERS = torch.tensor(
    [
        [RADIUS * math.cos(turn * math.pi / 4), RADIUS * math.sin(turn * math.pi / 4)]
        for turn in range(8)
    ]
)


@dataclass(frozen=True)
class Density:
    """A density that points can be drawn from."""

    points: Callable[[int, torch.Generator], Tensor]  # (n, 2) in float32
    log_density: Callable[[Tensor], Tensor]  # (n, 2) -> (n,), in nats


def gaussian_points(n: int, generator: torch.Generator) -> Tensor:
    """Draw from eight normal densities, (n, 2)."""
    center = torch.randint(8, (n,), generator=generator)
    return CENTERS[center] + SPREAD * torch.randn(n, 2, generator=generator)


def gaussian_density(points: Tensor) -> Tensor:
    """Return log p of eight normal densities."""
    squares = (points[:, None] - CENTERS).square().sum(2)
    each = -squares / (2 * SPREAD**2) - math.log(2 * math.pi * SPREAD**2)
    return each.logsumexp(1) - math.log(8)


def checkerboard_points(n: int, generator: torch.Generator) -> Tensor:
    """Draw from the dark squares of a board of 4 by 4, (n, 2)."""
    column = torch.randint(4, (n,), generator=generator)
    row = 2 * torch.randint(2, (n,), generator=generator) + column % 2
    return SIDE * (torch.stack([column, row], 1) - 2 + torch.rand(n, 2, generator=generator))


def checkerboard_density(points: Tensor) -> Tensor:
    """Return log p of the dark squares: minus infinity elsewhere."""
    column, row = (points / SIDE + 2).floor().unbind(1)
    inside = (points.abs() < 2 * SIDE).all(1) & ((column + row) % 2 == 0)
    return torch.where(inside, -math.log(8 * SIDE**2), -math.inf)


DENSITIES = {
    "eight_gaussians": Density(gaussian_points, gaussian_density),
    "checkerboard": Density(checkerboard_points, checkerboard_density),
}


@dataclass(frozen=True, eq=False)
class TestPoints:
    """Points of a density, always the same."""

    values: Tensor  # (n, 2)
    density: Density

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, index: int, /) -> Tensor:
        return self.values[index]

    @property
    def fingerprint(self) -> str:
        """The sha256 of all numbers."""
        return hashlib.sha256(self.values.numpy().tobytes()).hexdigest()


def open_points(benchmark: Benchmark, data: object = None) -> TestPoints:
    """Return the test points of a density.

    Example:
        >>> from zoo.data.benchmarks import BENCHMARKS
        >>> points = BENCHMARKS["toy2d/checkerboard"].open()
        >>> len(points), float(points.density.log_density(points.values).mean())
        (10000, -3.465735912322998)
    """
    density = DENSITIES[benchmark.split]
    generator = torch.Generator().manual_seed(SEED)
    return TestPoints(density.points(benchmark.size, generator), density)
