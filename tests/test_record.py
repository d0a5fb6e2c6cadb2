"""eval/record.py: how every script of eval/ ends."""

import json
import subprocess
import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest
from accelerate import Accelerator

from eval import record
from tests.conftest import ROOT


def test_a_script_ends_in_a_record_or_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(record, "ROOT", tmp_path)
    (tmp_path / "eval" / "results").mkdir(parents=True)
    options = Namespace(device="cpu", out=tmp_path, weights="a/b", record=True)
    record.run_script(lambda options, accelerator: {"score": 1}, options)
    assert json.loads(capsys.readouterr().out) == {"score": 1}
    (ledger,) = (tmp_path / "eval" / "results").iterdir()
    assert ledger.name.endswith("-a_b.json")
    for path in (ledger, tmp_path / "record.json"):
        assert json.loads(path.read_text()) == {"score": 1}

    def fails(options: Namespace, accelerator: Accelerator) -> dict[str, Any]:
        raise FileNotFoundError("there is no file x")

    with pytest.raises(SystemExit) as done:
        record.run_script(fails, options)
    assert (done.value.code, capsys.readouterr()) == (2, ("", "error: there is no file x\n"))


def test_the_command_says_it_without_a_traceback() -> None:
    command = [sys.executable, "-m", "eval.language_modeling", "gpt2_nano.none", "--on", "tests"]
    done = subprocess.run(
        [*command, "--device", "cpu"], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: gpt2_nano has no weights called 'none'")
    assert "Traceback" not in done.stderr
