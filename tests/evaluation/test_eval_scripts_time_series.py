"""eval/time_series.py: runs, not repeated, with the printed error beside ours; minutes."""

import json
import re
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from configs.time_series import RECIPES
from eval import seeds, time_series
from tests.support.patching import replace_everywhere
from tests.support.series import write_set


@pytest.fixture
def arguments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Options of two networks on one drawn set, whose recipes have two epochs."""
    write_set(tmp_path, "ItalyPowerDemand", (1, 2))
    for model in ("tsc_mlp", "tsc_fcn"):
        key = f"{model}_italy_power_demand"
        monkeypatch.setitem(RECIPES, key, replace(RECIPES[key], epochs=2))
    monkeypatch.chdir(tmp_path)
    sets = ["--sets", "italy_power_demand"]
    return ["--data", str(tmp_path), *sets, "--models", "tsc_mlp", "tsc_fcn"]


def run(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["time_series", *arguments])
    time_series.main()


def test_script_estimates_minutes(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run([*arguments, "--estimate"], monkeypatch)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert re.fullmatch(r"tsc_\w+ on ucr/italy_power_demand: \d+\.\d minutes", lines[0])
    assert re.fullmatch(r"2 runs: \d+ minutes of one core", lines[2])
    assert not Path("runs").exists()


def test_script_trains_once_and_prints_both_errors(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [a for a in arguments if a != "tsc_mlp"]
    run(arguments, monkeypatch)
    first = capsys.readouterr().out
    assert re.search(
        r"tsc_fcn.ucr 0, \S+ s: ucr/italy_power_demand error \S+; printed 3: (agrees|differs)",
        first,
    )
    replace_everywhere(monkeypatch, "zoo.training.train", lambda *args, **options: 1 / 0)
    run(arguments, monkeypatch)
    assert capsys.readouterr().out == first
    (path,) = Path("runs").rglob("result.json")
    assert path.parts[1:3] == ("time_series", "italy_power_demand")
    assert json.loads(path.read_text())["made_by"] == "eval/time_series.py"


def test_thin_keeps_the_last_and_the_lowest_of_a_long_history() -> None:
    history = [{"epoch": i, "loss": float(abs(i - 333))} for i in range(2 * seeds.MOST_ROWS)]
    kept = [row["epoch"] for row in seeds.thin(history)]
    assert kept == sorted({*range(0, len(history), 2), 333, len(history) - 1})
    assert seeds.thin(history[: seeds.MOST_ROWS]) == history[: seeds.MOST_ROWS]


def test_publish_takes_runs_of_one_second_on_two_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    common = {"recipe": "tsc_fcn.ucr", "seed": 0, "date": "2026-11-30T00:00:00Z"}
    runs = [{**common, "benchmarks": {name: {}}} for name in ("ucr/beef", "ucr/car")]

    added: list[object] = []
    ledger = SimpleNamespace(records=lambda: runs[:1], add=added.append)
    replace_everywhere(monkeypatch, "zoo.evaluation.ledger.published", lambda: ledger)
    seeds.publish(runs)
    assert added == runs[1:]
