"""Concentric rings: the authors' own points, which a regression of their notebook identifies."""

from typing import Any

import numpy as np
import pytest
import torch

from zoo.data.benchmarks import BENCHMARKS
from zoo.data.rings import draw
from zoo.data.tabular import Table
from zoo.models.rfrboost import solvers


@pytest.fixture(scope="module")
def table() -> Table:
    samples: Any = BENCHMARKS["tabular/concentric_rings"].open()
    assert isinstance(samples, Table)
    return samples


def test_points_of_a_run_lie_on_nine_noisy_rings() -> None:
    points, classes = draw(4)
    largest = points.max()
    assert largest == 1
    middle = 0.2  # of the noise
    radii = np.linalg.norm(points * (9 + 2 * middle) - middle, axis=1)
    ring = radii.round().clip(1, 9) - 1
    agree = (ring % 3 == classes.argmax(1)).mean()
    assert agree > 0.95


def test_every_run_has_halves_of_its_own(table: Table) -> None:
    assert len(table) == BENCHMARKS["tabular/concentric_rings"].size
    assert [(len(train), len(test)) for train, test in table.folds] == [(4_999, 5_000)] * 10
    rows = np.concatenate([np.concatenate(fold) for fold in table.folds])
    assert rows.tolist() == list(range(99_990))
    firsts = {table.x[train[0]].tobytes() for train, _ in table.folds}
    assert len(firsts) == 10


@pytest.mark.parametrize(("run", "printed"), [(0, 0.3070), (9, 0.3288)])
def test_logistic_regression_scores_what_the_notebook_prints(
    table: Table, run: int, printed: float
) -> None:
    train, test = table.folds[run]
    x, y = torch.from_numpy(table.x), torch.from_numpy(table.y)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(run)
        weight, bias = solvers.logistic(x[train], y[train], 1e-2)
    right = (x[test] @ weight + bias).argmax(1) == y[test].argmax(1)
    assert right.double().mean().item() == pytest.approx(printed, abs=1e-4)
