"""The command: thin verbs over the API. `list`, `show` and `cite` load no torch."""

import dataclasses
import json
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from zoo import api
from zoo.verdicts import Verdict

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
STYLES = {
    "kept": "green",
    "missed": "red",
    "better than reported": "magenta",
    "undecided": "yellow",
}


def _print_json(value: object) -> None:
    def plain(item: Any) -> Any:
        if dataclasses.is_dataclass(item) and not isinstance(item, type):
            return {f.name: getattr(item, f.name) for f in dataclasses.fields(item)}
        return str(item) if isinstance(item, Decimal) else list(item)

    sys.stdout.write(json.dumps(value, default=plain, indent=1, ensure_ascii=False) + "\n")


def _short(number: int | None) -> str:
    """1467610 -> 1.47M"""
    for unit, size in (("G", 10**9), ("M", 10**6), ("K", 10**3)):
        if number is not None and number >= size:
            return f"{number / size:.2f}{unit}"
    return "" if number is None else str(number)


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
            _short(d.params),
            _short(d.macs),
            "x".join(map(str, d.input_size)),
            d.paper.arxiv if d.paper else "",
            str(len(d.claims)),
            ", ".join(w.tag for w in d.weights),
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
        out.print(_claims_table(d))
    for weights in d.weights:
        on = ", ".join(weights.benchmarks)
        out.print(f"weights [bold]{weights.name}[/]: {escape(weights.relation)}, for {on}")
        out.print(f"  {escape(weights.origin)}, licence {weights.licence}")
    for deviation in d.deviations:
        out.print(f"deviation {deviation.id}: {escape(deviation.what)}")
        out.print(f"  paper: {escape(deviation.paper)}; why: {escape(deviation.why)}")
    for contradiction in d.contradictions:
        out.print(f"contradiction {contradiction.id}: {escape(contradiction.what)}")
        out.print(f"  {escape(contradiction.resolution)}")
    if d.paper:
        out.print(escape(d.paper.bibtex.strip()), highlight=False)


def _claims_table(d: api.Description) -> Table:
    from zoo.verdicts import describe_claim

    table = Table("claim", "where", "how", title="what the paper claims", title_justify="left")
    for claim in d.claims:
        model, metric, claimed = describe_claim(claim)
        table.add_row(
            escape(f"{model}: {metric} {claimed}"), escape(claim.where), claim.aggregation
        )
    return table


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
        report(rows, everything, Console())
    raise typer.Exit(1 if any(row.fails for row in rows) else 0)


def report(rows: list[Verdict], everything: bool, out: Console) -> None:
    """Tables by paper, what explains a miss, what was not run and why, then the sums."""
    titles = {paper.id: f"{paper.title} (arXiv:{paper.arxiv})" for paper in api.papers()}
    for paper in dict.fromkeys(row.paper for row in rows):
        of_paper = [row for row in rows if row.paper == paper]
        shown = [row for row in of_paper if row.status != "not run" or everything]
        out.print(f"\n[bold]{escape(titles[paper])}[/]")
        if shown:
            out.print(_verdicts_table(shown))
        explained = {row.explained_by: row.why for row in of_paper if row.explained_by}
        for record, what in explained.items():
            out.print(f"  {record}: [dim]{escape(what)}[/]")
        skipped = Counter(row.why for row in of_paper if row.status == "not run")
        for why, number in skipped.most_common() if not everything else ():
            out.print(f"  [dim]not run, {number}: {escape(why)}[/]")
    sums = Counter(row.status for row in rows)
    explained_misses = sum(bool(row.explained_by) for row in rows)
    told = [f"{number} {status}" for status, number in sums.most_common()]
    tail = f" ({explained_misses} of the missed explained)" if explained_misses else ""
    out.print("\n" + ", ".join(told) + tail)


def _verdicts_table(rows: list[Verdict]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for title in ("model", "claim", "claimed", "measured", "verdict"):
        table.add_column(title, overflow="fold")
    for row in rows:
        style = STYLES.get(row.status, "dim")
        verdict = f"[{style}]{row.status}[/]"
        if row.explained_by:
            verdict += f" ({row.explained_by})"
        elif row.why:
            verdict += f": {escape(row.why)}"
        claim = f"{escape(row.metric)}, [dim]{escape(row.where)}[/]"
        table.add_row(escape(row.model), claim, escape(row.claimed), escape(row.measured), verdict)
    return table


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
    as_json: Json = False,
) -> None:
    """Turn a published checkpoint into safetensors under the zoo's names."""
    from zoo.convert import convert_file

    done = convert_file(file, to or file.with_suffix(".safetensors"), model=model)
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


def main() -> None:
    """Entry point: bad input ends in one sentence and exit code 2."""
    try:
        app()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (ValueError, LookupError, OSError, FloatingPointError) as error:
        print(f"zoo: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
