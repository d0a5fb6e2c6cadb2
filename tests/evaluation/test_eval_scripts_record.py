"""eval/record.py: how every script of eval/ ends."""

import json
from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest

from eval import classification, record
from tests.support.patching import replace_everywhere
from zoo.distributed import ProcessGroup
from zoo.evaluation.ledger import Ledger


def options(tmp_path: Path, *more: str) -> Namespace:
    options = [
        "resnet20.zoo_digits",
        "--benchmark",
        "digits/test",
        "--device",
        "cpu",
        "--out",
        str(tmp_path / "out"),
    ]
    return classification.parse([*options, "--record", *more])


def test_run_script_adds_record_to_ledger(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    published = Ledger(tmp_path / "results")
    replace_everywhere(monkeypatch, "zoo.evaluation.ledger.published", lambda: published)
    record.run_script(classification.evaluate, options(tmp_path))
    printed = json.loads(capsys.readouterr().out)
    assert json.loads((tmp_path / "out" / "record.json").read_text()) == printed
    (added,) = published.records()
    assert {k: v for k, v in added.items() if k in printed} == {
        k: v for k, v in printed.items() if k != "limit"
    }


def test_run_script_partial_benchmark_is_not_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    replace_everywhere(
        monkeypatch, "zoo.evaluation.ledger.published", lambda: Ledger(tmp_path / "results")
    )
    with pytest.raises(SystemExit) as done:
        record.run_script(classification.evaluate, options(tmp_path, "--limit", "5"))
    assert done.value.code == 2
    assert "whole benchmarks of the zoo; leave out --record" in capsys.readouterr().err
    assert not (tmp_path / "results").exists()


def test_run_script_error_exits_with_message(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(options: Namespace, group: ProcessGroup) -> dict[str, Any]:
        raise FileNotFoundError("there is no file x")

    with pytest.raises(SystemExit) as done:
        record.run_script(fails, options(tmp_path))
    assert (done.value.code, capsys.readouterr()) == (2, ("", "error: there is no file x\n"))
