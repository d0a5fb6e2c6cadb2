"""The design holds: imports run one way, and nothing grows past its size."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

ZOO = ROOT / "zoo"
SOURCES = sorted(ZOO.rglob("*.py"))
RANK = {
    "details": 0,
    "guard": 0,
    "inputs": 0,
    "kept": 0,
    "ledger": 0,
    "tokens": 0,
    "pretrained": 0,
    "literature": 0,
    "schemes": 0,
    "mirror": 0,
    "sources": 0,
    "stamps": 0,
    "tensors": 0,
    "reading": 1,
    "optimizing": 1,
    "trunks": 1,
    "benchmarks": 1,
    "hub": 2,
    "lessons": 2,
    "noise": 2,
    "spoken": 2,
    "streams": 2,
    "weights": 2,
    "pinned": 2,
    "registry": 3,
    "repositories": 3,
    "convert": 3,
    "families": 4,
    "verdicts": 5,
    "measuring": 5,
    "evaluation": 6,
    "judging": 6,
    "tasks": 6,
    "planning": 6,
    "provided": 6,
    "checking": 7,
    "explaining": 8,
    "api": 8,
    "train": 8,
    "timm": 8,
    "generation": 4,
    "offline": 4,
    "upscaling": 4,
    "writing": 4,
    "harness": 9,
    "cards": 9,
    "exports": 9,
    "push": 9,
    "report": 9,
    "tables": 9,
    "cli": 10,
}


def imported(path: Path) -> set[str]:
    """Modules of the project that a file imports anywhere, as "zoo.x.y"."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in found if name.split(".")[0] in ("zoo", "configs", "eval", "tests")}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_run_one_way(path: Path) -> None:
    parts = path.relative_to(ZOO).with_suffix("").parts
    if parts[0] == "__init__":
        return
    for name in imported(path):
        target = name.split(".")
        assert target[0] == "zoo", f"the library imports {name}"
        if len(target) == 1 or target[1] not in RANK:
            continue  # a name inside a package, not a module
        if name == "zoo.models":
            continue  # the empty package, for finding the rooms in it
        assert RANK[target[1]] <= RANK[parts[0]], f"{path.name} imports {name}, which is above it"
        if parts[0] == target[1] == "families":
            assert target[2] == parts[1], f"room {parts[1]} imports room {target[2]}"


def test_every_module_has_a_rank() -> None:
    names = {path.relative_to(ZOO).parts[0].removesuffix(".py") for path in SOURCES}
    assert names - {"__init__"} == set(RANK)


@pytest.mark.parametrize(
    "path",
    [
        p
        for folder in ("zoo", "configs", "eval", "tests")
        for p in sorted((ROOT / folder).rglob("*.py"))
    ],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_nothing_is_too_long(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= (150 if path.name == "model.py" else 300)
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            assert node.end_lineno is not None
            assert node.end_lineno - node.lineno < 50, f"{node.name} is too long"


NO_TORCH = """
import sys
{statement}
heavy = sorted({{"torch", "timm", "torchvision", "sklearn"}} & set(sys.modules))
assert not heavy, heavy
"""


@pytest.mark.parametrize(
    "statement",
    [
        "import zoo; dir(zoo)",
        "import zoo.hub.server",
        "import zoo; zoo.list_models('wrn*'); zoo.list_papers(); zoo.list_claims()",
        "from zoo.cli import app; app(['list'], standalone_mode=False)",
        "from zoo.cli import app; app(['show', 'wrn28_10'], standalone_mode=False)",
        "from zoo.cli import app; app(['show', 'resnet50'], standalone_mode=False)",
        "from zoo.cli import app; app(['cite', 'wrn28_10'], standalone_mode=False)",
    ],
)
def test_facts_load_no_torch(statement: str) -> None:
    code = NO_TORCH.format(statement=statement)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
