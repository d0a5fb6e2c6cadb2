"""The design holds: imports run one way, and nothing grows past its size."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

ZOO = ROOT / "zoo"
PACKAGES = 12
PRIVATE_PATCH = re.compile(
    r'setattr\([^,()]+, "_[a-z]|replace_everywhere\([^"]*"[\w.]+\._[a-z]\w*"'
)


def test_no_test_patches_a_private_name() -> None:
    tests = {path: path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("*.py")}
    private = [path.name for path, text in tests.items() if PRIVATE_PATCH.search(text)]
    assert not private


def test_imports_satisfy_every_contract() -> None:
    """Layers, independent papers, no circles: [tool.importlinter] of pyproject.toml."""
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_top_level_holds_twelve_packages_and_four_modules() -> None:
    entries = {path.name for path in ZOO.iterdir() if path.name != "__pycache__"}
    assert {name for name in entries if name.endswith(".py")} == {
        "__init__.py", "_io.py", "distributed.py", "timm.py",
    }  # fmt: skip
    assert len([name for name in entries if "." not in name]) <= PACKAGES


@pytest.mark.slow
def test_public_names_are_callable_after_every_module_is_imported() -> None:
    """No package or module hides a function of `zoo`."""
    script = (
        "import importlib, pkgutil, zoo\n"
        "skip = ('zoo.cli.__main__', 'zoo.training.__main__')\n"
        "for module in pkgutil.walk_packages(zoo.__path__, 'zoo.'):\n"
        "    if module.name not in skip: importlib.import_module(module.name)\n"
        "hidden = [name for name in zoo.__all__ if not callable(getattr(zoo, name))]\n"
        "assert not hidden, hidden\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "path",
    [
        p
        for folder in ("zoo", "configs", "eval", "tests")
        for p in sorted((ROOT / folder).rglob("*.py"))
    ],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_source_files_and_functions_stay_within_limits(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= (150 if path.name == "model.py" else 300)
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            length = (node.end_lineno or 0) - body[0].lineno if body else 0
            assert length < 50, f"{node.name} has {length} lines below its docstring"


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
        "from zoo.cli import app; app(['show', 'wrn28_10'], standalone_mode=False)",
        "from zoo.cli import app; app(['show', 'resnet50'], standalone_mode=False)",
        "from zoo.cli import app; app(['cite', 'wrn28_10'], standalone_mode=False)",
    ],
)
def test_import_for_catalog_commands_loads_no_torch(statement: str) -> None:
    code = NO_TORCH.format(statement=statement)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
