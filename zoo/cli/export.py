"""For other programs: export."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from zoo.cli.app import app, progress


class Name(StrEnum):
    """Of a format."""

    csv = "csv"
    latex = "latex"
    bibtex = "bibtex"
    eval_results = "eval-results"
    every_eval_ever = "every-eval-ever"


@app.command()
def export(
    name: Annotated[Name, typer.Option("--format", help="What reads it.")],
    names: Annotated[list[str] | None, typer.Argument(help="Models, rooms, arXiv numbers.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="A file, or a folder for several; else it is printed.")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Also over files that something else wrote.")
    ] = False,
) -> None:
    """Write what is claimed and was measured for others to read, from records alone."""
    from zoo.reporting import exports

    chosen = exports.FORMATS[name]
    if out is None and not chosen.file:
        raise ValueError(f"--format {name} is several files: say by --out DIR where they shall be")
    with progress() as advance:
        advance("reading the papers and the ledgers")
        files = chosen.files(names or [])
    if out is None:
        sys.stdout.write(files[chosen.file])
        return
    paths = exports.save(files, out, chosen, overwrite=force)
    print("\n".join(map(str, paths)))
