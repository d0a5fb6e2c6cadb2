"""`zoo new`: the files of a new paper, to be filled in."""

import re
import time
from keyword import iskeyword
from pathlib import Path
from string import Template
from typing import Annotated

import typer

from zoo._io import atomic_write
from zoo.cli.app import app, require_checkout
from zoo.models._registry import model_entries
from zoo.papers.weights import MODELS_DIR

SCAFFOLD = Path(__file__).parent / "scaffold"
MODEL_SUFFIXES = {  # of the first model of a task
    "image-classification": "8",
    "language-modeling": "_nano",
    "super-resolution": "_x2",
}


@app.command()
def new(
    paper: Annotated[str, typer.Argument(help="Folder to make in zoo/models, e.g. tinyres.")],
    arxiv: Annotated[
        str, typer.Option(help="arXiv number of the paper, e.g. 1512.03385v1; by default a TODO.")
    ] = "",
    task: Annotated[
        str, typer.Option(help=f"Task of its models: {', '.join(MODEL_SUFFIXES)}.")
    ] = "image-classification",
) -> None:
    """Scaffold a paper: a folder in zoo/models with a small working model, and its test."""
    require_checkout("zoo new")
    _check(paper, task, arxiv)
    values = {
        "paper": paper,
        "task": task,
        "model": f"{paper}{MODEL_SUFFIXES[task]}",
        "class_name": "".join(word.capitalize() for word in paper.split("_")),
        "arxiv": arxiv or "TODO: arXiv number",
        "arxiv_number": arxiv,
        "year": f"20{arxiv[:2]}" if arxiv else time.strftime("%Y"),
    }
    folder, templates = MODELS_DIR / paper, SCAFFOLD / task
    files = {
        folder / "__init__.py": templates / "__init__.py.txt",
        folder / "model.py": templates / "model.py.txt",
        folder / "paper.toml": SCAFFOLD / "paper.toml.txt",
        _test_file(paper): templates / "test.py.txt",
    }
    folder.mkdir()
    for path, template in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(path, Template(template.read_text("utf-8")).substitute(values))
        print(path)
    print(
        f"fill in the TODOs (CONTRIBUTING.md says how), then: zoo counts {paper}; "
        f"pytest tests/models/test_{paper}.py; zoo check {paper}; python -m eval.readme"
    )


def _test_file(paper: str) -> Path:
    return MODELS_DIR.parent.parent / "tests" / "models" / f"test_{paper}.py"


def _check(paper: str, task: str, arxiv: str) -> None:
    """Raise ValueError for a name, a task or a number that cannot be scaffolded."""
    if not paper.isidentifier() or iskeyword(paper) or paper != paper.lower() or paper[0] == "_":
        raise ValueError(f"a paper's folder is lower case letters, digits and _, not {paper!r}")
    if task not in MODEL_SUFFIXES:
        raise ValueError(f"there are scaffolds for {', '.join(MODEL_SUFFIXES)}, not for {task!r}")
    if arxiv and not re.fullmatch(r"\d{4}\.\d{4,5}(v\d+)?", arxiv):
        raise ValueError(f"an arXiv number is one such as 1512.03385v1, not {arxiv!r}")
    for path in (MODELS_DIR / paper, _test_file(paper)):
        if path.exists():
            raise ValueError(f"{path} exists already; choose another name")
    if (name := f"{paper}{MODEL_SUFFIXES[task]}") in model_entries():
        raise ValueError(f"a model is called {name!r} already; choose another name")
