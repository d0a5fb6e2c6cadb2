"""What is known: list, show, cite. They load no torch."""

import dataclasses
import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from zoo.cli.app import Json, app, print_json
from zoo.models._catalog import describe, list_models
from zoo.reporting import console


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
    names = list_models(pattern, paper=paper, task=task, dataset=dataset, pretrained=pretrained)
    described = [describe(name) for name in names]
    if as_json:
        keys = ("name", "params", "macs", "input_size", "num_classes")
        print_json([{key: getattr(d, key) for key in keys} for d in described])
        return
    if not names:
        raise LookupError(f"no name matches {pattern!r} with these options; try `zoo list`")
    heads = ("name", "params", "multiply-adds", "input", "paper", "claims", "weights")
    rows = [
        (
            d.name,
            console.short(d.params),
            console.short(d.macs),
            "x".join(map(str, d.input_size)),
            d.paper.arxiv if d.paper else "",
            str(len(d.claims)),
            console.tags(d),
        )
        for d in described
    ]
    sys.stdout.writelines(console.columns([heads, *rows], right=(1, 2, 3, 5)))


@app.command()
def show(name: str, as_json: Json = False) -> None:
    """Show one network: paper, counts, claims, weights, deviations."""
    d = describe(name)
    if as_json:
        shown = {f.name: getattr(d, f.name) for f in dataclasses.fields(d)}
        shown["paper"] = d.paper and {"title": d.paper.title, "arxiv": d.paper.arxiv}
        print_json(shown)
        return
    out = Console()
    args = ", ".join(f"{key}={value!r}" for key, value in d.args.items())
    out.print(f"[bold]{escape(d.name)}[/]  {escape(d.target)}({escape(args)})")
    if d.paper:
        people = ", ".join(d.paper.authors)
        out.print(f"{escape(d.paper.title)}, {escape(people)}, {d.paper.year}")
        arxiv = f"arXiv:{d.paper.arxiv}   " if d.paper.arxiv else ""
        out.print(f"{arxiv}code: {d.paper.code}")
    if d.params is not None and d.macs is not None:
        size = "x".join(map(str, d.input_size))
        out.print(f"{d.params:,} parameters, {d.macs:,} multiply-adds at {size}")
    if d.claims:
        out.print(console.claims(d))
    if d.weights:
        out.print(console.weights(d))
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
    paper = describe(name).paper
    if paper is None:
        raise LookupError(f"{name} comes from no paper of the zoo")
    sys.stdout.write(paper.bibtex.strip() + "\n")
