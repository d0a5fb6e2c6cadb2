"""Training of series classifiers: recipes, the falling rate, the epoch that is kept, resuming."""

from dataclasses import replace
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.optim.lr_scheduler import ReduceLROnPlateau

from tests.support.series import write_set
from zoo.data.benchmarks import BENCHMARKS
from zoo.training import Recipe, Trainer, train
from zoo.training.time_series import ShuffledSeries, recipe_of


@pytest.fixture
def data(tmp_path: Path) -> Path:
    write_set(tmp_path, "ItalyPowerDemand", (1, 2))
    return tmp_path


@pytest.fixture
def recipe() -> Recipe:
    """The MLP's, whose rate falls after two epochs without a loss that is 0.05 lower."""
    recipe = recipe_of("tsc_mlp", "ucr/italy_power_demand")
    assert recipe.plateau
    plateau: Any = recipe.plateau
    changes = {"patience": 1, "min_lr": 0.2, "threshold": 0.05}
    return replace(recipe, epochs=12, plateau=partial(plateau.func, **plateau.keywords | changes))


@pytest.mark.parametrize(
    ("model", "benchmark", "batch", "epochs", "lr", "patience", "floor"),
    [
        ("tsc_mlp", "ucr/adiac", 16, 5000, 1.0, 200, 0.1),
        ("tsc_fcn", "ucr/coffee", 2, 2000, 1e-3, 50, 1e-4),
        ("tsc_resnet", "ucr/italy_power_demand", 6, 1500, 1e-3, 50, 1e-4),
    ],
)
def test_recipe_is_that_of_the_authors_code(
    model: str, benchmark: str, batch: int, epochs: int, lr: float, patience: int, floor: float
) -> None:
    recipe = recipe_of(model, benchmark)
    plateau: Any = recipe.plateau
    settings = plateau.keywords
    assert (recipe.batch_size, recipe.epochs, recipe.lr) == (batch, epochs, lr)
    assert (settings["factor"], settings["patience"], settings["min_lr"]) == (0.5, patience, floor)
    optimizer = recipe.optimizer([torch.nn.Parameter(torch.zeros(1))], lr=recipe.lr)
    assert optimizer.defaults["eps"] == 1e-8
    assert recipe.args["classes"] == BENCHMARKS[benchmark].classes
    assert ("steps" in recipe.args) == (model == "tsc_mlp")


def test_recipe_of_other_networks_or_sets_raises() -> None:
    for model, benchmark in (("resnet20", "ucr/coffee"), ("tsc_fcn", "tabular/wdbc")):
        with pytest.raises(LookupError, match=f"no recipe of {model} on {benchmark}"):
            recipe_of(model, benchmark)


def test_epoch_has_every_series_once_and_a_smaller_last_batch(data: Path) -> None:
    test: Any = BENCHMARKS["ucr/italy_power_demand"].open(data)
    batches = ShuffledSeries(test.training.standardized(), 6)
    inputs, labels = zip(*batches.batches(batches.generator(1, 0)), strict=True)
    assert [len(x) for x in inputs] == [6] * 11 + [1]
    assert batches.steps == 12
    assert inputs[0].shape == (6, 1, 24)
    drawn = torch.cat(inputs)
    assert not torch.equal(drawn, batches.inputs)
    assert torch.equal(drawn.sum((1, 2)).sort().values, batches.inputs.sum((1, 2)).sort().values)
    assert torch.cat(labels).bincount().tolist() == batches.labels.bincount().tolist()


def test_train_keeps_the_epoch_of_the_lowest_training_loss(
    recipe: Recipe, data: Path, tmp_path: Path
) -> None:
    steady = replace(recipe, plateau=partial(ReduceLROnPlateau, patience=99), epochs=99)
    first = Trainer(steady, seed=1, out=tmp_path / "first", data=data)
    weights: list[dict[str, torch.Tensor]] = []
    losses: list[float] = []
    while len(losses) < 2 or losses[-1] <= min(losses[:-1]):  # until one is higher
        first.train_epoch(len(losses), lambda loss: None)
        weights.append({k: v.clone() for k, v in first.network.state_dict().items()})
        losses.append(first.history[-1]["loss"])
    steady = replace(steady, epochs=len(losses))
    run = train(steady, seed=1, out=tmp_path / "run", data=data, quiet=True)
    assert [row["loss"] for row in run.history] == losses
    for key, value in weights[-2].items():
        assert torch.equal(value, run.network.state_dict()[key])


def test_rate_is_halved_after_patience_down_to_the_least(
    recipe: Recipe, data: Path, tmp_path: Path
) -> None:
    run = train(recipe, seed=1, out=tmp_path / "run", data=data, quiet=True)
    lr, lowest, worse, expected = recipe.lr, float("inf"), 0, []
    for row in run.history:
        expected.append(lr)
        better = row["loss"] < lowest - 0.05
        lowest, worse = (row["loss"], 0) if better else (lowest, worse + 1)
        if worse > 1:
            lr, worse = max(lr / 2, 0.2), 0
    assert [row["lr"] for row in run.history] == expected
    assert {1.0, 0.5, 0.2} <= set(expected)


@pytest.mark.slow
def test_interrupted_run_ends_in_the_same_weights_and_rates(
    recipe: Recipe, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ShuffledSeries, "checkpoint_seconds", 0.0)
    whole = train(recipe, seed=1, out=tmp_path / "whole", data=data, quiet=True)
    steps = count()

    def stop(loss: float) -> None:
        if next(steps) == 9 * whole.data.steps + 3:
            raise KeyboardInterrupt

    run = Trainer(recipe, seed=1, out=tmp_path / "cut", data=data, checkpoint_every=2)
    for epoch in range(9):
        run.train_epoch(epoch, stop)
    with pytest.raises(KeyboardInterrupt):
        run.train_epoch(9, stop)
    resumed = train(recipe, seed=1, out=tmp_path / "cut", data=data, quiet=True)
    assert resumed.history == whole.history
    for key, value in whole.network.state_dict().items():
        assert torch.equal(value, resumed.network.state_dict()[key])


def test_short_epochs_are_saved_when_time_has_passed_and_at_the_end(
    recipe: Recipe, data: Path, tmp_path: Path
) -> None:
    run = Trainer(replace(recipe, epochs=2), seed=1, out=tmp_path / "run", data=data)
    run.train_epoch(0, lambda loss: None)
    assert not (tmp_path / "run" / "checkpoint.pt").exists()
    run.train_epoch(1, lambda loss: None)
    assert Trainer(replace(recipe, epochs=2), seed=1, out=tmp_path / "run", data=data).resume()
