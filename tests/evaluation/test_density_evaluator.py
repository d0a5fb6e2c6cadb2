"""Density estimation: formulas of the toy densities, scores, training, a fault in a sample."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from configs import residual_flows
from configs.residual_flows import flow
from tests.data.test_mnist import idx
from zoo.data.benchmarks import BENCHMARKS
from zoo.data.dequantized import LARGEST, dequantize
from zoo.data.mnist import PREFIXES, SIDE
from zoo.data.toy_densities import DENSITIES
from zoo.evaluation import tasks
from zoo.evaluation.config import EvalConfig
from zoo.evaluation.engine import evaluate
from zoo.papers.protocols import DensityProtocol
from zoo.training import Trainer

DIGITS = 8 * 64
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


@pytest.fixture
def digits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with small files of MNIST in their layout, whose pixels rise evenly."""
    (tmp_path / "mnist").mkdir()
    pixels = np.arange(DIGITS * SIDE**2, dtype=np.uint32).reshape(DIGITS, SIDE, SIDE)
    values = {"images-idx3": pixels.astype(np.uint8), "labels-idx1": np.zeros(DIGITS, np.uint8)}
    for split, prefix in PREFIXES.items():
        name = f"mnist/{split}"
        monkeypatch.setitem(BENCHMARKS, name, replace(BENCHMARKS[name], size=DIGITS))
        for kind, content in values.items():
            (tmp_path / "mnist" / f"{prefix}-{kind}-ubyte").write_bytes(idx(content))
    return tmp_path


def test_images_are_pixels_and_noise_of_their_own(digits: Path) -> None:
    samples: Any = BENCHMARKS["mnist/test_dequantized"].open(digits)
    images = torch.stack([samples[index] for index in (0, 1, 0)])
    assert images.shape == (3, 1, SIDE, SIDE)
    assert torch.equal(images[0], images[2])
    noise = images - images.floor()
    assert not torch.equal(noise[0], noise[1])
    assert torch.equal(images[1].floor(), samples.pixels(1).float())
    assert samples.where(3).startswith("image 3 of")


def test_the_brightest_pixels_stay_below_256() -> None:
    """In float32, 255 and almost 1 is 256: eight in a million pixels, and no image."""
    generator = torch.Generator().manual_seed(0)
    bright = dequantize(torch.full((2_000_000,), 255, dtype=torch.uint8), generator)
    assert bright.max() == LARGEST < 256
    assert (bright == LARGEST).sum() < 60


def test_flow_learns_images_and_their_scores_do_not_depend_on_batches(digits: Path) -> None:
    recipe: Any = vars(residual_flows)["residual_flow_mnist_zoo_mnist2"]
    small = {"blocks": (1,), "width": 4, "end_blocks": 1, "end_width": 8}
    run = Trainer(replace(recipe, args=small, lr=0.03), seed=0, out=digits / "run", data=digits)
    assert run.data.steps == DIGITS // 64
    losses = [
        run.train_step(*batch)
        for batch, _ in zip(run.data.batches(run.data.generator(0, 0)), range(8), strict=False)
    ]
    assert 0 < losses[-1] < losses[0] < 10  # bits per dimension
    network: Any = run.network
    benchmark = BENCHMARKS["mnist/test_dequantized"]
    scores = []
    for batch_size in (5, 64):
        evaluator = TASK.evaluator(network, benchmark.open(digits), RAW, benchmark)
        scores.append(evaluate(evaluator, EvalConfig(limit=12, batch_size=batch_size))["scores"])
    first, second = (each["bits_per_dim"]["value"] for each in scores)
    assert first == pytest.approx(second, rel=1e-6)
    assert first == pytest.approx(losses[-1], rel=0.3)


def test_training_on_points_lowers_the_loss(tmp_path: Path) -> None:
    run = Trainer(flow("eight_gaussians", "roulette"), seed=1, out=tmp_path)
    losses: list[float] = []
    batches = run.data.batches(run.data.generator(1, 0))
    for _, (points, densities) in zip(range(12), batches, strict=False):
        losses.append(run.train_step(points, densities))
    assert sum(losses[-3:]) < sum(losses[:3])
