"""Readouts solved for in closed form; recipes; seeds."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from configs.reservoirs import RECIPES
from zoo.data.sequences import Sequences
from zoo.data.splits import SEQUENCES
from zoo.data.ucr import Series
from zoo.models._registry import model_entries
from zoo.modules.reservoir import Readout
from zoo.training.reservoir import (
    ReservoirFit,
    fit_readout,
    fit_sequences,
    fit_series,
    recipe_of,
)

SMALL = ReservoirFit(
    arguments={"units": 40, "layers": 1, "first": {"alpha": 0.0, "in_scaling": 0.1}}, l2=0.0
)


def test_recipes_are_of_every_network_and_benchmark() -> None:
    families = ("zoo.models.deepresesn", "zoo.models.resrmn")
    assert set(RECIPES) == {n for n, e in model_entries().items() if e.family in families}
    for name, recipe in RECIPES.items():
        is_memory = name.startswith("resrmn")
        assert recipe.name == f"{name}.{'authors' if is_memory else 'zoo_search'}"
        sets = {"ucr/adiac", "ucr/beef", "ucr/car", "ucr/osu_leaf"}
        assert set(recipe.fits) == (sets if is_memory else {f"sequences/{n}" for n in SEQUENCES})


def test_leaky_recipes_are_leaky() -> None:
    for name in ("leaky_esn", "deep_esn"):
        for fit in RECIPES[name].fits.values():
            for scales in (fit.arguments["first"], fit.arguments.get("inner", {"alpha": 1})):
                assert scales["alpha"] + scales.get("beta", 0) == pytest.approx(1)


def test_recipe_of_a_network_without_one_is_refused() -> None:
    with pytest.raises(LookupError, match="cyclenet has hyperparameters of no reservoir"):
        recipe_of("cyclenet_linear_96_96")


def test_readout_is_at_the_minimum_of_the_ridge_loss() -> None:
    """min |Z W' + b - Y|^2 + l2 |W|^2 for standardized states Z."""
    generator = torch.Generator().manual_seed(0)
    states = 3 + torch.randn(50, 4, generator=generator, dtype=torch.float64)
    targets = torch.randn(50, 2, generator=generator, dtype=torch.float64)
    readout = Readout(4, 2).double()
    fit_readout(readout, states, targets.numpy(), l2=5.0)
    z = (states - states.mean(0)) / states.std(0, correction=0)
    weight = torch.linalg.solve(z.T @ z + 5.0 * torch.eye(4), z.T @ (targets - targets.mean(0)))
    torch.testing.assert_close(readout(states), z @ weight + targets.mean(0))


def delayed(steps: int = 300) -> Sequences:
    u = np.random.RandomState(0).uniform(-0.8, 0.8, (1, steps, 1))
    return Sequences(u, np.roll(u, 1, 1))


def test_fit_of_sequences_recalls_the_step_before() -> None:
    training = delayed()
    network = fit_sequences("leaky_esn", training, SMALL, seed=0, washout=50)
    with torch.no_grad():
        output = network(torch.from_numpy(training.x).float()).numpy()
    error = (output - training.y)[:, 50:]
    assert np.sqrt((error**2).mean() / (training.y**2).mean()) < 0.02


def test_seed_decides_everything_that_is_drawn() -> None:
    first, again, other = (
        fit_sequences("leaky_esn", delayed(), SMALL, seed, washout=50).state_dict()
        for seed in (1, 1, 2)
    )
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert not torch.equal(first["layers.0.recurrent"], other["layers.0.recurrent"])


def test_fit_of_series_leaves_the_generator_and_separates_classes() -> None:
    random = np.random.RandomState(0)
    labels = np.arange(60) % 3
    values = np.sin((labels[:, None] + 1) * np.arange(30) / 5) + 0.1 * random.randn(60, 30)
    training = Series(values, labels, Path("a"))
    fit = ReservoirFit(arguments={"memory_units": 30, "units": 30, "scales": {}}, l2=1.0)
    before = torch.get_rng_state()
    network: Any = fit_series("resrmn_c", training, fit, 0, classes=3)
    assert torch.equal(torch.get_rng_state(), before)
    with torch.no_grad():
        logits = network(torch.from_numpy(values).float()[:, None])
    assert (logits.argmax(1).numpy() == labels).mean() > 0.95
