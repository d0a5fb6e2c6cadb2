"""What the command takes to start: nothing heavy, papers parsed once, names never cut."""

import importlib.util
import json
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from zoo.papers import toml_cache
from zoo.papers.loading import load_paper
from zoo.papers.weights import MODELS_DIR
from zoo.reporting import console

HEAVY = "torch timm torchvision PIL psutil numpy scipy sklearn skimage accelerate datasets jinja2"
LIST = f"""
import sys
from zoo.cli import app
app(["list"], standalone_mode=False)
heavy = sorted(set({HEAVY.split()!r}) & set(sys.modules))
assert not heavy, heavy
"""
TOML = 'value = 4.00\nwhole = 3\n[table]\nnames = ["a", "b"]\nlow = 1e-3\n'


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


@pytest.fixture
def paper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    path = tmp_path / "paper.toml"
    path.write_text(TOML)
    return path


def place(path: Path) -> Path:
    cache = Path(importlib.util.cache_from_source(str(path.with_suffix(".py"))))
    return cache.with_name(f"{path.name}.json")


def never() -> dict[str, object]:
    raise AssertionError("parsed again")


def test_cached_parse_same_text_parses_once(paper: Path) -> None:
    tables = {"value": Decimal("4.00"), "table": {"names": ["a"], "low": Decimal("1E-3")}}
    assert toml_cache.cached_parse(paper, TOML, lambda: tables) == tables
    again = toml_cache.cached_parse(paper, TOML, never)
    assert again == tables
    assert str(again["value"]) == "4.00"
    assert [file.name for file in place(paper).parent.iterdir()] == ["paper.toml.json"]


def test_cached_parse_changed_text_parses_again(paper: Path) -> None:
    toml_cache.cached_parse(paper, TOML, lambda: {"a": 1})
    assert toml_cache.cached_parse(paper, TOML + " ", lambda: {"a": 2}) == {"a": 2}
    assert toml_cache.cached_parse(paper, TOML + " ", never) == {"a": 2}


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"sha256": 3}', "\x00"])
def test_cached_parse_damaged_cache_is_rebuilt(paper: Path, damage: str) -> None:
    toml_cache.cached_parse(paper, TOML, lambda: {"a": 1})
    place(paper).write_text(damage)
    assert toml_cache.cached_parse(paper, TOML, lambda: {"a": 1}) == {"a": 1}
    assert json.loads(place(paper).read_text())["tables"] == {"a": 1}


def test_cached_parse_unwritable_folder_writes_nothing(
    paper: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place(paper).parent.write_text("a file where the folder would be")
    assert toml_cache.cached_parse(paper, TOML, lambda: {"a": 1}) == {"a": 1}
    place(paper).parent.unlink()
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    assert toml_cache.cached_parse(paper, TOML, lambda: {"a": 1}) == {"a": 1}
    assert not place(paper).exists()


def test_load_paper_from_cache_is_equal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    monkeypatch.setattr(sys, "pycache_prefix", str(tmp_path))
    path = MODELS_DIR / "wrn" / "paper.toml"
    first, second = load_paper(path), load_paper(path)
    assert repr(first) == repr(second)
    assert list(tmp_path.rglob("paper.toml.json"))
