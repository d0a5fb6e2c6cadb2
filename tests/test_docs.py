"""Examples of README.md and docs/ run and print what they say; the site builds strictly."""

import contextlib
import io
import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from typer.testing import CliRunner

import zoo
from tests.conftest import ROOT
from zoo.cli import app

NOTEBOOK = ROOT / "docs" / "quickstart.ipynb"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
LONG = ("onnx", "digits/train")  # an example with these takes seconds
FENCES = [
    pytest.param(
        code, id=f"{page.stem}-{number}", marks=[pytest.mark.slow] * any(w in code for w in LONG)
    )
    for page in PAGES
    for number, code in enumerate(re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL))
]
COMMANDS = re.compile(r"^(?:\$ )?(zoo [a-z-]+.*?)(?:  +.*)?$", re.MULTILINE)


def printed(code: str) -> list[str]:
    """What the comments of an example say that it prints."""
    return re.findall(r"^print\(.*\)  # (.+)$", code, re.MULTILINE)


@pytest.mark.parametrize("code", FENCES)
def test_example_prints_commented_output(code: str) -> None:
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        exec(code, {})
    assert output.getvalue().splitlines() == printed(code)


@pytest.mark.slow
def test_notebook_cells_print_stored_outputs() -> None:
    names: dict[str, object] = {}
    for cell in json.loads(NOTEBOOK.read_text("utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            output = io.StringIO()
            with contextlib.redirect_stdout(output):
                exec("".join(cell["source"]), names)
            stored = [line for out in cell["outputs"] for line in out["text"]]
            assert output.getvalue().splitlines(keepends=True) == stored


@pytest.mark.slow
def test_first_example_runs_in_new_process() -> None:
    (first, *_) = re.findall(r"```python\n(.*?)```", PAGES[0].read_text(), re.DOTALL)
    done = subprocess.run(
        [sys.executable, "-c", first], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == printed(first)


def test_every_command_of_the_pages_exists() -> None:
    """With its options."""
    named: dict[str, set[str]] = {}
    for page in PAGES:
        for block in re.findall(r"```\n(.*?)```", page.read_text(), re.DOTALL):
            for line in COMMANDS.findall(block.replace("\\\n", " ")):
                verb = " ".join(
                    re.match(r"zoo ((?:hub |ledger |data |dev |bench )?[a-z-]+)", line)[1].split()
                )
                named.setdefault(verb, set()).update(re.findall(r"--[a-z-]+", line.split("#")[0]))
    assert len(named) > 15
    for verb, options in named.items():
        told = CliRunner().invoke(app, [*verb.split(), "--help"], env={"COLUMNS": "200"}).output
        assert "Usage" in told, verb
        assert {option for option in options if option not in told} == set(), verb


def test_walk_through_one_number_quotes_the_claims() -> None:
    page = (ROOT / "docs" / "reproduce.md").read_text()
    claims = zoo.list_claims("wrn28_10", kind="measured", benchmark="cifar10/test")
    printed = [claim for claim in claims if not claim.args]
    assert [claim for claim in printed if f"{claim.value} %" not in page] == []
    assert [claim for claim in printed if claim.where not in page] == []


@pytest.mark.slow
def test_readme_number_is_reproduced_in_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ZOO_DATA", raising=False)  # what scikit-learn carries is enough
    shown = re.search(r"claimed (.*?)   measured (.*?)   (\w+)", PAGES[0].read_text())
    done = CliRunner().invoke(app, ["check", "--retrain", "rfnn"], env={"COLUMNS": "250"})
    assert done.exit_code == 0
    assert all(text in done.output for text in shown.groups())


class Resources(HTMLParser):
    """What a page loads by itself."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.urls: list[str] = []
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        named = dict(attributes)
        loads = tag in ("script", "img", "iframe") or (
            tag == "link" and named.get("rel") in ("stylesheet", "icon", "preconnect")
        )
        if loads:
            self.urls += [url for url in (named.get("src"), named.get("href")) if url]


@pytest.mark.slow
def test_site_builds_strictly_and_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    pages = sorted(tmp_path.rglob("*.html"))
    assert len(pages) >= len(PAGES)
    loaded = [url for page in pages for url in Resources(page).urls]
    assert loaded
    assert [url for url in loaded if "//" in url] == []
    notebook = (tmp_path / "notebook" / "index.html").read_text(encoding="utf-8")
    assert "358 of 360 digits right" in notebook
    assert (tmp_path / NOTEBOOK.name).read_bytes() == NOTEBOOK.read_bytes()
    reference = (tmp_path / "api" / "index.html").read_text(encoding="utf-8")
    assert "zoo.optimize" in reference
    assert "zoo check" in (tmp_path / "commands" / "index.html").read_text(encoding="utf-8")
