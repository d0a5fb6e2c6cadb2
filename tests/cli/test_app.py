"""The command, as a person runs it: tables, JSON, exit codes, one sentence for bad input."""

import json
import subprocess
import sys
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from tests.support.patching import replace_everywhere
from zoo.papers.loading import load_papers


def run(*args: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """`zoo ARGS` in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "zoo.cli", *args],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
    )


def inside(*args: str) -> tuple[int, str]:
    """Exit code and output of `zoo ARGS` in this process, which has imported torch already."""
    from typer.testing import CliRunner

    from zoo.cli import app

    done = CliRunner().invoke(app, args)
    return done.exit_code, done.stdout


def test_list_pattern_prints_table_and_json() -> None:
    table = run("list", "wrn28*")
    assert table.returncode == 0
    assert "wrn28_10" in table.stdout
    assert "36.48M" in table.stdout
    rows = json.loads(run("list", "wrn28*", "--json").stdout)
    assert {row["name"]: row["params"] for row in rows}["wrn28_10"] == 36_479_194


def test_show_prints_paper_counts_claims_weights_and_bibtex() -> None:
    shown = run("show", "resnet20").stdout
    for part in ("269,722 parameters", "40,551,040 multiply-adds", "1512.03385", "8.75", "Table 6"):
        assert part in shown
    assert "resnet20.zoo_digits" in shown
    assert "@" in shown
    assert "deviation" in run("show", "resnet50").stdout
    data = json.loads(run("show", "wrn28_10", "--json").stdout)
    assert "4.00" in {claim["value"] for claim in data["claims"]}


def test_cite_model_prints_bibtex() -> None:
    cited = run("cite", "wrn28_10")
    assert cited.stdout.startswith("@")
    assert "Zagoruyko" in cited.stdout


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("show", "wrn28-10"), "wrn28_10"),
        (("check", "resnt20"), "resnet20"),
        (("check", "nothing*"), "nothing*"),
        (("check", "resnet20", "--data", "no/such/folder"), "no/such/folder"),
        (("list", "zzz*"), "zzz*"),
        (("cite", "zzz"), "zzz"),
        (("convert", "no.pth"), "no.pth"),
        (("train", "no.py:x", "--out", "x"), "no.py"),
        (("verify", "resnt20"), "resnet20"),
    ],
)
def test_main_bad_input_exits_2_with_message(
    args: tuple[str, ...],
    says: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from zoo.cli import main

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["zoo", *args])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith("zoo: ")
    assert says in said
    assert not list(tmp_path.iterdir())


def test_process_bad_input_exits_2_without_traceback(tmp_path: Path) -> None:
    done = run("show", "wrn28-10", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("zoo: ")
    assert "Traceback" not in done.stderr


def test_process_wrong_usage_exits_2() -> None:
    assert run("juggle").returncode == 2
    assert run("list", "--colour").returncode == 2


def test_list_closed_pipe_prints_no_traceback() -> None:
    command = f"{sys.executable} -m zoo.cli list | head -1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr


def test_check_one_model_prints_table_and_json() -> None:
    code, table = inside("check", "wrn28_10")
    assert code == 0, table
    assert "36,479,194" in table
    assert "kept" in table
    assert "not run" in table
    rows = json.loads(inside("check", "wrn28_10", "--json")[1])
    status = {(row["metric"], row["claimed"]): row["status"] for row in rows}
    assert status["params", "36.5M"] == "kept"
    assert status["error on cifar10/test", "4.00 %"] == "not run"


def test_check_bundled_weights_are_reproduced() -> None:
    rows = json.loads(inside("check", "wrn16_1", "--json")[1])
    bundled = [row for row in rows if row["kind"] == "bundled weights"]
    assert [(row["model"], row["status"]) for row in bundled] == [("wrn16_1.zoo_digits", "kept")]


def test_check_explained_deviation_exits_0() -> None:
    code, shown = inside("check", "preresnet1001")
    assert "(batchnorm-affine)" in shown
    assert "without the scales and shifts" in " ".join(shown.split())
    assert "10,327,706" in shown
    assert code == 0


def test_check_unexplained_deviation_exits_1(monkeypatch: pytest.MonkeyPatch) -> None:
    papers = load_papers()
    wrn = next(paper for paper in papers if paper.id == "wrn")
    claim = (
        next(c for c in wrn.claims if c.model == "wrn16_4" and c.kind == "counted")
        if any(c.model == "wrn16_4" and c.kind == "counted" for c in wrn.claims)
        else next(c for c in wrn.claims if c.kind == "counted")
    )
    wrong = replace(wrn, claims=(replace(claim, value=Decimal("9.9"), unit="K"),), weights=())
    replace_everywhere(monkeypatch, "zoo.papers.loading.load_papers", lambda: (wrong,))
    code, shown = inside("check")
    assert code == 1
    assert "missed" in shown
