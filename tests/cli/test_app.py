"""The command, as a person runs it: tables, JSON, exit codes, one sentence for bad input."""

import json
import subprocess
import sys
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

import zoo
from tests.support.cli import run_cli, run_cli_process
from tests.support.patching import replace_everywhere
from zoo.papers.loading import load_papers


def test_list_pattern_prints_table_and_json() -> None:
    table = run_cli("list", "wrn28*")
    assert table.code == 0
    assert "wrn28_10" in table.out
    assert "36.48M" in table.out
    rows = json.loads(run_cli("list", "wrn28*", "--json").out)
    assert {row["name"]: row["params"] for row in rows}["wrn28_10"] == 36_479_194


def test_show_prints_paper_counts_claims_weights_and_bibtex() -> None:
    shown = run_cli("show", "resnet20").out
    for part in ("269,722 parameters", "40,551,040 multiply-adds", "1512.03385", "8.75", "Table 6"):
        assert part in shown
    assert "resnet20.zoo_digits" in shown
    assert "@" in shown
    assert "deviation" in run_cli("show", "resnet50").out
    data = json.loads(run_cli("show", "wrn28_10", "--json").out)
    assert "4.00" in {claim["value"] for claim in data["claims"]}


def test_cite_model_prints_bibtex() -> None:
    cited = run_cli("cite", "wrn28_10")
    assert cited.out.startswith("@")
    assert "Zagoruyko" in cited.out


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("show", "wrn28-10"), "wrn28_10"),
        (("check", "resnt20"), "resnet20"),
        (("check", "nothing*"), "nothing*"),
        (("check", "resnet20", "--data", "no/such/folder"), "no/such/folder"),
        (("list", "zzz*"), "zzz*"),
        (("list", "wrn28-10"), "wrn28_10"),
        (("list", "--paper", "resnte"), "resnet"),
        (("list", "--task", "image-clasification"), "image-classification"),
        (("list", "wrn*", "--dataset", "ptb"), "no model matches all of these options"),
        (("list", "wrn*", "--dataset", "cifar"), "the nearest are cifar10"),
        (("list", "--paper", "hiresnets"), "hiresnets is declared without a network"),
        (("counts", "wnr"), "wrn"),
        (("dev", "pin", "resnt50"), "resnet50"),
        (("cite", "zzz"), "zzz"),
        (("convert", "no.pth"), "no.pth"),
        (("train", "no.py:x", "--out", "x"), "no.py"),
        (("verify", "resnt20"), "resnet20"),
    ],
)
def test_main_bad_input_exits_2_with_message(
    args: tuple[str, ...], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, _, err = run_cli(*args)
    assert code == 2
    assert err.startswith("zoo: ")
    assert says in err
    assert not list(tmp_path.iterdir())


def test_process_bad_input_exits_2_without_traceback(tmp_path: Path) -> None:
    done = run_cli_process("show", "wrn28-10", cwd=tmp_path)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("zoo: ")
    assert "Traceback" not in done.err


def test_process_wrong_usage_exits_2() -> None:
    assert run_cli("juggle").code == 2
    assert run_cli("list", "--colour").code == 2


@pytest.mark.parametrize("args", [("--help",), ("eval-harness", "--help")])
def test_help_extra_keeps_its_brackets(args: tuple[str, ...]) -> None:
    out = run_cli(*args).out
    assert "residual-zoo[harness]" in "".join(out.split())


@pytest.mark.parametrize(
    ("module", "extra", "args"),
    [
        ("jinja2", "report", ("card", "resnet20")),
        ("jinja2", "report", ("push", "resnet20", "--to", "me/resnet20", "--dry-run")),
        ("vl_convert", "report", ("report", "--out", "site")),
        ("lm_eval", "harness", ("eval-harness", "gpt2_nano", "--tasks", "piqa")),
    ],
)
def test_verb_without_its_extra_names_it(
    module: str, extra: str, args: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, module, None)
    code, _, err = run_cli(*args)
    assert code == 2
    assert err == f"zoo: `zoo {args[0]}`{err.partition('`')[2].partition('`')[2]}"
    assert err.endswith(f"needs {module}: pip install 'residual-zoo[{extra}]'\n")
    assert not list(tmp_path.iterdir())


def test_list_closed_pipe_prints_no_traceback() -> None:
    command = f"{sys.executable} -m zoo.cli list | head -1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr


def test_check_one_model_prints_table_and_json() -> None:
    code, table, _ = run_cli("check", "wrn28_10")
    assert code == 0, table
    assert "36,479,194" in table
    assert "reproduced" in table
    assert "not run" in table
    rows = json.loads(run_cli("check", "wrn28_10", "--json")[1])
    status = {(row["metric"], row["claimed"]): row["status"] for row in rows}
    assert status["params", "36.5M"] == "reproduced"
    assert status["error on cifar10/test", "4.00 %"] == "not run"


def test_check_bundled_weights_are_reproduced() -> None:
    rows = json.loads(run_cli("check", "wrn16_1", "--json")[1])
    bundled = [row for row in rows if row["kind"] == "bundled weights"]
    assert {row["model"]: row["status"] for row in bundled} == {"wrn16_1.zoo_digits": "reproduced"}


def test_check_explained_deviation_exits_0() -> None:
    code, out, _ = run_cli("check", "preresnet1001")
    assert "(batchnorm-affine)" in out
    assert "without the scales and shifts" in " ".join(out.split())
    assert "10,327,706" in out
    assert code == 0


def test_check_unexplained_deviation_exits_1(monkeypatch: pytest.MonkeyPatch) -> None:
    papers = load_papers()
    wrn = next(paper for paper in papers if paper.id == "wrn")
    claim = next(c for c in wrn.claims if c.model == "wrn16_4" and c.kind == "counted")
    wrong = replace(wrn, claims=(replace(claim, value=Decimal("9.9"), unit="K"),), weights=())
    wrong = replace(wrong, benchmarks_elsewhere={})
    replace_everywhere(monkeypatch, "zoo.papers.loading.load_papers", lambda: (wrong,))
    code, out, _ = run_cli("check")
    assert code == 1
    assert "not reproduced" in out


@pytest.mark.parametrize(
    ("options", "says"), [(("--version",), zoo.__version__), (("list", "-h"), "--pretrained")]
)
def test_common_options_are_there(options: tuple[str, ...], says: str) -> None:
    done = run_cli(*options)
    assert done.code == 0
    assert says in done.out
