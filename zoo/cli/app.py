"""The command's application, shared options and output."""

import dataclasses
import importlib
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from zoo import __version__
from zoo._io import json_text
from zoo.models._registry import suggest
from zoo.papers.weights import MODELS_DIR

if TYPE_CHECKING:
    from rich.progress import Progress

MODULES = (
    "card", "catalog", "check", "convert", "counts", "data", "dev", "diagnose", "export",
    "generate", "hub", "ledger", "new", "report", "train", "upscale",
)  # fmt: skip
ELSEWHERE = {"list": "catalog", "show": "catalog", "cite": "catalog"}  # command -> its module


class Commands(TyperGroup):
    """The commands: `zoo list` imports the module of `list` alone, help imports all."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a command, after importing its module."""
        module = ELSEWHERE.get(cmd_name, cmd_name)
        self._load([module] if module in MODULES else MODULES)
        return super().get_command(ctx, cmd_name)

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of all commands."""
        self._load(MODULES)
        return super().list_commands(ctx)

    def _load(self, modules: Iterable[str]) -> None:
        for module in modules:
            importlib.import_module(f"zoo.cli.{module}")
        commands = typer.main.get_command(app)
        assert isinstance(commands, TyperGroup)
        self.commands = commands.commands


app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
Data = Annotated[
    Path | None, typer.Option(help="Folder with one folder per data set.", envvar="ZOO_DATA")
]


def _print_version(asked: bool) -> None:
    if asked:
        print(f"residual-zoo {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version.", callback=_print_version, is_eager=True
        ),
    ] = False,
) -> None:
    """Residual networks from the literature, with what their papers claim."""


def print_json(value: object) -> None:
    """Print a value as JSON; decimals keep their digits as strings, NaN and infinity are null."""

    def plain(item: Any) -> Any:
        if dataclasses.is_dataclass(item) and not isinstance(item, type):
            names = [f.name for f in dataclasses.fields(item) if f.repr]
            return {name: getattr(item, name) for name in names}
        return str(item) if isinstance(item, Decimal) else list(item)

    sys.stdout.write(json_text(value, plain) + "\n")


def unknown(kind: str, name: str, known: Iterable[str]) -> LookupError:
    """Return the error for a name of that kind which does not exist, with the nearest ones."""
    return LookupError(f"no {kind} is called {name!r}; the nearest are {suggest(name, [*known])}")


def require(module: str, extra: str, purpose: str) -> None:
    """Raise ValueError unless an optional dependency is installed."""
    if find_spec(module) is None:
        raise ValueError(f"{purpose} needs {module}: pip install 'residual-zoo[{extra}]'")


def require_checkout(verb: str) -> None:
    """Raise ValueError in an installed zoo, whose papers are not for writing."""
    if not (MODELS_DIR.parent.parent / "pyproject.toml").is_file():
        raise ValueError(f"`{verb}` writes into a checkout; this zoo is installed in {MODELS_DIR}")


@contextmanager
def progress() -> Iterator[Callable[[str], None]]:
    """Show a spinner; yield a function that sets its text."""
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    console = Console(stderr=True)
    hidden = not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=hidden) as spinner:
        task = spinner.add_task("reading the papers")
        yield lambda text: spinner.update(task, description=escape(text))


def bars() -> "Progress":
    """Return progress bars with the remaining time."""
    from rich.console import Console
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
