"""eval/forecasting.py: a finished run is not repeated, and comes out as in the authors' log."""

import sys
from pathlib import Path

import pytest

from eval import forecasting


@pytest.mark.data
def test_main_twice_trains_once(
    tmp_path: Path,
    zoo_data: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(forecasting, "RUNS", tmp_path)
    setting = "cyclenet_linear_96_96.etth1"
    arguments = ["--data", str(zoo_data), "--settings", setting, "--seeds", "2024"]
    monkeypatch.setattr(sys, "argv", ["forecasting", *arguments])
    lines = []
    for _ in range(2):
        forecasting.main()
        lines.append(capsys.readouterr().out.splitlines()[-1])
    assert lines[0] == lines[1]  # with its seconds
    assert lines[0].endswith("etth1/test_96 mse 0.3774; etth1/test_96 mae 0.3907")
