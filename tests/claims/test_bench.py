"""`zoo bench residual-streams`: fits the budget, goes on, compares as the statistics say."""

import os
import re
import signal
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.support import bench as support
from tests.support.bench import LONGER, SMALL_SIZES, TINY, training
from tests.support.cli import run_cli
from tests.support.patching import replace_everywhere
from tests.support.processes import start
from zoo.claims.bench import speed
from zoo.claims.bench.designs import DESIGNS, SIZES, Size, fit, recipe_of
from zoo.claims.bench.runs import finished, train_all
from zoo.claims.bench.speed import speed_record
from zoo.claims.bench.table import rows_of
from zoo.evaluation import ledger
from zoo.inference.generation import generate
from zoo.models._factory import create
from zoo.reporting import bench

SMALL = SIZES["0.5M"]
PLAIN = {seed: 2.0 + seed / 100 for seed in range(5)}
LOWER = {seed: loss - 0.1 * (seed + 1) for seed, loss in PLAIN.items()}  # t = -3 sqrt(2)
P_LOWER = 2 * (0.5 - 3 / 8 * (18 / 5.5) ** 0.5 * (1 - 18 / (12 * 5.5)))  # Student's F, 4 degrees
SIMILAR = {seed: loss + (0.1, -0.1, 0.1, -0.1, 0.0)[seed] for seed, loss in PLAIN.items()}


def row(name: str, *records: Any) -> Any:
    return next(row for row in rows_of(SMALL, records) if row.name == name)


@pytest.mark.parametrize(
    "size", [SMALL, pytest.param(SIZES["2M"], marks=pytest.mark.slow)], ids=lambda size: size.name
)
def test_every_design_spends_the_budget_and_shares_the_recipe(size: Size) -> None:
    for name in DESIGNS:
        assert abs(fit(name, size).params / size.params - 1) < 0.002, name
    recipes = [vars(recipe_of(name, size)) for name in DESIGNS]
    own = {"name", "model", "args", "schedule", "objective", "around"}
    (shared,) = {str({k: v for k, v in r.items() if k not in own}) for r in recipes}
    assert "peps_mini/train" in shared
    assert len({r["schedule"](0.3) for r in recipes}) == 1
    assert len({tuple(vars(r["objective"]).items()) for r in recipes}) == 1


def test_budget_below_the_other_weights_is_refused() -> None:
    size = Size(name="none", params=1000, layers=2, width=16, heads=2)
    with pytest.raises(ValueError, match=r"more than 1 % off the budget of 1,000"):
        fit("plain", size)


def test_comparison_by_known_values_is_students_after_holm() -> None:
    records = [
        *training("plain", SMALL, PLAIN),
        *training("mudd", SMALL, LOWER),
        *training("hyper", SMALL, SIMILAR),
        *training("frac", SMALL, {0: 9.0, 1: 9.0}),  # counts in Holm's correction
    ]
    lower, similar, few = (row(name, *records) for name in ("mudd", "hyper", "frac"))
    assert lower.p == pytest.approx(3 * P_LOWER, rel=1e-6)
    assert (lower.difference.value, lower.outcome) == (pytest.approx(-0.3), "better")
    half = 2.776445 * (0.025 / 5) ** 0.5  # Student's t of 4 degrees, and the standard error
    assert lower.difference.interval == pytest.approx((-0.3 - half, -0.3 + half), abs=1e-6)
    assert (similar.p, similar.outcome) == (1.0, "inconclusive")
    assert (few.p, few.outcome, few.pairs) == (None, "2 of 5 seeds", 2)
    assert row("loop", *records).outcome == "not run"
    worse = {seed: 2 * PLAIN[seed] - loss for seed, loss in LOWER.items()}
    assert row("mudd", *records[:5], *training("mudd", SMALL, worse)).outcome == "worse"


@pytest.mark.parametrize("other", [{"device": "H200"}, {"precision": "bf16"}, {"recipe": "x.y"}])
def test_runs_of_another_machine_or_recipe_are_not_paired(other: dict[str, str]) -> None:
    records = [*training("plain", SMALL, PLAIN), *training("mudd", SMALL, LOWER, **other)]
    assert row("mudd", *records).outcome == "not run"


