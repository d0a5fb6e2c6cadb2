"""Weights: pin, convert, train."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zoo.cli.app import Json, app, print_json

if TYPE_CHECKING:
    from zoo.models._conversion import ConversionReport


@app.command()
def convert(
    file: Annotated[Path, typer.Argument(help="A published checkpoint (.th, .pth, .safetensors).")],
    to: Annotated[Path | None, typer.Option(help="Output; FILE.safetensors by default.")] = None,
    model: Annotated[str, typer.Option(help="Its architecture, if you want to insist.")] = "",
    install: Annotated[
        bool, typer.Option(help="Where zoo.create and `zoo check` look for it.")
    ] = False,
    keys: Annotated[
        str, typer.Option("--as", help="In others' names, e.g. nanoGPT; the zoo's by default.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Turn a published checkpoint into safetensors under the zoo's names, or others'."""
    from zoo.models._conversion import convert_file, report_to_dict

    if install and (to or keys):
        raise ValueError("--install chooses file and names itself; leave out --to and --as")
    done = convert_file(file, to, model=model, install=install, keys=keys)
    if as_json:
        print_json(report_to_dict(done))
    else:
        args = ", ".join(f"{key}={value!r}" for key, value in done.args.items())
        print(f"{file} is {done.model}({args}) in the keys of {done.scheme}")
        for line in _report(done):
            print(line)
        print(f"{done.tensors} tensors written to {done.path}, sha256 {done.sha256}")


def _report(done: "ConversionReport") -> Iterator[str]:
    """What became of the keys of a file, a line for each kind, with an example or two."""
    if done.renamed:
        first, *_, last = [*done.renamed.items(), *done.renamed.items()]
        examples = "; ".join(f"{old} -> {new}" for old, new in dict((first, last)).items())
        yield f"{len(done.renamed)} renamed: {examples}"
    for what, keys in (("dropped", done.dropped), ("added", done.added)):
        for why in dict.fromkeys(keys.values()):
            those = [key for key in keys if keys[key] == why]
            more = ", ..." if len(those) > 2 else ""
            yield f"{len(those)} {what}, {why}: {', '.join(those[:2])}{more}"
    yield from (f"note: {note}" for note in done.notes)
