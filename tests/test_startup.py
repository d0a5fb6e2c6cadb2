"""Start-up of the command: no heavy imports, aligned columns."""

import os
import subprocess
import sys

from tests.conftest import ROOT
from tests.support.cli import run_cli
from zoo.cli.app import ELSEWHERE, MODULES
from zoo.reporting.columns import columns

HEAVY = "torch timm torchvision PIL psutil numpy scipy sklearn skimage accelerate datasets jinja2"
LIST = f"""
import sys
from zoo.cli import app
app(["list"], standalone_mode=False)
heavy = sorted(set({HEAVY.split()!r}) & set(sys.modules))
assert not heavy, heavy
"""


def test_list_command_imports_nothing_heavy() -> None:
    narrow = {**os.environ, "COLUMNS": "40"}
    done = subprocess.run(
        [sys.executable, "-c", LIST], capture_output=True, text=True, env=narrow, check=False
    )
    assert done.returncode == 0, done.stderr
    names = [line.split()[0] for line in done.stdout.splitlines()]
    assert {"muddformer_1_34b_deep", "res2next29_8cx25wx4s"} <= set(names)


def test_upscale_of_missing_file_loads_no_torch() -> None:
    code = f"""
import sys
from zoo.cli import app
try:
    app(["upscale", "no.png"], standalone_mode=False)
except ValueError as error:
    print(error)
heavy = sorted(set({HEAVY.split()!r}) & set(sys.modules))
assert not heavy, heavy
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "no file at no.png\n"), done.stderr


def test_help_lists_every_command_in_every_module() -> None:
    modules = {path.stem for path in (ROOT / "zoo" / "cli").glob("[a-z]*.py")} - {"app"}
    assert set(MODULES) == modules
    assert set(ELSEWHERE.values()) <= modules
    text = run_cli("-h").out
    assert all(f" {name} " in text for name in (*ELSEWHERE, "push", "check", "score", "ledger"))


def test_columns_are_aligned() -> None:
    rows = [("name", "params", ""), ("a", "1.75K", "x"), ("long_name", "20", "")]
    assert list(columns(rows, right=(1,))) == [
        "name       params\n",
        "a           1.75K  x\n",
        "long_name      20\n",
    ]
