"""Start-up of the command: no heavy imports, aligned columns."""

import os
import subprocess
import sys

from zoo.reporting import console

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


def test_columns_are_aligned() -> None:
    rows = [("name", "params", ""), ("a", "1.75K", "x"), ("long_name", "20", "")]
    assert list(console.columns(rows, right=(1,))) == [
        "name       params\n",
        "a           1.75K  x\n",
        "long_name      20\n",
    ]
