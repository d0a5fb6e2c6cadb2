"""CycleNet: its authors' forecasts, its phase, its claims."""

import json
import re
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from fnmatch import fnmatch
from functools import reduce
from pathlib import Path
from statistics import mean
from typing import Any

import pytest
import torch

import zoo
from tests.golden.record_cyclenet import (
    CHANNELS,
    CYCLE,
    HORIZON,
    LOOK_BACK,
    OUT,
    PHASES,
    VARIANTS,
    WIDTH,
    fill,
    wave,
)
from zoo.checkpoints.key_mapping import KeyMapping
from zoo.models._builder import build_model, pretrained_cfg
from zoo.models.cyclenet.convert import KEY_MAPPINGS
from zoo.models.cyclenet.model import CycleNet
from zoo.papers.loading import load_papers

GOLDEN = json.loads(OUT.read_text("utf-8"))
(PAPER,) = (paper for paper in load_papers() if paper.id == "cyclenet")


def small(**changes: Any) -> CycleNet:
    sizes = {"look_back": LOOK_BACK, "horizon": HORIZON, "channels": CHANNELS, "cycle": CYCLE}
    return CycleNet(**sizes | changes)


def windows() -> torch.Tensor:
    """The recorder's windows, with the phase of each step as column 0."""
    values = 3 * wave((len(PHASES), LOOK_BACK, CHANNELS), 1) + 2
    steps = torch.tensor(PHASES)[:, None] + torch.arange(-LOOK_BACK, 0)
    return torch.cat([(steps % CYCLE)[..., None].double(), values], 2)


@pytest.mark.parametrize("variant", VARIANTS)
def test_forecast_equals_authors_code(variant: str) -> None:
    kind, revin = VARIANTS[variant]
    network = fill(small(width=WIDTH if kind == "mlp" else 0, revin=revin))
    with torch.no_grad():
        forecast = network(windows())[..., 0]
    expected = torch.tensor(GOLDEN[variant], dtype=torch.float64)
    torch.testing.assert_close(forecast, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda x: x.roll(1, 1),
        lambda x: torch.cat([(x[..., :1] + 1) % CYCLE, x[..., 1:]], 2),
        lambda x: torch.cat([x[..., :1], x[..., 1:].flip(2)], 2),
    ],
    ids=["a step late", "another phase", "channels swapped"],
)
def test_forecast_of_wrong_input_is_another(wrong: Any) -> None:
    """The golden numbers tell these apart."""
    with torch.no_grad():
        forecast = fill(small())(wrong(windows()))[..., 0]
    assert (forecast - torch.tensor(GOLDEN["linear"])).abs().max() > 1e-3


def test_forecast_of_pure_cycle_is_the_cycle() -> None:
    """With a backbone of zeros the cycle alone is left, and goes on where the series ends."""
    network = small(revin=False).double()
    network.cycle.data = wave((CYCLE, CHANNELS), 0)
    for parameter in network.backbone.parameters():
        parameter.data.zero_()
    with torch.no_grad():
        forecast = network(windows())
    for each, start in zip(forecast, PHASES, strict=True):
        phases = (start + LOOK_BACK + torch.arange(HORIZON)) % CYCLE
        torch.testing.assert_close(each, network.cycle[phases])


@pytest.mark.parametrize(
    "changes", [{"look_back": 1}, {"horizon": 0}, {"channels": 0}, {"cycle": 0}, {"width": -1}]
)
def test_sizes_out_of_range_raise(changes: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="must be 1 or more"):
        small(**changes)


def test_cfg_follows_arguments() -> None:
    network = build_model("cyclenet_linear_96_720", channels=321, cycle=168)
    cfg = pretrained_cfg(network)
    assert (cfg["input_size"], cfg["horizon"], cfg["cycle"]) == ((96, 322), 720, 168)


def test_authors_keys_map_to_ours() -> None:
    mapping: KeyMapping = KEY_MAPPINGS[1]
    theirs = ["cycleQueue.data", "model.0.weight", "model.0.bias", "model.2.weight", "model.2.bias"]
    renamed = {reduce(lambda k, pair: k.replace(*pair), mapping.renames, key) for key in theirs}
    assert renamed == set(build_model("cyclenet_mlp_96_96", device="meta").state_dict())


