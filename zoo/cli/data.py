"""`zoo data`: get the data sets of the benchmarks, and check those in a folder."""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zoo.cli.app import App, Json, app, print_json, progress

if TYPE_CHECKING:
    from zoo.data.catalog import Download

data = App(no_args_is_help=True, help="Data sets of the benchmarks.")
app.add_typer(data, name="data")
UNITS = (("GB", 1e9), ("MB", 1e6), ("kB", 1e3))


@data.command("list")
def list_(as_json: Json = False) -> None:
    """List the data sets that can be had, with their licenses."""
    from zoo.data.catalog import list_datasets

    entries = list_datasets()
    if as_json:
        print_json([{k: v for k, v in asdict(e).items() if k != "files"} for e in entries])
        return
    width = max(len(entry.name) for entry in entries)
    for entry in entries:
        access = f"; {entry.access}" if entry.access else ""
        print(f"{entry.name:{width}}  {entry.title} ({entry.license}{access})")


@data.command(epilog="The same command resumes the download.")
def get(
    names: Annotated[list[str], typer.Argument(help="Data sets, see `zoo data list`.")],
    to: Annotated[Path, typer.Option(help="Folder of data, as --data takes it.")],
    source: Annotated[
        Path | None,
        typer.Option("--from", help="Folder of one's own; by default the data is downloaded."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Download data sets into a folder of data: each whole and checked, or not at all.

    An interrupted download is resumed by the same command.
    """
    from zoo.data import catalog

    if source and len(names) > 1:
        raise ValueError("--from is of one data set")
    if source is None:
        for name in names:
            print(_terms(catalog.describe(name)), file=sys.stderr)
        _agree(yes)
    for name in names:
        with progress() as advance:
            path = catalog.get(name, to, source=source, on_progress=advance)
        print(path)


def _terms(download: "Download") -> str:
    """Return license and size in a line."""
    entry, parts = download.entry, []
    if download.bytes:
        parts.append(_size(download.bytes))
    if download.unknown:
        parts.append("more whose size is not said" if parts else "a size that is not said")
    access = f"; {entry.access}" if entry.access else ""
    size = " and ".join(parts) or "no download"
    return f"{entry.name}: {size}, of {entry.home}; license: {entry.license}{access}"


def _size(count: int) -> str:
    unit, divisor = next(((u, d) for u, d in UNITS if count >= d), ("bytes", 1.0))
    return f"{count / divisor:.3g} {unit}"


def _agree(yes: bool) -> None:
    """Ask on a terminal. Raises ValueError where nobody can be asked."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise ValueError("nothing was downloaded: say --yes to agree to the licenses above")
    if not typer.confirm("Download?", err=True):
        raise typer.Exit(1)


@data.command()
def verify(
    folder: Annotated[Path, typer.Argument(help="Folder of data.", metavar="DIR")],
    names: Annotated[
        list[str] | None, typer.Argument(help="Data sets; all in the folder by default.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Check data sets: samples, balance of classes, and contents where a sum is published."""
    from zoo.data import catalog

    checks = []
    for check in catalog.verify(folder, tuple(names or ())):
        checks.append(check)
        if not as_json:
            count = f"{check.samples:,} sample{'s' * (check.samples != 1)}"
            print(f"{check.benchmark}: {check.problem or f'whole, {count}'}")
    if as_json:
        print_json([asdict(check) for check in checks])
    elif not checks:
        print(f"{folder} holds no data set of `zoo data list`")
    if any(check.problem for check in checks):
        raise typer.Exit(1)
