"""MkDocs' hook: references are written from the code, the command's from its own help, the
comparison of residual streams from the published ledger."""

import subprocess
import sys
from typing import Any

import zoo
from zoo.evaluation import ledger
from zoo.reporting import bench

COMMANDS, FUNCTIONS = "<!-- commands -->", "<!-- functions -->"
STREAMS = "<!-- residual streams -->"


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Put the help of each command, the docstring of each function, and the tables of the
    comparison in the place of a mark."""
    if STREAMS in markdown:
        return markdown.replace(STREAMS, bench.markdown(ledger.published().records()))
    if COMMANDS in markdown:
        command = [sys.executable, "-m", "typer", "zoo.cli", "utils", "docs", "--name", "zoo"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return markdown.replace(COMMANDS, done.stdout.replace("# `zoo`", "## `zoo`", 1))
    functions = "\n".join(
        f"## zoo.{name}\n\n::: {getattr(zoo, name).__module__}.{name}\n" for name in zoo.__all__
    )
    return markdown.replace(FUNCTIONS, functions)