def test_every_setting_has_a_recipe_and_two_claims_for_each_data_set() -> None:
    from configs.cyclenet import RECIPES

    assert len({recipe.name for recipe in RECIPES}) == len(RECIPES) == 48
    measured = {(c.model, c.benchmark, c.metric) for c in PAPER.claims if c.kind == "measured"}
    assert measured == {
        (recipe.model, recipe.dataset.replace("train", "test"), metric)
        for recipe in RECIPES
        for metric in ("mse", "mae")
    }
    trained = {(p.recipe, p.epochs, p.batch_size, p.seeds) for p in PAPER.training}
    assert trained == {
        (recipe.name.partition(".")[2], recipe.epochs, recipe.batch_size, 5) for recipe in RECIPES
    }


def test_printed_averages_are_of_cut_cells() -> None:
    """Only what rounding the log's means allows: the contradiction names five of eight cells."""
    (entry,) = (c for c in PAPER.contradictions if c.id == "averages-of-cut-cells")
    assert all(
        fnmatch(f"cyclenet_{kind}_96_96", p) for kind in ("linear", "mlp") for p in entry.models
    )
    pairs = re.findall(r"(0\.\d{3})(?!\d)", entry.what), re.findall(r"(0\.\d{5})", entry.what)
    assert len(pairs[0]) == len(pairs[1]) == 5
    for printed, logged in zip(*pairs, strict=True):
        rounded = Decimal(logged).quantize(Decimal("0.001"), ROUND_HALF_UP)
        assert rounded - Decimal(printed) == Decimal("0.001")


@pytest.mark.data
def test_claims_on_etth1_are_means_of_authors_log(zoo_data: Path) -> None:
    text = (zoo_data / "series" / "cyclenet_ett" / "result.txt").read_text("utf-8")
    rows = re.findall(
        r"ETTh1_\S+_sl(\d+)_pl(\d+)_cycle24_(\w+)_seed\d+\s+mse:([\d.]+), mae:([\d.]+)", text
    )
    runs: dict[tuple[str, str], list[Decimal]] = {}
    for look_back, horizon, kind, mse, mae in rows:
        for metric, value in (("mse", mse), ("mae", mae)):
            runs.setdefault((f"cyclenet_{kind}_{look_back}_{horizon}", metric), []).append(
                Decimal(value)
            )
    claims = [c for c in PAPER.claims if c.benchmark.startswith("etth1/")]
    assert len(claims) == len(runs) == 48
    for claim in claims:
        values = runs[claim.model, claim.metric]
        assert len(values) == 5
        assert mean(values).quantize(Decimal("0.001"), ROUND_HALF_UP) == claim.value
    printed = {("linear", "mse"): "0.432", ("linear", "mae"): "0.427"}
    printed |= {("mlp", "mse"): "0.457", ("mlp", "mae"): "0.441"}  # Table 2
    for (kind, metric), average in printed.items():
        cells = [mean(runs[f"cyclenet_{kind}_96_{h}", metric]) for h in (96, 192, 336, 720)]
        cut = [cell.quantize(Decimal("0.001"), ROUND_DOWN) for cell in cells]
        assert mean(cut).quantize(Decimal("0.001"), ROUND_HALF_UP) == Decimal(average)


@pytest.mark.data
def test_bundled_weights_score_as_authors_log(zoo_data: Path) -> None:
    from tests.support.evaluation import evaluate

    name = "cyclenet_linear_96_96.etth1"
    scores = evaluate(name, "--benchmark", "etth1/test_96", "--data", zoo_data)["scores"]
    assert scores["mse"]["value"] == pytest.approx(0.37735623121, rel=1e-6)
    assert scores["mae"]["value"] == pytest.approx(0.39069336653, rel=1e-6)


def test_create_lists_forecasters() -> None:
    names = zoo.list_models("cyclenet_*", task="forecasting")
    assert len(names) == 24
    assert names[0] == "cyclenet_linear_96_96"
