"""Concentric rings of points, in three classes, as the authors of 2501.18283 draw them.

NumPy's seed of a run -> 9 rings of 1,111 points, with noise -> shuffled, scaled: half to fit, half
to test

Nine of ten runs are the authors' own points: each fit of their notebook sets NumPy's seed to the
number of its run, and the next run draws from it. The first has the seed of the last run of the
network before, 9; before RFRBoost, which is the notebook's first network, other points were drawn.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from zoo.data.benchmarks import Benchmark
from zoo.data.tabular import Fold, Table

RUNS, RINGS, POINTS, CLASSES = 10, 9, 1_111, 3
NOISE = 0.4  # largest, of each coordinate; the radii are 1 to 9


def draw(seed: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return points (9999, 2), the largest coordinate 1, and their classes (9999, 3), one-hot.

    Example:
        >>> points, classes = draw(0)
        >>> points.shape, classes.sum(0).tolist()
        ((9999, 2), [3333.0, 3333.0, 3333.0])
    """
    random = np.random.RandomState(seed)
    angles = np.linspace(0, 2 * np.pi, POINTS)
    circle = np.stack((np.cos(angles), np.sin(angles)))
    rings = [radius * circle + NOISE * random.rand(2, POINTS) for radius in range(1, RINGS + 1)]
    points = np.concatenate(rings, axis=1).T
    order = random.permutation(len(points))
    classes = np.arange(RINGS).repeat(POINTS)[order] % CLASSES
    scaled = points[order] / points.max()
    return scaled.astype(np.float32), np.eye(CLASSES, dtype=np.float32)[classes]


def open_rings(benchmark: Benchmark, data: Path | None = None) -> Table:
    """Return the points of ten runs; a fold is a run."""
    draws = [draw(seed) for seed in (RUNS - 1, *range(RUNS - 1))]
    x, y = (np.concatenate(parts) for parts in zip(*draws, strict=True))
    return Table(x, y, own_folds=[_halves(run * RINGS * POINTS) for run in range(RUNS)])


def _halves(start: int) -> Fold:
    points = RINGS * POINTS
    rows = np.arange(start, start + points)
    return rows[: points // 2], rows[points // 2 :]