def test_tables_say_what_is_not_run() -> None:
    assert bench.markdown([]).count(": not run") == len(SIZES)
    some = [*training("plain", SMALL, {0: 2.0}), *training("mudd", SMALL, {0: 1.5})]
    rows = {line[0].split(",")[0]: line for line in bench.tables(some)[bench.title(SMALL)]}
    assert rows["MUDD connections"][2:6] == ["1.5000, 1 seed", "-0.5000", "", "1 of 5 seeds"]
    assert rows["DenseFormer"].count("not run") == 5
    every = [record for name in DESIGNS for record in training(name, SMALL, PLAIN)]
    every.append(support.speed(list(DESIGNS), SMALL))
    text = bench.markdown(every)
    assert text.count("not run") == len(SIZES) - 1  # the other sizes
    assert "| 500, x0.50 | 50, x0.50 [0.45, 0.55] | 2 MiB |" in text


@pytest.fixture(autouse=True)
def _small_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, size in SMALL_SIZES.items():
        monkeypatch.setitem(SIZES, name, size)
    monkeypatch.setattr(speed, "ROUNDS", 1)
    monkeypatch.setattr(speed, "GENERATED", 4)


def arguments(size: Size, out: Path, only: str) -> list[str]:
    run = ["--size", size.name, "--only", only, "--seeds", "0", "--out", str(out)]
    return ["bench", "residual-streams", *run]


def test_command_trains_once_measures_and_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace_everywhere(monkeypatch, "zoo.claims.bench.speed.peak_of_step", lambda *args: 2**20)
    command = arguments(TINY, tmp_path, "plain")
    first = run_cli(*command)
    assert first.code == 0, first.err
    assert "[1/1] plain, seed 0: " in first.err
    assert re.search(r"\(Transformer\+\+\), .* 1 seed .*, x1.00 .*, x1.00 .* 1 MiB", first.out)
    replace_everywhere(monkeypatch, "zoo.training.train", lambda *args, **options: 1 / 0)
    assert run_cli(*command, "--show").out == first.out
    assert run_cli(*command).out == first.out


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--size", "3M"], "no size is called '3M'; the nearest are"),
        (["--only", "mud"], "no design is called 'mud'; the nearest are"),
        (["--seeds", "0 1"], "--seeds are numbers separated by commas, not '0 1'"),
    ],
)
def test_command_with_bad_option_says_what_is_right(options: list[str], problem: str) -> None:
    done = run_cli("bench", "residual-streams", *options)
    assert (done.code, done.out) == (2, "")
    assert problem in done.err


@pytest.mark.slow
@pytest.mark.parametrize("name", DESIGNS)
def test_every_design_takes_a_step_and_generates(name: str) -> None:
    recipe, ids = recipe_of(name, TINY), speed.windows(TINY)
    network = create(recipe.model, **recipe.args)
    before = [parameter.clone() for parameter in network.parameters()]
    speed.training_step(network, name, TINY, ids)()
    assert all(map(torch.equal, before, network.parameters()))
    (row,) = generate(network, ids[:1, :8], max_new_tokens=4)
    assert len(row) == 12


@pytest.mark.slow
def test_interrupted_comparison_resumes_to_the_same_weights(tmp_path: Path) -> None:
    """And its records are what a ledger takes: the run, and the rounds with their memory."""
    stopped, whole = tmp_path / "stopped", tmp_path / "whole"
    command = ("-m", "tests.support.bench", *arguments(LONGER, stopped, "plain"))
    process = start(*command, output=tmp_path / "printed")
    while not [*stopped.rglob("checkpoint.pt")] and process.is_alive():
        time.sleep(0.005)
    assert process.pid
    os.kill(process.pid, signal.SIGINT)
    process.join(60)
    err = (tmp_path / "printed.err").read_text()
    assert (process.exitcode, [*stopped.rglob("result.json")]) == (130, []), err
    assert "interrupted; the same command resumes" in err
    assert run_cli(*arguments(LONGER, stopped, "plain")).code == 0
    (run,) = finished(stopped, LONGER)
    (other,) = train_all(["plain"], LONGER, [0], whole, quiet=True)
    assert other.record
    assert run["sha256"] == other.record["sha256"]
    assert run["params"] == fit("plain", LONGER).params
    rounds = speed_record(LONGER, stopped)
    assert rounds
    (row,) = rounds["rows"]
    assert row["bytes"] > 2**20
    assert row["training"]["ratio"] == row["generation"]["ratio"] == 1
    ledger.Ledger(tmp_path / "ledger").extend([run, rounds])
