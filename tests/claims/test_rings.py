"""Rings of 2501.18283: the runs on record beside the ten that its notebook prints, run by run."""

from typing import Any

import numpy as np
import pytest
from scipy.stats import ttest_rel

from zoo.evaluation import ledger
from zoo.papers.loading import load_papers

NOTEBOOK = {  # accuracies of ten runs, in percent
    "mlp_resnet": [77.74, 90.32, 61.36, 83.28, 95.08, 60.22, 66.86, 86.02, 51.12, 59.92],
    "rfnn": [86.12, 85.54, 91.46, 84.98, 87.96, 85.70, 94.14, 88.00, 96.02, 87.10],
    "rfrboost_gradient": [99.9, 99.6, 99.8, 99.18, 99.7, 99.82, 99.78, 99.84, 99.9, 99.34],
}


def ours(model: str) -> Any:
    records = ledger.published().records()
    (run,) = (run for run in records if run.get("recipe") == f"{model}.rings")
    return np.array([100 - row["error"] for row in run["history"]])


@pytest.mark.parametrize(
    ("model", "means", "p"),
    [
        ("mlp_resnet", (71.4, 73.2), 0.42),
        ("rfnn", (87.8, 88.7), 0.48),
        ("rfrboost_gradient", (99.6, 99.7), 0.70),
    ],
)
def test_runs_do_not_differ_from_the_notebooks(
    model: str, means: tuple[float, float], p: float
) -> None:
    here, there = ours(model), np.array(NOTEBOOK[model])
    assert (round(here.mean(), 1), round(there.mean(), 1)) == means
    assert ttest_rel(here, there).pvalue == pytest.approx(p, abs=0.006)
    paper = next(paper for paper in load_papers() if paper.id == "rfrboost")
    (deviation,) = (d for d in paper.deviations if d.id == "rings-on-a-cpu")
    assert f"{p:.2f}" in deviation.why
    assert f"{means[0]} and {means[1]}" in deviation.why


def test_control_is_the_authors_run_by_run() -> None:
    """Points, first weights and batches are theirs; the rates that they chose are not printed."""
    correlation = np.corrcoef(ours("mlp_resnet"), NOTEBOOK["mlp_resnet"])[0, 1]
    assert correlation == pytest.approx(0.94, abs=0.005)
