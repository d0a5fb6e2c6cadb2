"""Density estimation: formulas of the toy densities, scores, training, a fault in a sample."""

import math
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from configs.residual_flows import flow
from zoo.data.benchmarks import BENCHMARKS
from zoo.data.toy_densities import DENSITIES
from zoo.evaluation import tasks
from zoo.evaluation.engine import evaluate
from zoo.papers.protocols import DensityProtocol
from zoo.training import Trainer

TASK, RAW = tasks.TASKS["density-estimation"], DensityProtocol()


class Known(nn.Module):
    """A density of the formula."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        vars(self)["pretrained_cfg"] = {"architecture": "known", "input_size": (2,)}

    def forward(self, x: Tensor) -> Tensor:
        return DENSITIES[self.name].log_density(x)


@pytest.mark.parametrize("name", DENSITIES)
def test_points_have_the_density_of_the_formula(name: str) -> None:
    """The formula integrates to 1, and a cell of the plane has its share of the points."""
    axis = torch.arange(-6, 6, 0.05) + 0.025
    grid = torch.cartesian_prod(axis, axis)
    mass = DENSITIES[name].log_density(grid).exp().double() * 0.05**2
    assert mass.sum() == pytest.approx(1, abs=1e-3)
    points = BENCHMARKS[f"toy2d/{name}"].open().values  # type: ignore[attr-defined]
    cells = [((v / 2).floor() @ torch.tensor([10.0, 1.0])).long() + 100 for v in (grid, points)]
    expected = torch.zeros(200, dtype=torch.float64).index_add(0, cells[0], mass)
    counted = torch.bincount(cells[1], minlength=200) / len(points)
    assert (counted - expected).abs().max() < 0.015


def test_scores_are_nats_and_bits_for_each_dimension() -> None:
    benchmark = BENCHMARKS["toy2d/checkerboard"]
    evaluator = TASK.evaluator(
        Known("checkerboard"), benchmark.open(), DensityProtocol(), benchmark
    )
    scores = evaluate(evaluator)["scores"]
    assert scores["loss"]["value"] == pytest.approx(math.log(32), rel=1e-6)
    assert scores["bits_per_dim"]["value"] == pytest.approx(2.5, rel=1e-6)


def test_sample_of_no_density_stops_the_evaluation() -> None:
    benchmark = BENCHMARKS["toy2d/eight_gaussians"]
    evaluator = TASK.evaluator(
        Known("checkerboard"), benchmark.open(), DensityProtocol(), benchmark
    )
    with pytest.raises(ValueError, match=r"sample \d+: the network's output is not finite"):
        evaluate(evaluator)


def test_training_on_points_lowers_the_loss(tmp_path: Path) -> None:
    run = Trainer(flow("eight_gaussians", "roulette"), seed=1, out=tmp_path)
    losses: list[float] = []
    batches = run.data.batches(run.data.generator(1, 0))
    for _, (points, densities) in zip(range(12), batches, strict=False):
        losses.append(run.train_step(points, densities))
    assert sum(losses[-3:]) < sum(losses[:3])
