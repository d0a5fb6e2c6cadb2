"""eval/m4.py: networks that several processes train become one ensemble, whose record has them."""

import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from filelock import FileLock

from configs.nbeats import forecasting
from eval import m4, seeds
from zoo.data.benchmarks import BENCHMARKS
from zoo.training import Recipe


def tiny(*args: Any, **options: Any) -> Recipe:
    """The recipe with two steps of two series."""
    recipe = forecasting(*args, **options)
    return replace(recipe, epochs=1, batch_size=2, objective=replace(recipe.objective, steps=2))  # type: ignore[type-var]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Weekly series of one year and the thirteen weeks after it."""
    (tmp_path / "m4").mkdir()
    random = np.random.RandomState(0)
    size = BENCHMARKS["m4/weekly"].size
    for part, steps in (("train", 80), ("test", 13)):
        rows = 100 + random.rand(size, steps)
        lines = [
            f'"W{i}",' + ",".join(f"{value:.2f}" for value in row) for i, row in enumerate(rows)
        ]
        text = "\n".join([",".join(f"V{i}" for i in range(steps + 1)), *lines])
        (tmp_path / "m4" / f"Weekly-{part}.csv").write_text(text)
    return tmp_path


@pytest.mark.slow
def test_last_process_makes_the_ensemble(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    published: list[dict[str, Any]] = []
    monkeypatch.setattr(m4, "RUNS", tmp_path / "runs")
    monkeypatch.setattr(m4, "forecasting", tiny)
    monkeypatch.setattr(seeds, "publish", published.extend)
    line = f"m4 --data {data} --subset weekly --look-backs 2 --losses smape mape --small --write"
    monkeypatch.setattr(sys, "argv", line.split())
    recipe = tiny("g", "weekly", 2, "mape", small=True)
    folder = seeds.folder_of(recipe, 1, m4.RUNS)
    folder.mkdir(parents=True)
    with FileLock(folder / "lock"):
        m4.main()
    assert "1 networks are trained by another process" in capsys.readouterr().out
    assert not published
    m4.main()
    assert "ensemble of 2: nbeats_g_ensemble.zoo_m4_weekly_2 1" in capsys.readouterr().out
    (record,) = published
    scores = record["benchmarks"]["m4/weekly"]["scores"]
    assert len(record["history"]) == 2
    between = partial(map, lambda row: row["nd"])
    assert scores["nd"]["value"] <= max(between(record["history"]))
    (path,) = m4.RUNS.glob("ensemble-*.safetensors")
    assert path.name == "ensemble-g-weekly-smape-mape-2-2-small.safetensors"
