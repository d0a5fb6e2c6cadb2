"""`zoo new`: the files of a paper that load, count and pass their tests."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.support.cli import run_cli

CLI = ("-m", "zoo.cli")
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def run_in_checkout(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """`python ARGS` in a copy of the checkout."""
    folder = tmp_path_factory.mktemp("checkout")
    shutil.copytree(ROOT / "zoo", folder / "zoo", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    environment = {**os.environ, "PYTHONPATH": str(folder)}

    def run(*args: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, *args]
        return subprocess.run(
            command, capture_output=True, text=True, check=False, cwd=folder, env=environment
        )

    return run


SCAFFOLDS = {
    "scaffold_res": ("image-classification", "scaffold_res8"),
    "scaffold_lm": ("language-modeling", "scaffold_lm_nano"),
    "scaffold_sr": ("super-resolution", "scaffold_sr_x2"),
}


@pytest.mark.slow
def test_new_paper_of_each_task_is_listed_counted_and_tested(run_in_checkout: Run) -> None:
    for paper, (task, _) in SCAFFOLDS.items():
        made = run_in_checkout(*CLI, "new", paper, "--arxiv", "2501.01234v1", "--task", task)
        assert made.returncode == 0, made.stderr
    counted = run_in_checkout(*CLI, "counts", *SCAFFOLDS)
    assert counted.stdout == "".join(f"{p}: 1 counts\n" for p in SCAFFOLDS), counted.stderr
    for paper, (_, model) in SCAFFOLDS.items():
        (row,) = run_in_checkout(*CLI, "list", "--paper", paper).stdout.splitlines()[1:]
        assert row.split()[0] == model
        assert "K" in row.split()[1]
    tests = [f"tests/models/test_{paper}.py" for paper in SCAFFOLDS]
    tested = run_in_checkout("-m", "pytest", "-q", "-n0", "-c", "/dev/null", *tests)
    assert tested.returncode == 0, tested.stdout
    folders = [f"zoo/models/{paper}" for paper in SCAFFOLDS]
    linted = run_in_checkout("-m", "ruff", "check", *folders, *tests)
    assert linted.returncode == 0, linted.stdout


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("resnet",), "exists already"),
        (("Tiny Res",), "lower case letters, digits and _, not 'Tiny Res'"),
        (("class",), "not 'class'"),
        (("_tiny",), "not '_tiny'"),
        (("tinyres", "--task", "denoising"), "not for 'denoising'"),
        (("tinyres", "--arxiv", "arxiv.org/abs/2501.01234"), "such as 1512.03385v1, not 'arxiv"),
    ],
)
def test_new_unusable_name_is_refused(args: tuple[str, ...], says: str) -> None:
    code, _, err = run_cli("new", *args)
    assert code == 2
    assert says in err


def test_new_outside_checkout_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys.modules["zoo.cli.app"], "MODELS_DIR", tmp_path / "zoo" / "models")
    code, _, err = run_cli("new", "tinyres")
    assert code == 2
    assert err.startswith("zoo: `zoo new` writes into a checkout; this zoo is installed in ")
