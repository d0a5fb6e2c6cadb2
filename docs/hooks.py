"""MkDocs' hook: references are written from the code, the command's from its own help, a page from
the notebook."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import zoo

COMMANDS, FUNCTIONS = "<!-- commands -->", "<!-- functions -->"
NOTEBOOK = "<!-- notebook -->"


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Put the help of each command, the docstring of each function and the cells of the notebook in
    the place of a mark."""
    if NOTEBOOK in markdown:
        return markdown.replace(NOTEBOOK, "\n\n".join(_cells()))
    if COMMANDS in markdown:
        command = [sys.executable, "-m", "typer", "zoo.cli", "utils", "docs", "--name", "zoo"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return markdown.replace(COMMANDS, done.stdout.replace("# `zoo`", "## `zoo`", 1))
    functions = "\n".join(
        f"## zoo.{name}\n\n::: {getattr(zoo, name).__module__}.{name}\n" for name in zoo.__all__
    )
    return markdown.replace(FUNCTIONS, functions)


def _cells() -> Iterator[str]:
    """Yield the cells of the notebook and what they print, as Markdown."""
    notebook = json.loads(Path(__file__).with_name("quickstart.ipynb").read_text("utf-8"))
    for cell in notebook["cells"]:
        text = "".join(cell["source"])
        yield f"```python\n{text}\n```" if cell["cell_type"] == "code" else text
        yield from (f"```text\n{''.join(out['text'])}```" for out in cell.get("outputs", ()))
