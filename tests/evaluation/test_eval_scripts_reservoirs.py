"""eval/reservoirs.py: a run is a record that the ledger takes, and is not repeated."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from configs.reservoirs import RECIPES
from eval import reservoirs
from zoo._io import read_json
from zoo.evaluation.ledger import records


def test_script_fits_once_and_its_record_fits_the_ledger(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe, task = RECIPES["leaky_esn"], "sequences/mackey_glass84"
    monkeypatch.setitem(RECIPES, "leaky_esn", replace(recipe, fits={task: recipe.fits[task]}))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["reservoirs", "--models", "leaky_esn", "--seeds", "0"])
    reservoirs.main()
    first = capsys.readouterr().out
    assert "sequences/mackey_glass84 leaky_esn: nrmse 0.1" in first
    run = read_json(tmp_path / "runs/reservoirs/leaky_esn.zoo_search-0/result.json")
    assert (run["epochs"], run["batch_size"], len(run["history"])) == (1, 1, 1)
    assert records.new(run, previous="")["model"] == "leaky_esn"
    reservoirs.main()
    assert capsys.readouterr().out == first
