"""The command: thin verbs over the API. `list`, `show` and `cite` load no torch."""

import dataclasses
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from zoo import api, registry, tables

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


def _print_json(value: object) -> None:
    def plain(item: Any) -> Any:
        if dataclasses.is_dataclass(item) and not isinstance(item, type):
            return {f.name: getattr(item, f.name) for f in dataclasses.fields(item)}
        return str(item) if isinstance(item, Decimal) else list(item)

    sys.stdout.write(json.dumps(value, default=plain, indent=1, ensure_ascii=False) + "\n")


@app.command("list")
def list_command(
    pattern: Annotated[str, typer.Argument(help="Shell pattern, e.g. 'wrn*'.")] = "*",
    paper: Annotated[str, typer.Option(help="Room or arXiv number.")] = "",
    task: Annotated[str, typer.Option(help="e.g. image-classification.")] = "",
    dataset: Annotated[str, typer.Option(help="With claims or weights on it.")] = "",
    pretrained: Annotated[bool, typer.Option(help="Weights instead of networks.")] = False,
    as_json: Json = False,
) -> None:
    """List the networks."""
    names = api.list_models(pattern, paper=paper, task=task, dataset=dataset, pretrained=pretrained)
    described = [api.describe(name) for name in names]
    if as_json:
        keys = ("name", "params", "macs", "input_size", "num_classes")
        _print_json([{key: getattr(d, key) for key in keys} for d in described])
        return
    table = Table("name", "params", "multiply-adds", "input", "paper", "claims", "weights")
    for d in described:
        table.add_row(
            d.name,
            tables.short(d.params),
            tables.short(d.macs),
            "x".join(map(str, d.input_size)),
            d.paper.arxiv if d.paper else "",
            str(len(d.claims)),
            tables.tags(d),
        )
    Console().print(table)
    if not names:
        raise LookupError(f"no name matches {pattern!r} with these options; try `zoo list`")


@app.command()
def show(name: str, as_json: Json = False) -> None:
    """Show one network: paper, counts, claims, weights, deviations."""
    d = api.describe(name)
    if as_json:
        shown = {f.name: getattr(d, f.name) for f in dataclasses.fields(d)}
        shown["paper"] = d.paper and {"title": d.paper.title, "arxiv": d.paper.arxiv}
        _print_json(shown)
        return
    out = Console()
    args = ", ".join(f"{key}={value!r}" for key, value in d.args.items())
    out.print(f"[bold]{escape(d.name)}[/]  {escape(d.target)}({escape(args)})")
    if d.paper:
        people = ", ".join(d.paper.authors)
        out.print(f"{escape(d.paper.title)}, {escape(people)}, {d.paper.year}")
        out.print(f"arXiv:{d.paper.arxiv}   code: {d.paper.code}")
    if d.params is not None and d.macs is not None:
        size = "x".join(map(str, d.input_size))
        out.print(f"{d.params:,} parameters, {d.macs:,} multiply-adds at {size}")
    if d.claims:
        out.print(tables.claims(d))
    if d.weights:
        out.print(tables.weights(d))
    for deviation in d.deviations:
        out.print(f"deviation {deviation.id}: {escape(deviation.what)}")
        out.print(f"  paper: {escape(deviation.paper)}; why: {escape(deviation.why)}")
    for contradiction in d.contradictions:
        out.print(f"contradiction {contradiction.id}: {escape(contradiction.what)}")
        out.print(f"  {escape(contradiction.resolution)}")
    if d.paper:
        out.print(escape(d.paper.bibtex.strip()), highlight=False)


@app.command()
def cite(name: str) -> None:
    """Print the BibTeX entry of a network's paper."""
    paper = api.describe(name).paper
    if paper is None:
        raise LookupError(f"{name} comes from no paper of the zoo")
    sys.stdout.write(paper.bibtex.strip() + "\n")


@app.command()
def check(
    names: Annotated[list[str] | None, typer.Argument(help="Models, rooms, arXiv numbers.")] = None,
    data: Data = None,
    everything: Annotated[bool, typer.Option("--all", help="Also rows that were not run.")] = False,
    as_json: Json = False,
) -> None:
    """Hold the papers' claims against what is counted and measured now.

    Exit code 1 when a claim is missed and nothing recorded explains it.
    """
    if data is not None and not data.is_dir():
        raise ValueError(f"--data must be a folder that exists, not {data}")
    with _progress() as advance:
        rows = api.check(*(names or []), data=data, advance=advance)
    if as_json:
        _print_json(rows)
    else:
        tables.report(rows, everything, Console())
    raise typer.Exit(1 if any(row.fails for row in rows) else 0)


