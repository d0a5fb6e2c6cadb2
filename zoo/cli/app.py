"""What all verbs share: the command, its options, what it prints for machines and for people."""

import dataclasses
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

if TYPE_CHECKING:
    from rich.progress import Progress

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    help="Residual networks from the literature, with what their papers claim.",
)
Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
Data = Annotated[
    Path | None, typer.Option(help="Folder of data sets, one folder each.", envvar="ZOO_DATA")
]


def print_json(value: object) -> None:
    def plain(item: Any) -> Any:
        if dataclasses.is_dataclass(item) and not isinstance(item, type):
            shown = [f.name for f in dataclasses.fields(item) if f.repr]
            return {name: getattr(item, name) for name in shown}
        return str(item) if isinstance(item, Decimal) else list(item)

    sys.stdout.write(json.dumps(value, default=plain, indent=1, ensure_ascii=False) + "\n")


@contextmanager
def progress() -> Iterator[Callable[[str], None]]:
    """A spinner that says what is being done."""
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    console = Console(stderr=True)
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as shown:
        task = shown.add_task("reading the papers")
        yield lambda what: shown.update(task, description=escape(what))


def bars() -> "Progress":
    """Bars with the time that is left."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    hidden = not console.is_terminal
    return Progress(*columns, TimeRemainingColumn(), console=console, disable=hidden)
