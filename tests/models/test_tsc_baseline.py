"""MLP, FCN and ResNet for series: their authors' outputs, sizes, claims."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from statistics import mean, pstdev
from typing import Any

import pytest
import torch
from torch import nn

from tests.golden.record_tsc_baseline import CLASSES, OUT, STEPS, fill, series
from zoo.data.ucr import series_sets
from zoo.models._builder import build_model, pretrained_cfg
from zoo.papers.loading import load_papers

GOLDEN = json.loads(OUT.read_text("utf-8"))
(PAPER,) = (paper for paper in load_papers() if paper.id == "tsc_baseline")
NAMES = {"MLP": "tsc_mlp", "FCN": "tsc_fcn", "ResNet": "tsc_resnet"}


def logs(name: str, change: Callable[[nn.Module], object] = lambda network: None) -> torch.Tensor:
    """Log-probabilities of a network with the recorder's weights."""
    sizes = {"steps": STEPS} if name == "MLP" else {}
    network = fill(build_model(NAMES[name], classes=CLASSES, **sizes))
    change(network)
    with torch.no_grad():
        return network(torch.from_numpy(series())[:, None]).log_softmax(1)


@pytest.mark.parametrize("name", NAMES)
def test_outputs_equal_authors_code(name: str) -> None:
    expected = torch.tensor(GOLDEN[name], dtype=torch.float64)
    torch.testing.assert_close(logs(name), expected, rtol=2e-6, atol=4e-6)


def pad_more_before(network: nn.Module) -> None:
    for module in network.modules():
        if isinstance(module, nn.ZeroPad1d):
            module.padding = module.padding[::-1]


def smaller_epsilon(network: nn.Module) -> None:
    for module in network.modules():
        if isinstance(module, nn.BatchNorm1d):
            module.eps = 1e-5


def no_norm_of_input(network: Any) -> None:
    network.layers[0].path[0] = nn.Identity()


def no_last_relu(network: Any) -> None:
    network.layers[2].forward = lambda x: network.layers[2].path(x) + network.layers[2].shortcut(x)


@pytest.mark.parametrize(
    "change", [pad_more_before, smaller_epsilon, no_norm_of_input, no_last_relu]
)
def test_outputs_of_wrong_network_are_others(change: Callable[[nn.Module], object]) -> None:
    """The golden numbers tell these apart."""
    expected = torch.tensor(GOLDEN["ResNet"], dtype=torch.float64)
    assert (logs("ResNet", change) - expected).abs().max() > 1e-4


@pytest.mark.parametrize(
    ("name", "args", "params"),
    [
        ("tsc_resnet", {}, 520_772),
        ("tsc_resnet", {"project": False}, 504_260),
        ("tsc_resnet", {"classes": 37}, 520_772 + 35 * 129),
        ("tsc_fcn", {}, 264_962),
        ("tsc_mlp", {"steps": 24, "classes": 3}, 25 * 500 + 2 * 501 * 500 + 501 * 3),
    ],
)
def test_sizes_follow_arguments(name: str, args: dict[str, Any], params: int) -> None:
    network = build_model(name, device="meta", **args)
    assert sum(p.numel() for p in network.parameters()) == params
    cfg = pretrained_cfg(network)
    assert cfg["classes"] == args.get("classes", 2)
    assert cfg["input_size"] == (1, args.get("steps", 286))


@pytest.mark.parametrize("name", ["tsc_fcn", "tsc_resnet"])
def test_convolutions_take_any_length(name: str) -> None:
    network = build_model(name, classes=4).eval()
    assert {network(torch.zeros(2, 1, steps)).shape for steps in (1, 7, 60)} == {(2, 4)}


@pytest.mark.parametrize(
    ("name", "args", "problem"),
    [
        ("tsc_fcn", {"classes": 1}, "classes must be 2 or more, not 1"),
        ("tsc_mlp", {"steps": 0}, r"steps is 1 or more, input_dropout in \[0, 1\), not 0 and 0.1"),
        ("tsc_mlp", {"input_dropout": 1.0}, "not 286 and 1.0"),
    ],
)
def test_sizes_out_of_range_raise(name: str, args: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        build_model(name, **args)


def test_weights_are_drawn_as_keras_draws_them() -> None:
    torch.manual_seed(0)
    network: Any = build_model("tsc_fcn")
    conv = network.layers[4]
    bound = (6 / ((128 + 256) * 5)) ** 0.5  # Glorot's, of fan-in and fan-out
    assert (conv.in_channels, conv.kernel_size) == (128, (5,))
    assert 0.99 * bound < conv.weight.abs().max() <= bound
    assert not conv.bias.any()
    norm = network.layers[5]
    assert (norm.eps, norm.momentum) == (1e-3, pytest.approx(1 - 0.99))


def spread(note: str) -> tuple[float, float]:
    """Mean and deviation of the later runs that a claim's note names."""
    first, second = re.findall(r"(\d+\.\d)(?=,| on|$)", note)
    return float(first), float(second)


def test_every_set_has_a_claim_and_a_recipe_of_each_network() -> None:
    from configs.time_series import RECIPES

    claimed = {(c.model, c.benchmark) for c in PAPER.claims}
    assert len(claimed) == len(PAPER.claims) == len(RECIPES) == 48
    assert claimed == {(r.model, r.dataset) for r in RECIPES.values()}


def test_contradictions_count_what_the_notes_say() -> None:
    texts = {c.id: c.what for c in PAPER.contradictions}
    sides: dict[str, list[float]] = {}
    for claim in PAPER.claims:
        sides.setdefault(claim.model, []).append(float(claim.value or 0) - spread(claim.note)[0])
    fcn, resnet = sides["tsc_fcn"], sides["tsc_resnet"]
    assert (sum(d < 0 for d in fcn), sum(d == 0 for d in fcn)) == (13, 3)
    assert "on 13 of the 16" in texts["fcn-below-later-runs"]
    assert (sum(d < 0 for d in resnet), sum(d > 0 for d in resnet)) == (5, 8)
    assert "below on five, above on eight" in texts["fcn-below-later-runs"]
    for claim in PAPER.claims:
        if claim.model == "tsc_mlp" and claim.benchmark in ("ucr/adiac", "ucr/olive_oil"):
            for number in (str(claim.value), str(spread(claim.note)[0])):
                assert number in texts["mlp-against-later-runs"]


@pytest.mark.data
def test_notes_are_means_of_the_later_runs(zoo_data: Path) -> None:
    file = zoo_data / "series" / "tsc_spread" / "results-uea.mlp_fcn_resnet.csv"
    other = {"GunPoint": "Gun_Point", "SyntheticControl": "synthetic_control"}
    other |= {f"Lightning{n}": f"Lighting{n}" for n in (2, 7)}
    runs: dict[tuple[str, str], list[float]] = {}
    for row in file.read_text("utf-8").splitlines()[1:]:
        model, _, name, _, _, accuracy, *_ = row.split(",")
        runs.setdefault((f"tsc_{model}", name), []).append(100 * (1 - float(accuracy)))
    for claim in PAPER.claims:
        name = series_sets()[claim.benchmark.partition("/")[2]].name
        errors = runs[claim.model, other.get(name, name)]
        assert len(errors) == 10
        assert spread(claim.note) == pytest.approx((mean(errors), pstdev(errors)), abs=0.051)
