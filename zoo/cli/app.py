"""The command's application, shared options and output."""

import dataclasses
import functools
import importlib
import inspect
import logging
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
from zoo.models._registry import model_entries, suggest
from zoo.papers.weights import MODELS_DIR

if TYPE_CHECKING:
    from rich.progress import Progress

MODULES = (
    "bench", "card", "catalog", "check", "compare", "convert", "counts", "data", "dev", "diagnose",
    "evaluate", "export", "generate", "hub", "leaderboard", "ledger", "new", "report", "restore",
    "search", "train", "upscale",
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


Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="Print results and errors alone: no progress.")
]
Verbose = Annotated[
    bool, typer.Option("--verbose", "-v", help="Print what is done, and the traceback of an error.")
]
AGAIN = "Nothing is left half-written; the same command starts over."


class App(typer.Typer):
    """An application whose commands take --quiet and --verbose, and say how to go on.

    A command's `epilog` ends its help, and says after an interruption what the same command does.
    """

    def command(self, name: str | None = None, **options: Any) -> Callable[[Any], Any]:
        """Register a command, as typer does."""
        register = super().command(name, **options)

        def decorate(function: Any) -> Any:
            register(_with_verbosity(function, options.get("epilog", "")))
            return function

        return decorate


def _with_verbosity(function: Callable[..., Any], advice: str) -> Callable[..., Any]:
    @functools.wraps(function)
    def run(*args: Any, quiet: bool, verbose: bool, **kwargs: Any) -> Any:
        set_verbosity(quiet, verbose)
        try:
            return function(*args, **kwargs)
        except KeyboardInterrupt:
            sys.stderr.write(f"zoo: interrupted. {advice or AGAIN}\n")
            raise typer.Exit(130) from None
        except (typer.Exit, typer.Abort):
            raise
        except Exception:
            logging.getLogger("zoo").debug("the traceback of this error:", exc_info=True)
            raise
        finally:
            set_verbosity()

    extra = {"quiet": Quiet, "verbose": Verbose}
    parameters = [
        inspect.Parameter(key, inspect.Parameter.KEYWORD_ONLY, default=False, annotation=annotation)
        for key, annotation in extra.items()
    ]
    signature = inspect.signature(function)
    parameters = [*signature.parameters.values(), *parameters]
    vars(run)["__signature__"] = signature.replace(parameters=parameters)
    run.__annotations__ = function.__annotations__ | extra
    return run


def set_verbosity(quiet: bool = False, verbose: bool = False) -> None:
    """Set how much a command says on stderr. Raises BadParameter for both."""
    if quiet and verbose:
        raise typer.BadParameter("--quiet and --verbose exclude one another")
    log = logging.getLogger("zoo")
    log.setLevel(logging.ERROR if quiet else logging.DEBUG if verbose else logging.WARNING)
    log.handlers = [logging.StreamHandler()] if verbose else []
    log.propagate = not verbose


def is_quiet() -> bool:
    """True if a command is to show neither progress nor notes."""
    return not logging.getLogger("zoo").isEnabledFor(logging.WARNING)


app = App(
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
Data = Annotated[
    Path | None,
    typer.Option(
        help="Folder with one folder per data set; by default bundled data alone.",
        envvar="ZOO_DATA",
    ),
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


def complete_model(incomplete: str) -> list[str]:
    """Return the models whose name begins so, for a shell's completion."""
    return [name for name in model_entries() if name.startswith(incomplete)]


def complete_benchmark(incomplete: str) -> list[str]:
    """Return the benchmarks whose id begins so, for a shell's completion."""
    from zoo.data.benchmarks import BENCHMARKS

    return [name for name in BENCHMARKS if name.startswith(incomplete)]


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
    from rich.markup import escape
    from rich.progress import SpinnerColumn, TimeElapsedColumn

    from zoo._io import progress_bars, title_column

    log, columns = logging.getLogger("zoo"), (SpinnerColumn(), title_column(), TimeElapsedColumn())
    with progress_bars(*columns, hidden=is_quiet(), transient=True) as spinner:
        task = spinner.add_task("reading the papers")

        def advance(text: str) -> None:
            log.debug("%s", text)
            spinner.update(task, description=escape(text))

        yield advance


def bars() -> "Progress":
    """Return progress bars with the remaining time."""
    from zoo._io import progress_bars

    return progress_bars(hidden=is_quiet())
