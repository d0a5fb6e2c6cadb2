"""MkDocs' hook: references are written from the code, the command's from its own help."""

import subprocess
import sys
from typing import Any

import zoo

COMMANDS, FUNCTIONS = "<!-- commands -->", "<!-- functions -->"


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Put the help of each command, and the docstring of each function, in the place of a mark."""
    if COMMANDS in markdown:
        command = [sys.executable, "-m", "typer", "zoo.cli", "utils", "docs", "--name", "zoo"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return markdown.replace(COMMANDS, done.stdout.replace("# `zoo`", "## `zoo`", 1))
    functions = "\n".join(
        f"## zoo.{name}\n\n::: {getattr(zoo, name).__module__}.{name}\n" for name in zoo.__all__
    )
    return markdown.replace(FUNCTIONS, functions)
