"""`zoo convert`: published checkpoints to safetensors."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zoo.cli.app import Json, app, print_json

if TYPE_CHECKING:
    from zoo.models._conversion import ConversionReport


@app.command()
def convert(
    file: Annotated[Path, typer.Argument(help="Published checkpoint: .pth, .t7, .safetensors.")],
    to: Annotated[
        Path | None, typer.Option(help="File to write; FILE.safetensors by default.")
    ] = None,
    model: Annotated[
        str, typer.Option(help="Architecture of the checkpoint; detected by default.")
    ] = "",
    keys: Annotated[
        str, typer.Option("--as", help="Key mapping of the output, e.g. nanoGPT; else the zoo's.")
    ] = "",
    ema: Annotated[
        bool | None,
        typer.Option("--ema/--no-ema", help="Take the averaged weights of a file with both kinds."),
    ] = None,
    member: Annotated[
        str,
        typer.Option(
            help="Name of one of several networks in the file, e.g. 7; by default the only one."
        ),
    ] = "",
    as_json: Json = False,
) -> None:
    """Convert a published checkpoint to safetensors, in the zoo's keys or in another mapping's."""
    from zoo.models._conversion import convert_file, report_to_dict

    report = convert_file(file, to, model=model, keys=keys, ema=ema, member=member)
    if as_json:
        print_json(report_to_dict(report))
        return
    args = ", ".join(f"{key}={value!r}" for key, value in report.args.items())
    print(f"{file} is {report.model}({args}) in the keys of {report.keys}")
    for line in _report_lines(report):
        print(line)
    print(f"{report.tensors} tensors written to {report.path}, sha256 {report.sha256}")


def _report_lines(report: "ConversionReport") -> Iterator[str]:
    """Describe the renamed, dropped and added keys: a line for each kind, with examples."""
    if report.renamed:
        first, *_, last = [*report.renamed.items(), *report.renamed.items()]
        examples = "; ".join(f"{old} -> {new}" for old, new in dict((first, last)).items())
        yield f"{len(report.renamed)} renamed: {examples}"
    for verb, keys in (("dropped", report.dropped), ("added", report.added)):
        for reason in dict.fromkeys(keys.values()):
            names = [key for key in keys if keys[key] == reason]
            more = ", ..." if len(names) > 2 else ""
            yield f"{len(names)} {verb}, {reason}: {', '.join(names[:2])}{more}"
    yield from (f"note: {note}" for note in report.notes)
