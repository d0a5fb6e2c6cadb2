"""`zoo export`: claims and measurements in other programs' formats."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from zoo.cli.app import app, progress


class Format(StrEnum):
    """Names of `zoo.reporting.exports.FORMATS`, spelled out for the help text."""

    csv = "csv"
    latex = "latex"
    bibtex = "bibtex"
    eval_results = "eval-results"
    every_eval_ever = "every-eval-ever"


@app.command()
def export(
    name: Annotated[Format, typer.Option("--format", help="Format to write.")],
    names: Annotated[
        list[str] | None, typer.Argument(help="Models, papers or arXiv numbers; all by default.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="File to write, or a folder for formats of several files; else stdout."),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Overwrite files that `zoo export` did not write.")
    ] = False,
) -> None:
    """Export claims and recorded results for other programs."""
    from zoo.reporting import exports

    chosen = exports.FORMATS[name]
    if out is None and not chosen.file:
        raise ValueError(f"--format {name} writes several files: name their folder by --out DIR")
    with progress() as advance:
        advance("reading the papers and the ledgers")
        files = chosen.files(names or [])
    if out is None:
        sys.stdout.write(files[chosen.file])
        return
    paths = exports.save(files, out, chosen, overwrite=force)
    print("\n".join(map(str, paths)))