@app.command()
def pin(
    names: Annotated[list[str], typer.Argument(help="Weights that were loaded here.")],
) -> None:
    """Write commit and sha256 of weights on the Hub, as locked here, into the room (timm.json)."""
    from zoo import hub

    for name in names:
        _, weights = registry.split(name)
        found = hub.pin(weights or registry.default_weights(name))
        print(f"{name}: pinned at {found.revision}, sha256 {found.sha256}")


@contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    console = Console(stderr=True)
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as progress:
        task = progress.add_task("reading the papers")
        yield lambda what: progress.update(task, description=escape(what))


@app.command()
def convert(
    file: Annotated[Path, typer.Argument(help="A published checkpoint (.th, .pth, .safetensors).")],
    to: Annotated[Path | None, typer.Option(help="Output; FILE.safetensors by default.")] = None,
    model: Annotated[str, typer.Option(help="Its architecture, if you want to insist.")] = "",
    install: Annotated[
        bool, typer.Option(help="Where zoo.create and `zoo check` look for it.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Turn a published checkpoint into safetensors under the zoo's names."""
    from zoo.convert import convert_file

    if to and install:
        raise ValueError("--install chooses the file itself; leave out --to")
    done = convert_file(file, to, model=model, install=install)
    if as_json:
        _print_json(done)
    else:
        args = ", ".join(f"{key}={value!r}" for key, value in done.args.items())
        print(f"{file} is {done.model}({args}) in the keys of {done.scheme}")
        print(f"{done.tensors} tensors written to {done.path}, sha256 {done.sha256}")


@app.command()
def train(
    recipe: Annotated[str, typer.Argument(help="FILE.py:NAME, e.g. configs/digits.py:resnet20.")],
    out: Annotated[Path, typer.Option(help="Folder of the run; an interrupted one goes on.")],
    seed: int = 0,
    data: Data = None,
) -> None:
    """Train by a recipe, or go on with a run that was interrupted."""
    from zoo.train import load_recipe
    from zoo.train import train as train_by

    run = train_by(load_recipe(recipe), seed=seed, out=out, data=data)
    run.accelerator.print(f"the weights are in {out / 'model.safetensors'}")
    run.accelerator.end_training()


@app.command()
def upscale(
    images: Annotated[list[Path], typer.Argument(help="Photographs, or folders of them.")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="A file, or a folder for several.")
    ] = None,
    model: Annotated[str, typer.Option(help="e.g. rcan_tiny, carn_m, rcan_x4.")] = "rcan_tiny",
    scale: Annotated[int, typer.Option(help="How many times as wide and as high.")] = 2,
    weights: Annotated[
        Path | None, typer.Option(help="A safetensors file of `zoo convert`, for the model.")
    ] = None,
    tile: Annotated[int | None, typer.Option(help="Pixels; from free memory by default.")] = None,
    plus: Annotated[bool, typer.Option(help="Mean of eight positions: slower, better.")] = False,
) -> None:
    """Make photographs larger."""
    from zoo import upscaling

    jobs = upscaling.plan(images, output, scale)
    network = upscaling.load(model, scale, weights)
    with _bars() as bars:
        task = bars.add_task("")
        for file, to in jobs:
            bars.update(task, description=escape(file.name))

            def advance(done: int, total: int) -> None:
                bars.update(task, completed=done, total=total)

            options = {"tile": tile, "plus": plus, "advance": advance}
            width, height = upscaling.upscale_file(file, to, network, scale, **options)
            print(f"{to}: {width}x{height}")


def _bars() -> Progress:
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    hidden = not console.is_terminal
    return Progress(*columns, TimeRemainingColumn(), console=console, disable=hidden)


@app.command()
def score(
    sr: Annotated[Path, typer.Option(help="Folder of enlarged images.")],
    hr: Annotated[Path, typer.Option(help="Folder of the true ones, under the same names.")],
    scale: Annotated[int, typer.Option(help="So many pixels of each edge are left out.")],
    as_json: Json = False,
) -> None:
    """Score enlarged images as papers do: PSNR and SSIM on Y, a border cut off."""
    from zoo.benchmarks import super_resolution

    found = super_resolution.score_folders(sr, hr, scale)
    mean = super_resolution.mean(found)
    if as_json:
        scores = {name: value._asdict() for name, value in found.items()}
        _print_json({"scale": scale, "images": scores, "mean": mean._asdict()})
        return
    table = Table("image", "PSNR (dB)", "SSIM")
    for name, value in [*found.items(), (f"mean of {len(found)}", mean)]:
        table.add_row(escape(name), f"{value.psnr:.2f}", f"{value.ssim:.4f}")
    Console().print(table)


def main() -> None:
    """Entry point: bad input ends in one sentence and exit code 2."""
    try:
        app()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (ValueError, LookupError, OSError, FloatingPointError, MemoryError) as error:
        print(f"zoo: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
