"""Residual reservoir memory networks: their authors' states, their sizes and settings."""

import json
from typing import Any

import pytest
import torch

import zoo
from tests.golden.record_reservoirs import INPUTS, MEMORY, OUT, SKIPS, UNITS, series, wave
from tests.models.test_deepresesn import fill
from zoo.data.ucr import series_sets
from zoo.models.resrmn.model import ResRMN
from zoo.training.reservoir import recipe_of

GOLDEN = json.loads(OUT.read_text("utf-8"))["resrmn"]


def recorded(skip: str) -> Any:
    network: Any = ResRMN(channels=INPUTS, units=UNITS, memory_units=MEMORY, skip=skip).double()
    network.memory.weight_in.copy_(wave((INPUTS, MEMORY), 7))
    fill(network.reservoir, INPUTS + MEMORY, 20)
    return network


@pytest.mark.parametrize("skip", SKIPS)
def test_last_state_equals_authors_code(skip: str) -> None:
    expected = torch.tensor(GOLDEN[skip], dtype=torch.float64)
    states = recorded(skip).states(series().mT)
    torch.testing.assert_close(states, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda network: network.memory.weight_in.zero_(),
        lambda network: setattr(network.memory, "shift", torch.nn.Identity()),
        lambda network: network.reservoir.weight_in.copy_(network.reservoir.weight_in.flip(0)),
        lambda network: network.reservoir.beta.mul_(1.01),
    ],
    ids=["no memory", "no ring", "memory for input", "another beta"],
)
@pytest.mark.parametrize("skip", SKIPS)
def test_last_state_of_wrong_network_is_another(skip: str, wrong: Any) -> None:
    """The golden numbers tell these apart."""
    network = recorded(skip)
    wrong(network)
    assert (network.states(series().mT) - torch.tensor(GOLDEN[skip])).abs().max() > 1e-4


def test_scales_are_of_their_matrices() -> None:
    torch.manual_seed(0)
    scales = {"in_scaling": 0.1, "memory_scaling": 2.0, "memory_in_scaling": 0.5, "alpha": 0.25}
    network: Any = ResRMN(channels=3, units=200, memory_units=40, scales=scales)
    weight_in = network.reservoir.weight_in.abs()
    assert weight_in[:3].max().item() == pytest.approx(0.1, rel=0.02)
    assert weight_in[3:].max().item() == pytest.approx(2.0, rel=0.02)
    assert network.memory.weight_in.abs().max().item() == pytest.approx(0.5, rel=0.05)
    assert network.reservoir.alpha.item() == 0.25


def test_only_the_readout_has_parameters() -> None:
    """The counts that the authors' script prints: classes * (units + 1)."""
    for name, expected in {"adiac": 3737, "beef": 505, "car": 404, "osu_leaf": 606}.items():
        network = zoo.create("resrmn_c", classes=series_sets()[name].classes)
        assert sum(p.numel() for p in network.parameters()) == expected


def test_memory_of_every_set_has_a_unit_for_each_step() -> None:
    """The contradiction between the README and the script of the authors' experiments."""
    for name in ("resrmn_r", "resrmn_c", "resrmn_i"):
        for benchmark, fit in recipe_of(name).fits.items():
            steps = series_sets()[benchmark.partition("/")[2]].steps
            assert fit.arguments["memory_units"] == steps


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"skip": "skew"}, "a skip is one of random, cycle, identity, not 'skew'"),
        ({"classes": 1}, "classes 2 or more"),
        ({"memory_units": 0}, "memory_units are 1 or more"),
    ],
)
def test_impossible_arguments_are_refused(args: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ResRMN(**args)
