"""Training of forecasters: the order of torch's loaders, the best epoch, the end of a run."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from configs.cyclenet import forecasting
from zoo.data.forecasting import Windows
from zoo.training import Recipe, Trainer, train
from zoo.training.forecasting import Forecasting, ShuffledWindows

CFG = {"input_size": (5, 3), "cycle": 4}
VALUES = np.random.RandomState(0).standard_normal((120, 2))


def splits() -> list[Windows]:
    file = Path("ETTh1.csv")
    return [Windows(VALUES, o, 3, 80, file) for o in (range(78), range(80, 98))]


@dataclass(frozen=True)
class SmallForecasting(Forecasting):
    """Random series, which nothing can forecast."""

    def load(
        self, dataset: str, batch_size: int, cfg: Mapping[str, Any], data: Path | None
    ) -> ShuffledWindows:
        return ShuffledWindows(self, splits(), batch_size, cfg)


@pytest.fixture
def recipe() -> Recipe:
    return replace(
        forecasting("etth1", "linear", 96, 96),
        args={"look_back": 5, "horizon": 3, "channels": 2, "cycle": 4},
        objective=SmallForecasting(patience=2),
        batch_size=8,
        lr=0.5,
    )


def test_orders_are_those_of_torch_loaders() -> None:
    """Training, validation, test, training, ... : each draws what a DataLoader draws."""
    torch.manual_seed(7)
    torch.nn.Linear(5, 3)  # the network is drawn first
    data = ShuffledWindows(Forecasting(), splits(), 8, CFG)
    training, validation = (list(range(len(s))) for s in (data.training, data.validation))
    shuffled: list[Any] = [
        DataLoader(cast(Any, s), 8, shuffle=True, drop_last=True) for s in (training, validation)
    ]
    seen: list[torch.Tensor] = []

    def keep(x: torch.Tensor) -> torch.Tensor:
        seen.append(x)
        return x[:, :3, 1:]

    for epoch in range(3):
        orders = [torch.cat(list(loader)) for loader in shuffled]
        list(DataLoader(cast(Any, validation), 8))  # the test split
        inputs = torch.cat([x for x, _ in data.batches(data.generator(7, epoch))])
        expected = data.training.batches(orders[0], 8)
        assert torch.equal(inputs, torch.cat([x for x, _ in expected]))
        data.validate(keep, epoch)
        expected = data.validation.batches(orders[1], 8)
        assert torch.equal(torch.cat(seen), torch.cat([x for x, _ in expected]))
        seen.clear()


def test_window_is_look_back_with_phase_then_future() -> None:
    data = ShuffledWindows(Forecasting(), splits(), 8, CFG)
    inputs, future = next(data.validation.batches(torch.arange(8), 8))
    scaled = (VALUES - VALUES[:80].mean(0)) / VALUES[:80].std(0)
    assert inputs[1, :, 0].tolist() == [step % 4 for step in range(76, 81)]
    np.testing.assert_allclose(inputs[1, :, 1:], scaled[76:81], rtol=1e-6)
    np.testing.assert_allclose(future[1], scaled[81:84], rtol=1e-6)


def test_train_keeps_best_epoch_and_stops_after_patience(recipe: Recipe, tmp_path: Path) -> None:
    run = train(recipe, seed=1, out=tmp_path, quiet=True)
    losses = [row["validation loss"] for row in run.history]
    best = losses.index(min(losses))
    assert len(losses) == best + 3 < recipe.epochs
    again = Trainer(recipe, seed=1, out=tmp_path / "again")
    for epoch in range(best + 1):
        again.train_epoch(epoch, lambda loss: None)
    for key, value in again.network.state_dict().items():
        assert torch.equal(value, run.network.state_dict()[key])


def test_interrupted_run_ends_in_the_same_weights(recipe: Recipe, tmp_path: Path) -> None:
    whole = train(recipe, seed=1, out=tmp_path / "whole", quiet=True)
    steps = count()

    def stop(loss: float) -> None:
        if next(steps) == 2 * whole.data.steps + 3:
            raise KeyboardInterrupt

    run = Trainer(recipe, seed=1, out=tmp_path / "cut", checkpoint_every=2)
    run.train_epoch(0, stop)
    run.train_epoch(1, stop)
    with pytest.raises(KeyboardInterrupt):
        run.train_epoch(2, stop)
    resumed = train(recipe, seed=1, out=tmp_path / "cut", quiet=True)
    assert resumed.history == whole.history
    for key, value in whole.network.state_dict().items():
        assert torch.equal(value, resumed.network.state_dict()[key])


@pytest.mark.data
def test_first_epochs_equal_authors_code(zoo_data: Path, tmp_path: Path) -> None:
    """As exp_main.py printed them here with seed 2024, to seven digits."""
    run = Trainer(forecasting("etth1", "linear", 96, 96), seed=2024, out=tmp_path, data=zoo_data)
    for epoch in range(2):
        run.train_epoch(epoch, lambda loss: None)
    losses = [row["validation loss"] for row in run.history]
    assert losses == pytest.approx([0.9994681, 0.8955075], abs=2e-7)
    assert [row["loss"] for row in run.history] == pytest.approx([0.5965540, 0.5550261], abs=2e-7)
